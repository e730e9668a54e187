/**
 * Flaws of calls about key streams: a pool looks at nothing before. They come from another object, which may be of
 * another release, and pass on what applications sent.
 */
import type { Qos } from "../etsi004/qos.ts";
import type { StreamEnd, StreamPeer } from "../etsi004/types.ts";
import { METHODS } from "../hybrid/methods.ts";
import { type Pair, pairOf } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { ChunksCall, StreamOpenCall } from "./streams.ts";

const KSID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_UINT32 = 2 ** 32 - 1;
const MIMETYPE_CHARS = 256;

/** What is wrong with a call, in words; null: nothing. */
type Flaw = string | null;
const isUint32 = (value: unknown): boolean => isWhole(value, 0, MAX_UINT32);
const isWhole = (value: unknown, from: number, to: number): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= from && value <= to;
const isName = (value: unknown): boolean =>
  typeof value === "string" && value.length > 0 && value.length <= LIMITS.saeIdChars;

interface Named {
  readonly ksid: string;
  readonly self: StreamEnd;
}

export function flawOfNamed({ ksid, self }: Named, pair: Pair): Flaw {
  if (typeof ksid !== "string" || !KSID.test(ksid)) return "ksid: a UUID in lower case";
  if (!isName(self.sae)) return "self.sae: an SAE's id";
  return self.node === pair.low || self.node === pair.high ? null : "self.node: none of this pair's";
}

export function flawOfOpen(call: StreamOpenCall, pair: Pair): Flaw {
  return flawOfNamed(call, pair) ?? flawOfPeer(call, pair) ?? flawOfQos(call.qos) ?? flawOfTerms(call, pair);
}

function flawOfTerms({ hybrid, self, peer }: StreamOpenCall, pair: Pair): Flaw {
  if (hybrid === undefined) return null;
  const { method, sources, dropped, initiator, responder } = hybrid;
  if (!Object.hasOwn(METHODS, method) || METHODS[method].family !== "kdf") return "hybrid.method: a method of the edge";
  if (!Array.isArray(sources) || !Array.isArray(dropped) || sources.length + dropped.length > LIMITS.hybridSources) {
    return `hybrid.sources: at most ${LIMITS.hybridSources}`;
  }
  if (self.node === peer.node) return "hybrid: the ends are at different nodes";
  const ends = [initiator.node, responder.node];
  return ends.includes(pair.low) && ends.includes(pair.high) ? null : "hybrid: its ends are the nodes of this pair";
}

function flawOfPeer({ self, peer }: { self: StreamEnd; peer: StreamPeer }, pair: Pair): Flaw {
  if (peer.sae !== null && !isName(peer.sae)) return "peer.sae: an SAE's id, or null";
  const { low, high } = pairOf(self.node, peer.node);
  if (low !== pair.low || high !== pair.high) return "peer.node: not the other of this pair";
  return peer.sae === self.sae ? "peer.sae: a stream has two ends, of different SAEs" : null;
}

const NUMBERS = ["chunkBytes", "maxBps", "minBps", "jitterBps", "priority", "timeoutMs", "ttlSeconds"] as const;

function flawOfQos(qos: Qos): Flaw {
  const wrong = NUMBERS.find((member) => !isUint32(qos[member]));
  if (wrong !== undefined) return `qos.${wrong}: a whole number from 0 to ${MAX_UINT32}`;
  const { metadataMimetype: mimetype } = qos;
  const isText = typeof mimetype === "string" && mimetype.length <= MIMETYPE_CHARS;
  return isText ? null : `qos.metadataMimetype: text of at most ${MIMETYPE_CHARS} characters`;
}

export function flawOfChunks(call: ChunksCall, pair: Pair): Flaw {
  const { indices, readAhead, waitMs } = call;
  if (!isWhole(readAhead, 0, LIMITS.streamReadAhead)) {
    return `readAhead: a whole number from 0 to ${LIMITS.streamReadAhead}`;
  }
  if (!isWhole(waitMs, 0, LIMITS.streamTimeoutMs)) return `waitMs: a whole number from 0 to ${LIMITS.streamTimeoutMs}`;
  if (!Array.isArray(indices) || indices.length === 0) return "indices: at least one";
  return flawOfNamed(call, pair) ?? flawOfIndices(indices, LIMITS.streamChunksAtOnce);
}

export function flawOfIndices(indices: readonly number[], most: number): Flaw {
  if (!Array.isArray(indices) || indices.length > most) return `indices: at most ${most}`;
  if (!indices.every(isUint32)) return `indices: whole numbers from 0 to ${MAX_UINT32}`;
  const isRising = indices.every((index, at) => at === 0 || index > (indices[at - 1] ?? 0));
  return isRising ? null : "indices: lowest first, without repeats";
}

export function flawOfAvailable(call: Named & { readonly count: number | null }, pair: Pair): Flaw {
  if (call.count !== null && !isUint32(call.count)) return `count: a whole number from 0 to ${MAX_UINT32}, or null`;
  return flawOfNamed(call, pair);
}
