/** Entries as they are stored and compared. */
import { canonicalSad, canonicalSpd, type SadEntry, type SpdEntry } from "../../shared/ipsec/entry.ts";

/** Leaves of `esp-sa` that are secret, wherever they stand. */
const SECRET: ReadonlySet<string> = new Set(["key", "iv"]);

/** Whoever called may be of another release: what it left in does not come into the storage. */
export const withoutKeys = <Entry extends SadEntry | SpdEntry>(entry: Entry): Entry =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same entry without two optional leaves
  JSON.parse(JSON.stringify(entry, (name, value: unknown) => (SECRET.has(name) ? undefined : value))) as Entry;

/** Is this what was asked for? An SA that was made anew since has another name and SPI. */
export const isSameEntry = (one: SadEntry | SpdEntry, other: SadEntry | SpdEntry): boolean =>
  canonical(one) === canonical(other) || (isAnew(one, other) && canonical(asAsked(one)) === canonical(asAsked(other)));

const isAnew = (one: SadEntry | SpdEntry, other: SadEntry | SpdEntry): boolean =>
  one.name !== other.name && "ipsec-sa-config" in one && "ipsec-sa-config" in other;

function asAsked(entry: SadEntry | SpdEntry): SadEntry | SpdEntry {
  return "ipsec-sa-config" in entry
    ? { ...entry, name: "", "ipsec-sa-config": { ...entry["ipsec-sa-config"], spi: 0 } }
    : entry;
}

const canonical = (entry: SadEntry | SpdEntry): string =>
  "ipsec-sa-config" in entry ? canonicalSad(entry) : canonicalSpd(entry);
