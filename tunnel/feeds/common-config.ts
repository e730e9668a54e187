/** What `[[feed]]` has whatever its type, and forms that several types share. */
import * as v from "valibot";
import { LIMITS } from "../../shared/limits.ts";
import { plainId, wholeNumber } from "../config-values.ts";

export const common = {
  /** Of this feed, in logs, gauges and the spool's folder. */
  name: plainId,
  link: plainId,
  /** The end of the link that this feed pushes for. */
  node: plainId,
  /** Bounds of this feed's spool: what an outage of the edge may pile up. */
  spool_bytes: v.optional(wholeNumber(2 * LIMITS.blockBytes, LIMITS.feedSpoolBytes), 256 * 1024 * 1024),
  spool_blocks: v.optional(wholeNumber(1, LIMITS.feedSpoolBlocks), 4096),
  /** Blocks on their way to the edge at once. */
  pushes: v.optional(wholeNumber(1, LIMITS.feedPushes), 4),
};

export const keySizeBits = v.optional(
  v.pipe(wholeNumber(8, LIMITS.keySizeBits), v.multipleOf(8, "shall be a multiple of 8")),
  256,
);
