/**
 * Entries as the `<ipsec-ikeless>` of an edit-config (RFC 6241 clause 7.2). Bytes, so that keys can be wiped: they are
 * written as hex into the document's memory and never become a text.
 */
import type { Dialect } from "./algorithms.ts";
import type { EntryKind } from "./errand.ts";
import type { LaidKeys } from "./lay-keys.ts";
import { IKELESS_NAMESPACE, SAD_ENTRY, type SadEntry, SPD_ENTRY, type SpdEntry } from "./model.ts";
import type { Nodes } from "./yang.ts";

export const NETCONF_NAMESPACE = "urn:ietf:params:xml:ns:netconf:base:1.0";

export type Change =
  | { readonly operation: "create" | "merge"; readonly kind: "spd"; readonly entry: SpdEntry }
  | {
      readonly operation: "create" | "merge";
      readonly kind: "sad";
      readonly entry: SadEntry;
      /** Null: without keys, to be shown. */
      readonly keys: LaidKeys | null;
    }
  /** `remove`: what is not there is no error. */
  | {
      readonly operation: "delete" | "remove";
      readonly kind: EntryKind;
      readonly name: string;
      readonly reqid: string;
    };

/** Octets of key are pieces of their own; null: they are not told. */
type Piece = string | Uint8Array;

/**
 * One document of all changes: policies, then SAs, each in the order given. Wipe it when it has been sent. By `compat`
 * "qubip" leaf by leaf what QUBIP's proxy agent sends: members in the order in which they were posted, `nc` bound outside.
 */
export function writeConfig(changes: readonly Change[], { compat }: Pick<Dialect, "compat">): Uint8Array {
  const asPosted = compat === "qubip";
  const needsPrefix = changes.some(({ operation }) => operation !== "merge");
  const prefix = needsPrefix && !asPosted ? ` xmlns:nc="${NETCONF_NAMESPACE}"` : "";
  const pieces: Piece[] = [`<ipsec-ikeless xmlns="${IKELESS_NAMESPACE}"${prefix}>`];
  for (const kind of ["spd", "sad"] as const) {
    const own = changes.filter((change) => change.kind === kind);
    if (own.length === 0) continue;
    pieces.push(`<${kind}>`);
    for (const change of own) writeChange(change, asPosted, pieces);
    pieces.push(`</${kind}>`);
  }
  pieces.push("</ipsec-ikeless>");
  return joined(pieces);
}

function writeChange(change: Change, asPosted: boolean, pieces: Piece[]): void {
  const tag = `${change.kind}-entry`;
  pieces.push(change.operation === "merge" ? `<${tag}>` : `<${tag} nc:operation="${change.operation}">`);
  if ("entry" in change) {
    const keys = change.kind === "sad" ? secretsOf(change.keys) : NO_SECRETS;
    const writer: Writer = { pieces, asPosted, secrets: keys };
    writeNodes(change.kind === "sad" ? SAD_ENTRY : SPD_ENTRY, change.entry, "", writer);
  } else {
    pieces.push(element("name", change.name));
    if (asPosted) pieces.push(element("reqid", change.reqid));
  }
  pieces.push(`</${tag}>`);
}

type Secrets = Readonly<Record<string, Uint8Array | null>>;
const NO_SECRETS: Secrets = {};

/** By their places below the entry. */
function secretsOf(keys: LaidKeys | null): Secrets {
  if (keys === null) return NO_SECRETS;
  return {
    "ipsec-sa-config/esp-sa/encryption/key": keys.encryption.length > 0 ? keys.encryption : null,
    "ipsec-sa-config/esp-sa/encryption/iv": keys.iv,
    "ipsec-sa-config/esp-sa/integrity/key": keys.integrity.length > 0 ? keys.integrity : null,
  };
}

interface Writer {
  readonly pieces: Piece[];
  readonly asPosted: boolean;
  readonly secrets: Secrets;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
export const xmlText = (value: unknown): string => String(value).replaceAll(/[&<>]/g, (sign) => ESCAPES[sign] ?? "");
const element = (name: string, value: unknown): string => `<${name}>${xmlText(value)}</${name}>`;

type Members = Readonly<Record<string, unknown>>;

/** In the module's order, or as the tree has its members: keys, which it does not have, then come last. */
const namesOf = (nodes: Nodes, tree: Members, asPosted: boolean): readonly string[] =>
  asPosted ? [...new Set([...Object.keys(tree), ...Object.keys(nodes)])] : Object.keys(nodes);

function writeNodes(nodes: Nodes, tree: Members, at: string, writer: Writer): void {
  for (const name of namesOf(nodes, tree, writer.asPosted)) writeNode(nodes, name, tree[name], { at, writer });
}

function writeNode(
  nodes: Nodes,
  name: string,
  value: unknown,
  { at, writer }: { readonly at: string; readonly writer: Writer },
): void {
  const node = nodes[name];
  const path = at === "" ? name : `${at}/${name}`;
  const { pieces } = writer;
  if (node === undefined || node.kind === "state") return;
  if (node.kind === "secret") {
    const octets = writer.secrets[path] ?? null;
    if (octets !== null) pieces.push(`<${name}>`, octets, `</${name}>`);
    return;
  }
  if (node.kind === "container") {
    const hasSecret = Object.keys(writer.secrets).some(
      (place) => place.startsWith(`${path}/`) && writer.secrets[place],
    );
    if (value === undefined && !hasSecret) return;
    writeElement(name, () => writeNodes(node.nodes, (value ?? {}) as Members, path, writer), pieces);
    return;
  }
  if (value === undefined) return;
  for (const one of Array.isArray(value) ? value : [value]) {
    if (node.kind === "list") writeElement(name, () => writeNodes(node.nodes, one as Members, path, writer), pieces);
    else pieces.push(element(name, one));
  }
}

function writeElement(name: string, inner: () => void, pieces: Piece[]): void {
  pieces.push(`<${name}>`);
  inner();
  pieces.push(`</${name}>`);
}

const COLON = 0x3a;
const DIGITS = new TextEncoder().encode("0123456789abcdef");

/** `yang:hex-string`: pairs of lower-case digits, with colons between. */
function hexInto(octets: Uint8Array, into: Uint8Array, at: number): number {
  let end = at;
  octets.forEach((octet, index) => {
    if (index > 0) into[end++] = COLON;
    into[end++] = DIGITS[octet >> 4] ?? 0;
    into[end++] = DIGITS[octet & 0xf] ?? 0;
  });
  return end;
}

function joined(pieces: readonly Piece[]): Uint8Array {
  const encoder = new TextEncoder();
  const encoded = pieces.map((piece) =>
    typeof piece === "string" ? { text: encoder.encode(piece) } : { octets: piece },
  );
  const lengths = encoded.map((piece) => ("text" in piece ? piece.text.length : 3 * piece.octets.length - 1));
  const document = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const piece of encoded) {
    if ("text" in piece) {
      document.set(piece.text, at);
      at += piece.text.length;
    } else at = hexInto(piece.octets, document, at);
  }
  return document;
}
