/** What a LegacyNode object (one a hosted node with neighbours that run qkd-trusted-node) promises to Workers. */
import type { Fault } from "../errors/errors.ts";
import type { KeyGrant } from "../keypool/types.ts";
import type { Result } from "../result.ts";
import type { DiscoverAnswer, DiscoverRequest, ExtKeysRequest, LegacyKey, VoidRequest } from "./messages.ts";

/** A neighbour that runs qkd-trusted-node: an entry of `legacy_nodes`. */
export interface LegacyNeighbour {
  readonly id: string;
  /** Of our node's site: leads to the neighbour. */
  readonly service: string;
  /** Of our node's site: leads to the KME at our end of the link. */
  readonly kmeService: string;
  /** At our end of the link, and at theirs. */
  readonly kmeId: string;
  readonly peerKmeId: string;
  /** At the neighbour or beyond it: those that it may speak for. */
  readonly saes: readonly string[];
  /** May keys go back in clear between the two, as the original does it? Else nothing does. */
  readonly keyInClear: boolean;
}

/** The network document's part of it, with every call. */
export interface LegacyView {
  readonly node: string;
  readonly site: string;
  /** By which the neighbours know our node. */
  readonly ownId: string;
  readonly saes: readonly string[];
  readonly neighbours: readonly LegacyNeighbour[];
  readonly keyTtlMs: number;
  /** Where the audit log cannot keep up: events are dropped, instead of requests refused. */
  readonly dropsAudit: boolean;
}

/** A question of a neighbour. */
export interface Asked<Request> {
  readonly view: LegacyView;
  /** Id of the neighbour, as authenticated. */
  readonly from: string;
  readonly request: Request;
}

export interface LegacyEncCall {
  readonly view: LegacyView;
  readonly master: string;
  readonly slave: string;
  readonly count: number;
  readonly sizeBits: number;
}

export interface LegacyDecCall {
  readonly view: LegacyView;
  readonly sae: string;
  readonly master: string;
  readonly keyIds: readonly string[];
}

export interface LegacyNodeRpc {
  discover(asked: Asked<DiscoverRequest>): Promise<Result<DiscoverAnswer, Fault>>;
  /** A key comes by: for an SAE here, or for a node beyond. @returns the key, in clear; `forbidden` where that may not be */
  extKeys(asked: Asked<ExtKeysRequest>): Promise<Result<LegacyKey, Fault>>;
  /** Keys that an SAE here, or beyond, began. All of them, each once; or none: `key-not-found`. */
  fetchKeys(asked: Asked<VoidRequest>): Promise<Result<readonly LegacyKey[], Fault>>;
  /** New keys of an SAE here for one at a neighbour or beyond. */
  encKeys(call: LegacyEncCall): Promise<Result<KeyGrant, Fault>>;
  /** Keys that such a one has begun, for an SAE here. */
  decKeys(call: LegacyDecCall): Promise<Result<KeyGrant, Fault>>;
}
