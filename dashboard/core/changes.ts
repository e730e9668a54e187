/** What an edit changes in the document, member by member, for whoever is about to apply it. */
import { diffNetworks } from "../../shared/network/diff.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { isRecord } from "../../shared/records.ts";

export interface MemberChange {
  /** `key_rate_bps`, `credentials/0/match`. */
  readonly member: string;
  /** Null: was not there, or is not any more. */
  readonly before: string | null;
  readonly after: string | null;
}
export interface EntryChange {
  readonly kind: "added" | "removed" | "changed" | "moved";
  /** `links`. */
  readonly section: string;
  readonly id: string;
  readonly members: readonly MemberChange[];
}

export function entryChanges(before: NetworkDocument, after: NetworkDocument): readonly EntryChange[] {
  return diffNetworks(before, after).map(({ kind, id, pointer }) => {
    const section = pointer.split("/")[1] ?? "";
    const [old, young] = [entryOf(before, section, id), entryOf(after, section, id)];
    return { kind, section, id, members: memberChanges(flat(old), flat(young)) };
  });
}

function entryOf(document: NetworkDocument, section: string, id: string): unknown {
  const part = (document as unknown as Readonly<Record<string, unknown>>)[section];
  if (!Array.isArray(part) || section === id) return part;
  return (part as readonly { readonly id?: unknown }[]).find((entry) => entry.id === id);
}

function memberChanges(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): MemberChange[] {
  const members = new Set([...before.keys(), ...after.keys()]);
  return [...members].flatMap((member) => {
    const [old, young] = [before.get(member) ?? null, after.get(member) ?? null];
    return old === young || member === "id" ? [] : [{ member, before: old, after: young }];
  });
}

/** Members that are no objects themselves, by their path. A list of plain values is one. */
function flat(value: unknown, path = ""): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (!isRecord(value) && !(Array.isArray(value) && value.some(isRecord))) return new Map([[path, inWords(value)]]);
  const members = Object.entries(value).map(([name, member]) => flat(member, path === "" ? name : `${path}/${name}`));
  return new Map(members.flatMap((each) => [...each]));
}

const inWords = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
};
