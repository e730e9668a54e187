/**
 * What the two KeyStream halves of a hybrid stream ask of each other. KEM keys are exchanged once for
 * LIMITS.hybridEpochChunks chunks: the initiator offers public keys, the responder answers with ciphertexts, and each
 * shows the other that it has the same secrets before either gives a chunk to anybody. Types only; no message holds key.
 */
import type { Ksid, StreamEnd, StreamResult } from "../../etsi004/types.ts";
import type { EpochStep } from "../../keypool/types.ts";

export interface ExchangeName {
  readonly ksid: Ksid;
  /** Of the stream. */
  readonly instance: number;
  /** Serves chunks `number * LIMITS.hybridEpochChunks` and following. */
  readonly number: number;
}

/** The application at the end that is called. */
interface ToEnd {
  readonly to: StreamEnd;
}

export interface ExchangeOffer extends ExchangeName, ToEnd {
  readonly initiatorNonce: Uint8Array;
  /** Of the KEMs, by slot. */
  readonly publicKeys: readonly Uint8Array[];
}

export interface ExchangeAnswer {
  readonly responderNonce: Uint8Array;
  readonly ciphertexts: readonly Uint8Array[];
  /** Null where no KEM is among the sources. */
  readonly tag: Uint8Array | null;
}

export interface ExchangeVerdict extends ExchangeName, ToEnd {
  /** Which of the initiator's offers is meant. */
  readonly initiatorNonce: Uint8Array;
  /** False: the responder's tag did not fit. */
  readonly fits: boolean;
  readonly tag: Uint8Array | null;
}

export type ExchangeOutcome = "confirmed" | "unknown" | "differs";

/** Beside `KeyStreamRpc`. Messages of faults begin with a stable word: `not-confirmed`, `peer-gone`, `source-unavailable`. */
export interface HybridHalfRpc {
  /** To the responder's half. `not-found`: it does not know of the stream yet. */
  offerExchange(call: ExchangeOffer): StreamResult<ExchangeAnswer>;
  /**
   * To the responder's half, idempotent. `unknown`: there is no such offer (any more), and a new one is needed. `differs`:
   * the initiator's tag does not fit, and the exchange is void.
   */
  confirmExchange(call: ExchangeVerdict): StreamResult<ExchangeOutcome>;
  /** To the initiator's half: the responder needs this exchange. */
  wantExchange(call: ExchangeName & ToEnd): StreamResult<null>;
  /** Of the Directory: a new epoch of the keys at rest. As `KeyPoolRpc.rollEpoch`. */
  rollEpoch(call: { readonly epoch: number }): StreamResult<EpochStep>;
}
