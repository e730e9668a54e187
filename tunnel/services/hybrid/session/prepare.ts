/** The initiator's part of an exchange: fresh KEM key pairs where an epoch begins, and numbers of the QKD stream. */
import type { Make } from "../../../../shared/hybrid/peer/messages.ts";
import type { SourceEntry } from "../../../../shared/hybrid/types.ts";
import type { KeyPair } from "../../../../shared/kem/kem.ts";
import { ok, type Result } from "../../../../shared/result.ts";
import { kemSources, qkdPeer, qkdSource, type Wish } from "../agreement.ts";
import type { QkdNumber } from "../qkd/types.ts";
import { failed, type HybridFailure } from "../failure.ts";
import { type EpochMaterial, epochOf, kemEntry, qkdNumbersPerChunk } from "./material.ts";
import { allOrNone, type Surroundings, unlessBusy } from "./session.ts";

/** Chunks that share an exchange of KEM keys. */
export interface Epoch {
  readonly number: number;
  /** Its public keys are on their way to the responder, or will not be: others may be said after them. */
  readonly announced: Promise<void>;
  readonly announce: () => void;
  /** Null: the exchange has failed, this time. */
  readonly material: Promise<EpochMaterial | null>;
  /** The first time counts. */
  readonly settle: (material: EpochMaterial | null) => void;
}

export interface Prepared {
  readonly make: Make;
  /** Of a new epoch, in the order of `kemSources`. */
  readonly pairs: readonly KeyPair[] | null;
  readonly epoch: Epoch;
}

export function newEpoch(number: number): Epoch {
  const { promise, resolve } = Promise.withResolvers<EpochMaterial | null>();
  const { promise: announced, resolve: announce } = Promise.withResolvers<void>();
  return { number, announced, announce, material: promise, settle: resolve };
}

export interface Wanted {
  /** For the answer to be known by. */
  readonly attempt: number;
  readonly first: number;
  readonly count: number;
  /** Where it is a source. */
  readonly withQkd: boolean;
  /** Those there are; a new one is put in. */
  readonly epochs: Map<number, Epoch>;
}

/** @param peerSae whose the QKD key is */
export async function prepare(
  around: Pick<Surroundings, "kems" | "qkd">,
  wish: Wish,
  peerSae: string,
  { attempt, first, count, withQkd, epochs }: Wanted,
  signal: AbortSignal,
): Promise<Result<Prepared, HybridFailure>> {
  const number = epochOf(wish, first);
  const known = epochs.get(number);
  const epoch = known ?? newEpoch(number);
  epochs.set(number, epoch);
  const giveUp = (): void => {
    if (known !== undefined) return;
    epochs.delete(number);
    epoch.announce();
    epoch.settle(null);
  };
  await known?.announced;
  const qkd = withQkd ? await allocate(around, wish, peerSae, count, signal) : ok(null);
  if (!qkd.ok) {
    giveUp();
    return qkd;
  }
  const made = known === undefined ? await keyPairs(around, wish) : ok(null);
  if (!made.ok) {
    giveUp();
    return made;
  }
  const pairs = made.value;
  const publicKeys = pairs?.map(({ publicKey }) => publicKey) ?? null;
  return ok({ make: { attempt, index: first, count, publicKeys, qkd: qkd.value }, pairs, epoch });
}

async function keyPairs(
  { kems }: Pick<Surroundings, "kems">,
  wish: Wish,
): Promise<Result<readonly KeyPair[], HybridFailure>> {
  return await unlessBusy(async () =>
    ok(
      await allOrNone(
        kemSources(wish).map(({ algorithm }) => kems.generateKeyPair(algorithm)),
        ({ secretKey }) => secretKey.fill(0),
      ),
    ),
  );
}

/** @returns null where no QKD key is mixed in: none is wanted, or it is optional and there is none */
async function allocate(
  { qkd }: Pick<Surroundings, "qkd">,
  wish: Wish,
  peerSae: string,
  count: number,
  signal: AbortSignal,
): Promise<Result<QkdNumber | null, HybridFailure>> {
  const source = qkdSource(wish);
  if (source === undefined) return ok(null);
  const allocated = await qkd.allocate(qkdPeer(wish, peerSae), count * qkdNumbersPerChunk(wish), signal);
  if (allocated.ok) return allocated;
  return source.required ? failed("source-unavailable", `QKD: ${allocated.error}`) : ok(null);
}

/**
 * Wipes the secret keys.
 * @param ciphertexts an empty one stands for a key that could not be used; whether that may be, the combining tells
 */
export async function decapsulateAll(
  { kems }: Pick<Surroundings, "kems">,
  wish: Wish,
  prepared: Prepared,
  ciphertexts: readonly Uint8Array[],
): Promise<Result<readonly SourceEntry[], HybridFailure>> {
  const sources = kemSources(wish);
  const { pairs, make } = prepared;
  const done = await allOrNone(
    sources.map(async (source, at) => {
      const [pair, publicKey, ciphertext] = [pairs?.[at], make.publicKeys?.[at], ciphertexts[at]];
      if (pair === undefined || publicKey === undefined || ciphertext === undefined || ciphertext.length === 0)
        return null;
      const secret = await kems.decapsulate(source.algorithm, ciphertext, pair.secretKey);
      return secret.ok ? kemEntry(source, publicKey, ciphertext, secret.value) : "corrupt";
    }),
    (one) => one !== null && one !== "corrupt" && one.secret.fill(0),
  ).finally(() => discard(prepared));
  const entries = done.filter((one) => one !== null && one !== "corrupt");
  const corrupt = done.indexOf("corrupt");
  if (corrupt === -1) return ok(entries);
  // The responder has mixed it in: leaving it out here would be no agreement.
  for (const { secret } of entries) secret.fill(0);
  return failed("not-confirmed", `the ciphertext of ${sources[corrupt]?.algorithm} is corrupt`);
}

/** Of an exchange that came to nothing. */
export function discard({ pairs }: Prepared): void {
  for (const { secretKey } of pairs ?? []) secretKey.fill(0);
}
