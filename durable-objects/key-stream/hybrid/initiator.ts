/**
 * The initiator's part of a KEM exchange. What it has seen to fit is written down before the responder hears of it: after
 * a crash it is told again, so that neither end ever gives chunks of secrets that the other has replaced.
 */
import type { Fault } from "../../../shared/errors/errors.ts";
import { streamName } from "../../../shared/etsi004/types.ts";
import { tagFits } from "../../../shared/hybrid/combiners/kdf.ts";
import type {
  ExchangeAnswer,
  ExchangeOutcome,
  ExchangeVerdict,
  HybridHalfRpc,
} from "../../../shared/hybrid/edge/rpc.ts";
import type { KeyPair } from "../../../shared/kem/kem.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { logFailure } from "../../log-failure.ts";
import { HybridMaterial, joined, kemsOf } from "./material.ts";
import {
  cannotCombine,
  confirmed,
  type Exchange,
  type HybridParts,
  materialOf,
  NONCE_BYTES,
  notConfirmed,
  peerGone,
  readyToSeal,
} from "./parts.ts";
import { notHere } from "./responder.ts";
import { sleep } from "../../sleep.ts";

/** Before asking a half again that has not heard of the stream yet. */
const AGAIN_MS = 50;
const NO_BYTES = new Uint8Array();
const DIFFER = "the two ends' KEM secrets differ";
/** The responder may have lost what was agreed, and then another exchange is made. */
const ATTEMPTS = 2;

export async function initiate(parts: HybridParts, exchange: Exchange): Promise<Result<HybridMaterial, Fault>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const agreed = await agree(parts, exchange);
    if (!agreed.ok) return agreed;
    const initiatorNonce = parts.store.get(exchange.name)?.open.initiatorNonce ?? NO_BYTES;
    const told = await tell(parts, exchange, initiatorNonce, agreed.value);
    if (told.ok && told.value === "confirmed") {
      await confirmed(parts, exchange, initiatorNonce);
      return ok(agreed.value);
    }
    agreed.value.wipe();
    // Whether it was heard is not known: it is told again the next time.
    if (!told.ok) return told;
    await parts.commit(() => parts.store.delete(exchange.name));
    if (told.value === "differs") return notConfirmed(DIFFER);
  }
  return peerGone("the other end's half has lost what was agreed");
}

/** What was seen to fit before, or does now. */
async function agree(parts: HybridParts, exchange: Exchange): Promise<Result<HybridMaterial, Fault>> {
  const row = parts.store.get(exchange.name);
  if (row !== undefined) return await materialOf(parts, exchange, row);
  const ready = await readyToSeal(parts, exchange);
  if (!ready.ok) return ready;
  const pairs = await generateAll(parts, exchange);
  if (!pairs.ok) return pairs;
  try {
    const initiatorNonce = parts.random(NONCE_BYTES);
    const publicKeys = pairs.value.map(({ publicKey }) => publicKey);
    const offer = { ...exchange.name, initiatorNonce, publicKeys };
    const answer = await askUntilKnown(parts, exchange, async (half, to) => await half.offerExchange({ ...offer, to }));
    if (!answer.ok) return answer;
    const made = await conclude(parts, exchange, { ...answer.value, initiatorNonce, publicKeys }, pairs.value);
    if (!made.ok) {
      // It has to know, too; where it does not hear of it, its offer runs out.
      const verdict = { ...exchange.name, initiatorNonce, fits: false, tag: null };
      await ask(parts, exchange, async (half, to) => await half.confirmExchange({ ...verdict, to }));
    }
    return made;
  } finally {
    for (const { secretKey } of pairs.value) secretKey.fill(0);
  }
}

async function generateAll({ kemOf }: HybridParts, { terms }: Exchange): Promise<Result<readonly KeyPair[], Fault>> {
  const pairs: KeyPair[] = [];
  for (const { algorithm } of kemsOf(terms)) {
    const kem = kemOf(algorithm);
    if (kem === null) return notHere(algorithm);
    pairs.push(await kem.generateKeyPair());
  }
  return ok(pairs);
}

interface Answered extends ExchangeAnswer {
  readonly initiatorNonce: Uint8Array;
  readonly publicKeys: readonly Uint8Array[];
}

/** Decapsulates, compares, and writes down what fits. */
async function conclude(
  parts: HybridParts,
  exchange: Exchange,
  { tag, ...open }: Answered,
  pairs: readonly KeyPair[],
): Promise<Result<HybridMaterial, Fault>> {
  const { name, terms } = exchange;
  if (open.responderNonce.length !== NONCE_BYTES || open.ciphertexts.length !== pairs.length) {
    return notConfirmed("the other end's half answered something else");
  }
  const secrets: Uint8Array[] = [];
  for (const [at, { algorithm }] of kemsOf(terms).entries()) {
    const [pair, ciphertext] = [pairs[at], open.ciphertexts[at]];
    const secret = await parts.kemOf(algorithm)?.decapsulate(ciphertext ?? NO_BYTES, pair?.secretKey ?? NO_BYTES);
    if (secret?.ok !== true) {
      for (const each of secrets) each.fill(0);
      return notConfirmed(`the ciphertext of ${algorithm} is corrupt`);
    }
    secrets.push(secret.value);
  }
  const material = HybridMaterial.of(name.ksid, terms, open, secrets);
  const whole = joined(secrets);
  try {
    if (!material.ok) return cannotCombine(material.error);
    const { tags } = material.value;
    if (tags !== null && (tag === null || !tagFits(tags.responder, tag))) {
      material.value.wipe();
      return notConfirmed(DIFFER);
    }
    const sealed = parts.sealing.seal(whole);
    await parts.commit(() => parts.store.put({ ...name, state: "agreed", open, secrets: sealed, endsMs: null }));
    return material;
  } finally {
    whole.fill(0);
  }
}
async function tell(
  parts: HybridParts,
  exchange: Exchange,
  initiatorNonce: Uint8Array,
  { tags }: HybridMaterial,
): Promise<Result<ExchangeOutcome, Fault>> {
  const tag = tags?.initiator ?? null;
  const verdict: Omit<ExchangeVerdict, "to"> = { ...exchange.name, initiatorNonce, fits: true, tag };
  return await ask(parts, exchange, async (half, to) => await half.confirmExchange({ ...verdict, to }));
}

type Asked<T> = (half: HybridHalfRpc, to: ExchangeVerdict["to"]) => Promise<Result<T, Fault>>;

/** It may not have heard of the stream yet that both have opened. */
export async function askUntilKnown<T>(
  parts: Pick<HybridParts, "other" | "nowMs">,
  exchange: Exchange,
  call: Asked<T>,
): Promise<Result<T, Fault>> {
  const untilMs = parts.nowMs() + LIMITS.hybridExchangeMs;
  for (;;) {
    const answer = await ask(parts, exchange, call);
    if (answer.ok || answer.error.code !== "not-found") return answer;
    if (parts.nowMs() >= untilMs) return peerGone("the other end's half does not know of this stream");
    await sleep(AGAIN_MS);
  }
}

/** The other half, for so long at most. */
async function ask<T>(
  parts: Pick<HybridParts, "other">,
  { half, end, name }: Exchange,
  call: Asked<T>,
): Promise<Result<T, Fault>> {
  const { sae, node } = half.peerOf(end.self);
  if (sae === null) return peerGone("nobody has opened the other end");
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Result<T, Fault>>((resolve) => {
    timer = setTimeout(() => resolve(peerGone("the other end's half does not answer")), LIMITS.hybridExchangeMs);
  });
  try {
    return await Promise.race([call(parts.other(streamName(name.ksid, node)), { sae, node }), late]);
  } catch (error) {
    logFailure("key stream, exchange", error);
    return peerGone("the other end's half does not answer");
  } finally {
    clearTimeout(timer);
  }
}
