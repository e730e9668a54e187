/** What a body of entries brought, in JSON or XML, before any entry has been looked at. */
import { isRecord } from "../records.ts";
import type { EntryKind } from "./errand.ts";

export type Found =
  | { readonly kind: EntryKind; readonly raw: unknown }
  | { readonly kind: null; readonly problem: string };

export interface RawBody {
  /** In the order of the body. */
  readonly found: readonly Found[];
  readonly warnings: readonly string[];
}

const MODULE_PREFIX = /^ietf-i2nsf-ikeless:/;

/** Elements of NETCONF and of the module around entries. */
const WRAPPERS: ReadonlySet<string> = new Set(["ipsec-ikeless", "spd", "sad", "config", "data"]);
const ENTRIES: Readonly<Record<string, EntryKind>> = { "spd-entry": "spd", "sad-entry": "sad" };

/** Entries among an object's members, or below what the module has around them. */
export function entriesIn(members: Readonly<Record<string, unknown>>): readonly Found[] {
  return Object.entries(members).flatMap(([posted, value]) => {
    const name = posted.replace(MODULE_PREFIX, "");
    const kind = Object.hasOwn(ENTRIES, name) ? ENTRIES[name] : undefined;
    const several: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (kind !== undefined) return several.map((raw) => ({ kind, raw }));
    if (!WRAPPERS.has(name)) return [];
    return several.flatMap((inner) => (isRecord(inner) ? entriesIn(inner) : []));
  });
}
