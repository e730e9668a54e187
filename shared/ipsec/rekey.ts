/**
 * An SA made anew before it ends, without a gap: the new one stands inbound before anything is sent by it, outbound next,
 * and the old one goes last. Pure: when, under which SPI and name, and who does what in which phase.
 */
import { LIMITS } from "../limits.ts";
import type { Operation } from "./errand.ts";
import { NAME_CHARS } from "./leaf-types.ts";
import type { SadEntry } from "./model.ts";
import { FIRST_FREE_SPI } from "./rules.ts";
import type { RekeyPhase } from "./types.ts";

const SECOND_MS = 1000;

/**
 * When an SA is to be made anew: at its soft lifetime; and in any case `ipsecRekeyAheadMs` before the hard one, or half
 * way to one that is not twice as long as that. Bytes and packets are the host's to count: it tells by `sadb-expire`.
 * @returns null: it has no lifetime in seconds
 */
export function rekeyDueMs(entry: SadEntry, installedMs: number): number | null {
  const config = entry["ipsec-sa-config"];
  const [softMs, hardMs] = [config["sa-lifetime-soft"], config["sa-lifetime-hard"]].map(
    (lifetime) => (lifetime?.time ?? 0) * SECOND_MS,
  ) as [number, number];
  const beforeHardMs = Math.max(hardMs - LIMITS.ipsecRekeyAheadMs, hardMs / 2);
  const dueMs = [softMs, beforeHardMs].filter((ms) => ms > 0);
  return dueMs.length === 0 ? null : installedMs + Math.min(...dueMs);
}

/** When its host ends it, told or not. @returns null: it has no hard lifetime in seconds */
export function hardEndMs(entry: SadEntry, installedMs: number): number | null {
  const hardMs = (entry["ipsec-sa-config"]["sa-lifetime-hard"]?.time ?? 0) * SECOND_MS;
  return hardMs > 0 ? installedMs + hardMs : null;
}

/**
 * @param random four bytes for each try
 * @param inUse of the SAs to the same destination; those that it will have included
 * @returns null where the bytes give none that is free: ask again with others
 */
export function newSpi(random: Uint8Array, inUse: ReadonlySet<number>): number | null {
  const view = new DataView(random.buffer, random.byteOffset, random.byteLength);
  for (let at = 0; at + 4 <= random.length; at += 4) {
    const spi = view.getUint32(at);
    if (spi >= FIRST_FREE_SPI && !inUse.has(spi)) return spi;
  }
  return null;
}

const SPI_SUFFIX = /_\d{1,10}$/;

/** As CCIPS controllers name them, `<tunnel>_<spi>`: the number behind the last `_` is replaced, or added. */
export function rekeyedName(name: string, spi: number): string {
  const suffix = `_${spi}`;
  // The cut may go through a character of two code units, of which no half is a name.
  return `${name
    .replace(SPI_SUFFIX, "")
    .slice(0, NAME_CHARS - suffix.length)
    .toWellFormed()}${suffix}`;
}

export function rekeyedEntry(entry: SadEntry, spi: number): SadEntry {
  return {
    ...entry,
    name: rekeyedName(entry.name, spi),
    "ipsec-sa-config": { ...entry["ipsec-sa-config"], spi },
  };
}

/** What an errand does, and to which of the two. */
interface Step {
  readonly do: Operation["do"];
  readonly to: "old" | "new";
}
interface Phase {
  /** At the node that the SA's traffic comes from, and at the one it goes to. */
  readonly source: readonly Step[];
  readonly destination: readonly Step[];
  readonly next: RekeyPhase | null;
  /** Null: it is tried again. */
  readonly failed: RekeyPhase | null;
}

export const REKEY_STEPS: Readonly<Record<RekeyPhase, Phase>> = {
  /** Both have the key, and whatever comes under the new SPI is understood. */
  inbound: {
    source: [{ do: "hold", to: "new" }],
    destination: [{ do: "create-sad", to: "new" }],
    next: "outbound",
    failed: "take-back",
  },
  outbound: { source: [{ do: "install", to: "new" }], destination: [], next: "delete-old", failed: "take-back" },
  /** After a grace, for packets that are under way. */
  "delete-old": {
    source: [{ do: "delete", to: "old" }],
    destination: [{ do: "delete", to: "old" }],
    next: null,
    failed: null,
  },
  /** Until nothing is sent by the new SA, whoever may: what comes under it is understood that long. */
  "take-back": {
    source: [
      { do: "forget", to: "new" },
      { do: "delete", to: "new" },
    ],
    destination: [],
    next: "take-back-inbound",
    failed: null,
  },
  "take-back-inbound": { source: [], destination: [{ do: "delete", to: "new" }], next: null, failed: null },
};
