/**
 * What a node looks at before it takes part in a relay: shape and bounds of what another has sent, whatever its pools
 * hold. Whether the path is one of the network's, the nodes' pools tell: there are none for what is no link.
 */
import { type NodeId, pairName, type PairName, pairOf } from "../ids.ts";
import { disjointPathsOf, isRelayShard } from "../keypool/relay-shard.ts";
import { LIMITS } from "../limits.ts";
import { PLAIN_ID } from "../network/plain-id.ts";
import {
  CHALLENGE_BYTES,
  COMPARE_KEY_BYTES,
  type CompareCall,
  type HopMessage,
  type LinkDraw,
  type RelayStep,
  type RelayTerms,
  TAG_BYTES,
  type VoidRelaysCall,
} from "./types.ts";

const RELAY_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NODE = new RegExp(`^${PLAIN_ID}$`);
/** Of a draw's record; whole bytes. */
const NONCE = /^(?:[0-9a-f]{2}){1,32}$/;

/** @returns what is wrong with them, or null; nothing of what they say is in the words */
export const flawOfTerms = (terms: RelayTerms, nowMs: number): string | null =>
  flawOfShape(terms) ?? flawOfExpiry(terms, nowMs);

/** Of the terms, whatever the time. */
export function flawOfShape({
  relay,
  pair,
  shard,
  path,
  share,
  bytes,
  expiresMs,
  compared,
}: RelayTerms): string | null {
  const idFlaw = flawOfRelayId(relay);
  if (idFlaw !== null) return idFlaw;
  if (compared === true && bytes <= COMPARE_KEY_BYTES) return "a key that is compared is longer than what that takes";
  const keyFlaw = flawOfKeyBytes(bytes);
  if (keyFlaw !== null) return keyFlaw;
  if (!isCount(expiresMs)) return "expiresMs is a time";
  const flaw = flawOfPath(path, pair) ?? flawOfRelayShard(shard);
  if (flaw !== null) return flaw;
  const [index, of] = share;
  if (of !== disjointPathsOf(shard)) return "a key has as many shares as its shard says";
  return isWithin(index, 0, of - 1) ? null : "a share is one of those that the key has";
}

export const flawOfRelayId = (relay: string): string | null =>
  typeof relay === "string" && RELAY_ID.test(relay) ? null : "a relay's id is a UUID in lower case";

export const flawOfKeyBytes = (bytes: number): string | null =>
  isWithin(bytes, 1, LIMITS.relayBytes) ? null : `a relayed key has 1 to ${LIMITS.relayBytes} bytes`;

/** @param pair the pool that the key is for */
export function flawOfPath(path: readonly NodeId[], pair: PairName): string | null {
  if (!Array.isArray(path) || !isWithin(path.length, 2, LIMITS.relayHops + 1)) {
    return `a path has 2 to ${LIMITS.relayHops + 1} nodes`;
  }
  if (!path.every((node) => NODE.test(node))) return "the path has a node whose id is none";
  if (new Set(path).size !== path.length) return "a path has each node once";
  const [first, last] = [path[0], path.at(-1)];
  return first === undefined || last === undefined || pair !== pairName(pairOf(first, last))
    ? "a path joins the nodes of its pool"
    : null;
}

export const flawOfRelayShard = (shard: number): string | null =>
  isRelayShard(shard) ? null : "relayed key goes into a relay shard";

/** Of a relay that began so late as it may, by the clock that is furthest ahead. */
export const latestExpiryMs = (nowMs: number): number => nowMs + LIMITS.relayMs + LIMITS.relaySkewMs;

export function flawOfExpiry({ expiresMs }: Pick<RelayTerms, "expiresMs">, nowMs: number): string | null {
  if (expiresMs <= nowMs) return "the relay has expired";
  return expiresMs > latestExpiryMs(nowMs) ? `a relay expires within ${LIMITS.relayMs} ms` : null;
}

/**
 * @param node whom it has come to
 * @returns what is wrong with it, or null
 */
export function flawOfStep({ terms, position, message }: RelayStep, node: NodeId, nowMs: number): string | null {
  const flaw = flawOfTerms(terms, nowMs);
  if (flaw !== null) return flaw;
  if (!isWithin(position, 1, terms.path.length - 1)) return "a step goes to a node of the path after the first";
  if (terms.path[position] !== node) return "the path has another node there";
  return flawOfMessage(message, position === 1 ? 0 : terms.bytes);
}

/**
 * @param node whom it has come to
 * @returns what is wrong with it, or null
 */
export function flawOfComparison({ terms, challenge, tag }: CompareCall, node: NodeId, nowMs: number): string | null {
  const flaw = flawOfTerms(terms, nowMs);
  if (flaw !== null) return flaw;
  if (terms.compared !== true) return "the pool compares what comes of this relay";
  if (terms.path.at(-1) !== node) return "the path ends at another node";
  if (challenge.length !== CHALLENGE_BYTES) return `a challenge has ${CHALLENGE_BYTES} bytes`;
  return tag.length === TAG_BYTES ? null : `a tag has ${TAG_BYTES} bytes`;
}

/**
 * @param node whom it has come to
 * @returns what is wrong with it, or null
 */
export function flawOfVoiding({ pair, shard, from }: VoidRelaysCall, node: NodeId): string | null {
  if (from === node || pair !== pairName(pairOf(from, node))) return "relays join the initiator and the target";
  return flawOfRelayShard(shard);
}

/** @returns what is wrong with it, or null */
export function flawOfMessage({ draw, ciphertext, tag }: HopMessage, ciphertextBytes: number): string | null {
  if (ciphertext.length !== ciphertextBytes) return "the ciphertext is as long as the key, and empty at the first hop";
  if (tag.length !== TAG_BYTES) return `a tag has ${TAG_BYTES} bytes`;
  return flawOfDraw(draw);
}

function flawOfDraw({ shard, record, nonce }: LinkDraw): string | null {
  if (!isWithin(shard, 0, LIMITS.shards - 1)) return "the bits of a hop lie in a shard of a link";
  if (!isCount(record)) return "the record of a draw has a number";
  return NONCE.test(nonce) ? null : "the nonce of a draw is in hexadecimal";
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isWithin = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most;
