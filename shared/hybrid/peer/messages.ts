/**
 * What the agents of two sites tell each other about hybrid streams, over one connection each has proved itself on. The
 * initiator (whose node is the source) dials, opens sessions and decides which chunks are made; the responder answers.
 * Bytes are base64. No message holds key: public keys, ciphertexts, nonces and confirmation tags only.
 */
import * as v from "valibot";
import { base64Schema as bytes, jsonWithBytes } from "../../bytes/bytes-in-json.ts";
import { parseJson } from "../../bytes/json.ts";
import { LIMITS } from "../../limits.ts";

const u32 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));
const session = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/));
const uri = v.pipe(v.string(), v.maxLength(LIMITS.streamUriChars));
const saeId = v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.saeIdChars));
/** Of each end. */
export const NONCE_BYTES = 32;
const nonce = v.pipe(
  bytes(NONCE_BYTES),
  v.check((decoded) => decoded.length === NONCE_BYTES),
);
/** Counted before any item is looked at: there could be millions. */
const upTo = <Item extends v.GenericSchema>(item: Item, max: number) =>
  v.pipe(v.array(v.unknown()), v.maxLength(max), v.array(item), v.readonly());
/** Whoever reads it goes through as many indices. */
const chunkCount = v.pipe(u32, v.maxValue(LIMITS.hybridChunksAtOnce));
const tags = upTo(bytes(64), LIMITS.hybridChunksAtOnce);
const publicKeys = upTo(bytes(LIMITS.kemPublicKeyBytes), LIMITS.hybridSources);
const ciphertexts = upTo(bytes(LIMITS.kemCiphertextBytes), LIMITS.hybridSources);
/** Why a session or chunk is not, as agents tell each other. */
export const PEER_FAILURES = [
  "uris-differ",
  "peer-not-come",
  "peer-gone",
  "source-unavailable",
  "not-confirmed",
  /** The method cannot fill a chunk of these sources. */
  "too-few-bytes",
  /** The ends want chunks of different lengths. */
  "qos-differs",
  /** The chunk was made before, and is not held any more. */
  "index-used",
  "busy",
] as const;
const code = v.picklist(PEER_FAILURES);

/** Chunks to be made, `index` to `index + count - 1`, all of one epoch. */
const make = v.object({
  /** Told back with the answer: one to an attempt that was given up is not taken for another's. */
  attempt: u32,
  index: u32,
  count: v.pipe(chunkCount, v.minValue(1)),
  /** For the chunks' epoch, where it is new: public keys of its KEMs, by slot. */
  publicKeys: v.nullable(publicKeys),
  /** Of the QKD stream: its KSID, and the number of the first chunk; null where no QKD key is mixed in. */
  qkd: v.nullable(v.object({ ksid: session, number: v.pipe(v.number(), v.integer(), v.minValue(0)) })),
});
const made = v.object({
  attempt: u32,
  index: u32,
  count: chunkCount,
  /** Of the new epoch, by slot; null where it was not new. */
  ciphertexts: v.nullable(ciphertexts),
  /** Of the responder, one a chunk; null where the method has no confirmation keys. */
  tags: v.nullable(tags),
});

export const PeerMessageSchema = v.variant("type", [
  v.object({
    type: v.literal("open"),
    session,
    source: uri,
    destination: uri,
    chunkBytes: u32,
    /** How long the responder's application may take to come, from now. */
    timeoutMs: u32,
    nonce,
    sae: saeId,
    /** Whose the responder's application was the last time: QKD key of `make` is for it. */
    peerSae: v.nullable(saeId),
    /** Null: nothing yet, as it is not known for whom. */
    make: v.nullable(make),
  }),
  v.object({ type: v.literal("opened"), session, nonce, sae: saeId, made: v.nullable(made) }),
  v.object({ type: v.literal("make"), session, make }),
  v.object({ type: v.literal("made"), session, made }),
  /** Of the initiator: tags of chunks that were made. The responder delivers none before. */
  v.object({ type: v.literal("confirm"), session, index: u32, count: chunkCount, tags: v.nullable(tags) }),
  /** The responder's application asks for a chunk that has not been made. */
  v.object({ type: v.literal("want"), session, index: u32 }),
  /** These chunks will not be made, or, without an index, the session is not opened or is over. */
  v.object({
    type: v.literal("failed"),
    session,
    /** Of the responder, which could not answer it. */
    attempt: v.nullable(u32),
    index: v.nullable(u32),
    count: chunkCount,
    code,
    detail: v.pipe(v.string(), v.maxLength(500)),
  }),
  v.object({ type: v.literal("close"), session }),
]);

export type PeerMessage = v.InferOutput<typeof PeerMessageSchema>;
export type PeerMessageOf<Type extends PeerMessage["type"]> = Extract<PeerMessage, { readonly type: Type }>;
export type Make = v.InferOutput<typeof make>;
export type Made = v.InferOutput<typeof made>;
export type PeerFailure = (typeof PEER_FAILURES)[number];

/** Commas of a message: most can be in its two addresses. What is long has keys in it, and they have none. */
const MOST_COMMAS = 4 * LIMITS.streamUriChars;

/** What has more members than any message would take the agent a second to read, and a gigabyte. */
function hasFewMembers(text: string): boolean {
  let commas = 0;
  for (let at = text.indexOf(","); at !== -1; at = text.indexOf(",", at + 1)) if (++commas > MOST_COMMAS) return false;
  return true;
}

/** @returns null for what is no message */
export function parsePeerMessage(text: string): PeerMessage | null {
  if (!hasFewMembers(text)) return null;
  const json = parseJson(text, LIMITS.jsonDepth);
  const parsed = json.ok ? v.safeParse(PeerMessageSchema, json.value, { abortEarly: true }) : null;
  return parsed?.success === true ? parsed.output : null;
}

export const peerMessageText = (message: PeerMessage): string => jsonWithBytes(message);
