/**
 * What is asked about key streams, as the HTTPS carrier brings it: plain JSON. Types and lengths are looked at here; what
 * must fit together in keypool/stream-checks.ts, by whoever is asked, whatever the carrier.
 */
import * as v from "valibot";
import type { Qos } from "../etsi004/qos.ts";
import type { Ksid } from "../etsi004/types.ts";
import type { StreamNews, StreamQuestion, StreamReply } from "../keypool/stream-question.ts";
import type { StreamOpened, StreamState } from "../keypool/streams.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import { count, hex, node, pair, sae } from "./wire-parts.ts";

const MIMETYPE_CHARS = 256;

const ksid = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  v.transform((text) => text as Ksid),
);
const end = v.strictObject({ sae, node });
const peer = v.strictObject({ sae: v.nullable(sae), node });
const qos: v.GenericSchema<unknown, Qos> = v.strictObject({
  chunkBytes: count,
  maxBps: count,
  minBps: count,
  jitterBps: count,
  priority: count,
  timeoutMs: count,
  ttlSeconds: count,
  metadataMimetype: v.pipe(v.string(), v.maxLength(MIMETYPE_CHARS)),
});

const named = { ksid, instance: count, self: end };
const indices = (most: number) => boundedList(count, most);
const asked = { pair, shard: count, from: node };
const verb = <V extends string, C extends v.ObjectEntries>(name: V, call: C) =>
  v.strictObject({ ...asked, verb: v.literal(name), call: v.strictObject(call) });

export const StreamQuestionSchema: v.GenericSchema<unknown, StreamQuestion> = v.variant("verb", [
  verb("open", { ksid, self: end, peer, qos, opensAdjusted: v.boolean() }),
  verb("state", { ksid, sae }),
  verb("chunks", {
    ...named,
    indices: indices(LIMITS.streamChunksAtOnce),
    readAhead: count,
    waitMs: count,
    afterClose: v.boolean(),
  }),
  verb("settle", { ...named, handedBack: indices(LIMITS.streamHandBacks) }),
  verb("available", { ...named, count: v.nullable(count) }),
  verb("close", { ...named, mayStillFetch: v.exactOptional(v.boolean()) }),
]);

const endState = v.strictObject({ ...peer.entries, state: v.picklist(["absent", "open", "closed"]) });
const state: v.GenericSchema<unknown, StreamState> = v.strictObject({
  instance: count,
  qos,
  ends: v.strictTuple([endState, endState]),
  hops: count,
  nextIndex: count,
});
const opened: v.GenericSchema<unknown, StreamOpened> = v.variant("outcome", [
  v.strictObject({ outcome: v.picklist(["opened", "joined", "same-end"]), stream: state }),
  v.strictObject({ outcome: v.literal("qos-not-met"), qos, stream: v.nullable(state) }),
  v.strictObject({ outcome: v.literal("in-use") }),
]);

/** Those asked for, and those read ahead. */
const CHUNKS = LIMITS.streamChunksAtOnce + LIMITS.streamReadAhead;
const placed = v.strictObject({
  index: count,
  madeMs: count,
  hops: v.exactOptional(count),
  nonce: hex,
  key: count,
});
const chunks = v.variant("outcome", [
  v.strictObject({ outcome: v.literal("placed"), chunks: boundedList(placed, CHUNKS) }),
  v.strictObject({ outcome: v.picklist(["gone", "insufficient", "peer-absent", "closed", "unknown"]) }),
]);

export const StreamReplySchema: v.GenericSchema<unknown, StreamReply> = v.variant("verb", [
  v.strictObject({ verb: v.literal("open"), answer: opened }),
  v.strictObject({ verb: v.literal("state"), answer: v.nullable(state) }),
  v.strictObject({ verb: v.literal("chunks"), answer: chunks }),
  v.strictObject({ verb: v.literal("settle"), answer: v.null() }),
  v.strictObject({
    verb: v.literal("available"),
    answer: v.strictObject({ indices: indices(LIMITS.streamAheadChunks), possible: count }),
  }),
  v.strictObject({ verb: v.literal("close"), answer: v.nullable(state) }),
]);

export const StreamNewsSchema: v.GenericSchema<unknown, StreamNews> = v.strictObject({
  ...asked,
  ksid,
  instance: count,
});
