/** What the verbs of KEM exchanges work with, and how they fail. */
import { type Fault, fail } from "../../../shared/errors/errors.ts";
import { type StreamCaller, streamName } from "../../../shared/etsi004/types.ts";
import type { ExchangeName, HybridHalfRpc } from "../../../shared/hybrid/edge/rpc.ts";
import type { HybridTerms } from "../../../shared/hybrid/edge/terms.ts";
import type { Encapsulation, KemFault, KeyPair } from "../../../shared/kem/kem.ts";
import type { KemName } from "../../../shared/kem/registry.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { equalBytes } from "../../../shared/postprocessing/authentication/equal.ts";
import { ok, type Result } from "../../../shared/result.ts";
import type { Seat } from "../half.ts";
import { HybridMaterial, split } from "./material.ts";
import type { HybridSealing } from "./sealing.ts";
import type { ExchangeRow, HybridStore } from "./store.ts";

/** A mechanism, which may have to be made ready first. */
export interface StreamKem {
  generateKeyPair(): Promise<KeyPair>;
  encapsulate(publicKey: Uint8Array): Promise<Result<Encapsulation, KemFault>>;
  decapsulate(ciphertext: Uint8Array, secretKey: Uint8Array): Promise<Result<Uint8Array, KemFault>>;
}

export interface HybridParts {
  readonly store: HybridStore;
  readonly sealing: HybridSealing;
  readonly nowMs: () => number;
  readonly random: (lengthBytes: number) => Uint8Array;
  /** Null: it takes longer than an object may stand still for. */
  readonly kemOf: (name: KemName) => StreamKem | null;
  readonly commit: (write: () => void) => Promise<void>;
  /** The half of another node. */
  readonly other: (name: string) => HybridHalfRpc;
  readonly seatOf: (call: Pick<StreamCaller, "configVersion" | "ksid" | "self">) => Promise<Result<Seat | null, Fault>>;
  /** Asks the pool again. */
  readonly look: (seat: Seat, configVersion: number) => Promise<Result<boolean, Fault>>;
  readonly background: (work: Promise<unknown>) => void;
  /** Something was written that ends at some time. */
  readonly planLook: () => void;
}

export const NONCE_BYTES = 32;

/** @returns whether secrets can be kept */
export async function readyToSeal(
  { sealing }: Pick<HybridParts, "sealing">,
  { name, end }: Exchange,
): Promise<Result<null, Fault>> {
  return (await sealing.readyToSeal(streamName(name.ksid, end.self.node)))
    ? ok(null)
    : fail("unavailable", "there is no key to keep secrets under, try again");
}

export const notConfirmed = (what: string) => fail("conflict", `not-confirmed: ${what}`);
export const unavailable = (what: string) => fail("conflict", `source-unavailable: ${what}`);
export const peerGone = (what: string) => fail("unavailable", `peer-gone: ${what}`);

/** One exchange, as an end of its stream sees it. */
export interface Exchange extends Seat {
  readonly name: ExchangeName;
  readonly terms: HybridTerms;
}

/** The secrets of a row; the caller holds them, or wipes them. */
export async function materialOf(
  { sealing }: Pick<HybridParts, "sealing">,
  { terms }: Pick<Exchange, "terms">,
  row: ExchangeRow,
): Promise<Result<HybridMaterial, Fault>> {
  if (row.state === "over") return unavailable("this end has closed the stream");
  if (!(await sealing.readyToOpen(row.secrets.epoch))) {
    return unavailable("the key that protected this stream's KEM secrets is gone: open another stream");
  }
  const whole = sealing.open(row.secrets);
  const made = HybridMaterial.of(row.ksid, terms, row.open, split(terms, whole));
  whole.fill(0);
  return made.ok ? made : cannotCombine(made.error);
}

export const cannotCombine = (why: string) => unavailable(`the sources cannot be combined: ${why}`);

/** Is it still the initiator's offer of this nonce that is kept of an exchange? To be asked where something is written. */
export function isKept({ store }: Pick<HybridParts, "store">, name: ExchangeName, initiatorNonce: Uint8Array): boolean {
  const row = store.get(name);
  return row !== undefined && equalBytes(row.open.initiatorNonce, initiatorNonce);
}

/**
 * Both know that they have the same. Chunks of exchanges before this one were all made by now, and run out.
 * @returns false where it is gone meanwhile, or another offer has taken its place: that one is confirmed by nobody
 */
export async function confirmed(
  parts: Pick<HybridParts, "store" | "commit" | "nowMs" | "planLook">,
  { name, half }: Exchange,
  initiatorNonce: Uint8Array,
): Promise<boolean> {
  const { store, nowMs } = parts;
  let isThere = false;
  await parts.commit(() => {
    isThere = isKept(parts, name, initiatorNonce);
    if (!isThere) return;
    store.confirm(name);
    store.endEarlier(name, nowMs() + half.stream.qos.ttlSeconds * 1000 + SLACK_MS);
  });
  if (isThere && name.number > 0) parts.planLook();
  return isThere;
}
const SLACK_MS = 60_000;

/** The exchange that a chunk belongs to. */
export const exchangeOf = (index: number): number => Math.floor(index / LIMITS.hybridEpochChunks);

/** Can any of its chunks have been made? */
export async function mayBe(
  { look }: Pick<HybridParts, "look">,
  seat: Seat,
  number: number,
): Promise<Result<boolean, Fault>> {
  const isNear = () => exchangeOf(seat.half.stream.nextIndex + LIMITS.streamAheadChunks) >= number;
  if (!Number.isSafeInteger(number) || number < 0) return ok(false);
  if (isNear()) return ok(true);
  const looked = await look(seat, 0);
  return looked.ok ? ok(looked.value && isNear()) : looked;
}
