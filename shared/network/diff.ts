/** What changes from one network document to the next. */
import { canonicalJson } from "../audit/canonical-json.ts";
import type { NetworkDiff } from "./directory-types.ts";
import type { LinkEntry, NetworkDocument, NodeEntry, SaeEntry } from "./document.ts";
import { pairOfLink } from "./lookup.ts";

export type Change = NetworkDiff["changes"][number];

const LISTS = [
  "nodes",
  "links",
  "saes",
  "agents",
  "controllers",
  "operators",
  "kms_peers",
  "legacy_nodes",
  "kms_clients",
  "kms_users",
  "webhooks",
] as const;
/** Told as a whole. Pairs have no ids. */
const SINGLES = ["name", "pairs", "browser_origins", "policy"] as const;

/** Every entry added, removed, changed or moved. Pointers are into the new document, of removed entries into the old. */
export function diffNetworks(before: NetworkDocument, after: NetworkDocument): readonly Change[] {
  const changes: Change[] = [];
  for (const name of SINGLES) {
    if (!same(before[name] ?? null, after[name] ?? null))
      changes.push({ pointer: `/${name}`, kind: "changed", id: name });
  }
  for (const name of LISTS) changes.push(...listChanges(name, before[name] ?? [], after[name] ?? []));
  return changes;
}

/** What the new document no longer holds where it was: its keys are drained. */
export interface Removals {
  /** Removed or moved to another node; as they were. */
  readonly saes: readonly SaeEntry[];
  /** Links whose two nodes are joined by none any more; as they were. */
  readonly links: readonly LinkEntry[];
  readonly nodes: readonly NodeEntry[];
}

export function removalsBetween(before: NetworkDocument, after: NetworkDocument): Removals {
  const saeNodes = new Map(after.saes.map((sae) => [sae.id, sae.node]));
  const pairs = new Set(after.links.map((link) => pairOfLink(link)));
  const nodes = new Set(after.nodes.map((node) => node.id));
  return {
    saes: before.saes.filter((sae) => saeNodes.get(sae.id) !== sae.node),
    links: before.links.filter((link) => !pairs.has(pairOfLink(link))),
    nodes: before.nodes.filter((node) => !nodes.has(node.id)),
  };
}

interface Listed {
  readonly id: string;
  readonly node?: SaeEntry["node"] | undefined;
  readonly nodes?: LinkEntry["nodes"];
}

function listChanges(name: string, before: readonly Listed[], after: readonly Listed[]): Change[] {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  const present = new Set(after.map((entry) => entry.id));
  const removed = before.flatMap((entry, index) =>
    present.has(entry.id) ? [] : [{ pointer: `/${name}/${index}`, kind: "removed" as const, id: entry.id }],
  );
  const others = after.flatMap((entry, index): Change[] => {
    const kind = kindOf(old.get(entry.id), entry);
    return kind === null ? [] : [{ pointer: `/${name}/${index}`, kind, id: entry.id }];
  });
  return [...removed, ...others];
}

function kindOf(before: Listed | undefined, after: Listed): Change["kind"] | null {
  if (before === undefined) return "added";
  if (same(before, after)) return null;
  return before.node !== after.node || placeOf(before) !== placeOf(after) ? "moved" : "changed";
}

const placeOf = ({ nodes }: Listed): string => [...(nodes ?? [])].sort().join("|");

/** Most entries are written alike: only the others need the order of their members settled. */
const same = (a: unknown, b: unknown): boolean =>
  JSON.stringify(a) === JSON.stringify(b) || canonicalJson(a) === canonicalJson(b);
