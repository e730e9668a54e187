/** Parts of a pool that is assembled without its object: nobody lends to it, and nothing is relayed to it. */
import type { PoolContext } from "../../durable-objects/key-pool/context.ts";
import { type BringPad, Pads } from "../../durable-objects/key-pool/import-pads.ts";
import { Refill } from "../../durable-objects/key-pool/refill.ts";
import { notEnoughKeys } from "../../durable-objects/key-pool/refusals.ts";
import type { ImportsElsewhere } from "../../shared/keypool/sealed-import.ts";
import type { StreamsElsewhere } from "../../shared/keypool/stream-question.ts";
import { UrgentKey } from "../../durable-objects/key-pool/urgent-key.ts";

/** Of a half whose history has no multicasts. */
export const NO_IMPORTS: ImportsElsewhere = {
  importKeys: async () => await Promise.resolve(notEnoughKeys()),
  voidImport: async () => await Promise.resolve(notEnoughKeys()),
};

/** @param bring where this pool alone has too little */
export const padsAlone = (
  pool: PoolContext,
  bring: BringPad = async () => await Promise.resolve(notEnoughKeys()),
): Pads =>
  new Pads(pool, bring, () => {
    throw new Error("the pool has no siblings");
  });

/** Of one that has no key streams. */
export const NO_STREAMS: StreamsElsewhere = {
  stream: async () => await Promise.resolve(notEnoughKeys()),
  streamNews: async () => await Promise.resolve(notEnoughKeys()),
};

export const refillAlone = (pool: PoolContext): Refill =>
  new Refill(pool, {
    shardOf: () => {
      throw new Error("a pool in two halves has no siblings");
    },
    urgent: new UrgentKey(async () => await Promise.resolve(notEnoughKeys())),
  });
