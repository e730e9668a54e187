/** Bodies of `POST` and `DELETE /ipsec-entries`: each entry checked by itself, so that a bad one stops no other. */
import { decodeUtf8 } from "../bytes/json.ts";
import { type Fault, fail } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { Dialect } from "./algorithms.ts";
import { checkDeletion, type Deletion } from "./deletion.ts";
import { type CheckedEntry, type CheckedSadEntry, checkSadEntry, checkSpdEntry, faultsText } from "./entry.ts";
import type { EntryKind } from "./errand.ts";
import type { EntryFault } from "./faults.ts";
import { entryName } from "./leaf-types.ts";
import type { SpdEntry } from "./model.ts";
import type { Found, RawBody } from "./raw-body.ts";
import { readJsonBody } from "./read-json.ts";
import { readXmlBody } from "./read-xml.ts";

/** An entry that cannot be used. */
export interface BadEntry {
  /** Null: it was neither. */
  readonly kind: EntryKind | null;
  readonly name: string | null;
  readonly problem: string;
}
export type ReadEntry =
  | (CheckedSadEntry & { readonly kind: "sad" })
  | (CheckedEntry<SpdEntry> & { readonly kind: "spd" })
  | BadEntry;

export interface ReadBody<Entry> {
  /** In the order of the body; none is left out. */
  readonly entries: readonly Entry[];
  /** Of what stood between them. */
  readonly warnings: readonly string[];
}

/** `bad-request`: nothing in the body is an entry, or it is too large, too deep or broken altogether. */
export const readEntries = (body: Uint8Array, dialect: Dialect): Result<ReadBody<ReadEntry>, Fault> =>
  readEach(body, (found) => readOne(found, dialect));

export const readDeletions = (body: Uint8Array): Result<ReadBody<Deletion | BadEntry>, Fault> =>
  readEach(body, ({ kind, raw }) => checkedBy(checkDeletion(kind, raw), kind, raw));

type FoundEntry = Exclude<Found, { readonly kind: null }>;

function readEach<Entry>(
  body: Uint8Array,
  read: (found: FoundEntry) => Entry,
): Result<ReadBody<Entry | BadEntry>, Fault> {
  if (body.length > LIMITS.ipsecBodyBytes) {
    return fail("body-too-large", `the body has more than ${LIMITS.ipsecBodyBytes} bytes`);
  }
  const text = decodeUtf8(body);
  if (!text.ok) return text;
  const raw = rawBody(text.value);
  if (!raw.ok) return raw;
  const { found, warnings } = raw.value;
  if (found.length === 0) return fail("bad-request", "the body holds neither sad-entry nor spd-entry");
  const entries = found.map((one) => (one.kind === null ? { ...one, name: null } : read(one)));
  return ok({ entries, warnings });
}

/** By its first sign: XML begins with `<`, and no JSON does. */
const rawBody = (text: string): Result<RawBody, Fault> => (/^\s*</.test(text) ? readXmlBody(text) : readJsonBody(text));

function readOne({ kind, raw }: FoundEntry, dialect: Dialect): ReadEntry {
  if (kind === "sad") {
    const sad = checkSadEntry(raw, dialect);
    return sad.ok ? { kind, ...sad.value } : bad(kind, raw, sad.error);
  }
  const spd = checkSpdEntry(raw, dialect);
  return spd.ok ? { kind, ...spd.value } : bad(kind, raw, spd.error);
}

const checkedBy = <T>(checked: Result<T, readonly EntryFault[]>, kind: EntryKind, raw: unknown): T | BadEntry =>
  checked.ok ? checked.value : bad(kind, raw, checked.error);

const bad = (kind: EntryKind, raw: unknown, faults: readonly EntryFault[]): BadEntry => ({
  kind,
  name: nameOf(raw),
  problem: faultsText(faults),
});

/** As far as it can be told; bounded. */
function nameOf(raw: unknown): string | null {
  const name = typeof raw === "object" && raw !== null && "name" in raw ? raw.name : null;
  const read = typeof name === "string" ? entryName.read(name) : undefined;
  return read ?? null;
}
