/** The responder's part of a KEM exchange: encapsulates, and gives nothing away before the initiator has shown its tag. */
import { type Fault, fail } from "../../../shared/errors/errors.ts";
import { tagFits } from "../../../shared/hybrid/combiners/kdf.ts";
import type {
  ExchangeAnswer,
  ExchangeName,
  ExchangeOffer,
  ExchangeOutcome,
  ExchangeVerdict,
} from "../../../shared/hybrid/edge/rpc.ts";
import type { Encapsulation } from "../../../shared/kem/kem.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { equalBytes } from "../../../shared/postprocessing/authentication/equal.ts";
import { ok, type Result } from "../../../shared/result.ts";
import type { StreamEnd } from "../../../shared/etsi004/types.ts";
import { HybridMaterial, joined, kemsOf } from "./material.ts";
import {
  cannotCombine,
  confirmed,
  type Exchange,
  type HybridParts,
  isKept,
  materialOf,
  mayBe,
  NONCE_BYTES,
  notConfirmed,
  readyToSeal,
  unavailable,
} from "./parts.ts";

export async function answerOffer(parts: HybridParts, call: ExchangeOffer): Promise<Result<ExchangeAnswer, Fault>> {
  const known = await exchangeAt(parts, call, "responder");
  if (!known.ok) return known;
  const { name, terms } = known.value;
  if (call.initiatorNonce.length !== NONCE_BYTES || call.publicKeys.length !== kemsOf(terms).length) {
    return fail("bad-request", "not an offer for this stream");
  }
  const before = parts.store.get(name);
  if (before !== undefined && before.state !== "offered") return unavailable("this exchange was made before");
  const ready = await readyToSeal(parts, known.value);
  if (!ready.ok) return ready;
  const encapsulated = await encapsulateAll(parts, known.value, call.publicKeys);
  if (!encapsulated.ok) return encapsulated;
  const { initiatorNonce, publicKeys } = call;
  const ciphertexts = encapsulated.value.map(({ ciphertext }) => ciphertext);
  const open = { initiatorNonce, responderNonce: parts.random(NONCE_BYTES), publicKeys, ciphertexts };
  const secrets = encapsulated.value.map(({ sharedSecret }) => sharedSecret);
  const material = HybridMaterial.of(name.ksid, terms, open, secrets);
  const whole = joined(secrets);
  const sealed = parts.sealing.seal(whole);
  whole.fill(0);
  if (!material.ok) return cannotCombine(material.error);
  const tag = material.value.tags?.responder ?? null;
  material.value.wipe();
  const endsMs = parts.nowMs() + LIMITS.hybridOfferMs;
  let isLate = false;
  await parts.commit(() => {
    // Another offer may have been confirmed meanwhile.
    const now = parts.store.get(name);
    isLate = now !== undefined && now.state !== "offered";
    if (!isLate) parts.store.put({ ...name, state: "offered", open, secrets: sealed, endsMs });
  });
  if (isLate) return unavailable("this exchange was made before");
  parts.planLook();
  return ok({ responderNonce: open.responderNonce, ciphertexts, tag });
}

/** An exchange that is confirmed now, and (null: no more) its secrets: the caller holds them. */
export interface Judged {
  readonly name: ExchangeName;
  readonly material: HybridMaterial | null;
}

export async function judge(
  parts: HybridParts,
  call: ExchangeVerdict,
): Promise<Result<Judged | Exclude<ExchangeOutcome, "confirmed">, Fault>> {
  const known = await exchangeAt(parts, call, "responder");
  if (!known.ok) return known;
  const { name } = known.value;
  const row = parts.store.get(name);
  if (row === undefined || !equalBytes(row.open.initiatorNonce, call.initiatorNonce)) return ok("unknown");
  if (row.state === "over") return ok({ name, material: null });
  const material = await materialOf(parts, known.value, row);
  if (!material.ok) return material;
  const { tags } = material.value;
  const fits = call.fits && (tags === null || (call.tag !== null && tagFits(tags.initiator, call.tag)));
  if (!fits) {
    material.value.wipe();
    if (row.state === "offered") {
      await parts.commit(() => {
        if (isKept(parts, name, call.initiatorNonce)) parts.store.delete(name);
      });
    }
    return ok("differs");
  }
  if (row.state === "offered" && !(await confirmed(parts, known.value, call.initiatorNonce))) {
    material.value.wipe();
    return ok("unknown");
  }
  return ok({ name, material: material.value });
}

/** @returns `not-found` where the stream is not known here (yet) */
export async function exchangeAt(
  parts: HybridParts,
  call: ExchangeName & { readonly to: StreamEnd },
  role: "initiator" | "responder",
): Promise<Result<Exchange, Fault>> {
  const { ksid, instance, number, to } = call;
  const found = await parts.seatOf({ configVersion: 0, ksid, self: to });
  if (!found.ok) return found;
  const seat = found.value;
  if (seat === null) return unknown;
  const { half, end } = seat;
  // The other end knows more than this one was told so far.
  if (half.stream.instance < instance || half.peerOf(end.self).state === "absent") {
    const looked = await parts.look(seat, 0);
    if (!looked.ok) return looked;
  }
  const { hybrid: terms } = half.stream;
  if (half.stream.instance !== instance || terms === undefined) return unknown;
  if (terms[role].node !== to.node) return fail("bad-request", `this end is not the ${role}`);
  const near = await mayBe(parts, seat, number);
  if (!near.ok) return near;
  return near.value ? ok({ name: { ksid, instance, number }, terms, ...seat }) : fail("bad-request", "no such chunks");
}

const unknown = fail("not-found", "no such hybrid stream here");

async function encapsulateAll(
  { kemOf }: HybridParts,
  { terms }: Exchange,
  publicKeys: readonly Uint8Array[],
): Promise<Result<readonly Encapsulation[], Fault>> {
  const made: Encapsulation[] = [];
  for (const [at, { algorithm }] of kemsOf(terms).entries()) {
    const kem = kemOf(algorithm);
    if (kem === null) return notHere(algorithm);
    const encapsulated = await kem.encapsulate(publicKeys[at] ?? new Uint8Array());
    if (!encapsulated.ok) {
      for (const { sharedSecret } of made) sharedSecret.fill(0);
      return notConfirmed(`the public key of ${algorithm} cannot be used`);
    }
    made.push(encapsulated.value);
  }
  return ok(made);
}

export const notHere = (algorithm: string) =>
  fail("bad-request", `kem-not-here: ${algorithm} takes too long for an edge, and needs an agent (kem=agent)`);
