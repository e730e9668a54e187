/**
 * An IPsec host as its agent sees it: entries of ietf-i2nsf-ikeless (RFC 9061) are put there, taken away and looked for by
 * NETCONF (RFC 6241) over SSH (RFC 6242). One connection serves all calls, and is made anew where it was lost.
 */
import type { Result } from "../../../shared/result.ts";
import type { NetconfFailure } from "./failure.ts";

/** Which entry: `spd-entry` and `sad-entry` are told apart by `name`. */
export interface EntryRef {
  readonly kind: "sad" | "spd";
  readonly name: string;
}

/**
 * `create`: refused with `data-exists` where there is one of this name. `delete`: refused with `data-missing` where there is
 * none. `remove`: a `delete` that is content with that. `merge`: whatever is there.
 */
export const OPERATIONS = ["create", "merge", "delete", "remove"] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface Change {
  readonly entry: EntryRef;
  readonly operation: Operation;
  /**
   * XML in UTF-8, without a declaration: `<ipsec-ikeless xmlns="..."><sad><sad-entry><name>...`, exactly one entry and no
   * `operation` attribute. Of `delete` and `remove` the entry needs no more than its name. The host has it from the call
   * on, and wipes it before the call has returned.
   */
  readonly config: Uint8Array;
}

/** What the host has of an entry. Its key is never asked for. */
export interface Presence {
  readonly entry: EntryRef;
  readonly isThere: boolean;
  /** As the host writes it. Null: not there, or left to its default. */
  readonly reqid: string | null;
  /** Of an SA. */
  readonly spi: number | null;
}

export type SubscriptionEvent =
  | { readonly type: "subscribed" }
  /** A whole `<notification>` element (RFC 5277), as the host wrote it. */
  | { readonly type: "notification"; readonly xml: string }
  /** From now until the next `subscribed` what the host tells is not heard. It is tried again by itself. */
  | { readonly type: "lost"; readonly failure: NetconfFailure };

export interface Subscription {
  /** No event comes after it. */
  close(): void;
}

export interface NetconfStatus {
  readonly state: "idle" | "connecting" | "connected" | "closed";
  /** Of the last attempt that failed; null since one succeeded. */
  readonly failure: NetconfFailure | null;
  /** Of the connection there is, or of the last one. */
  readonly capabilities: {
    readonly version: "1.0" | "1.1";
    readonly isCandidate: boolean;
    readonly isConfirmedCommit: boolean;
    readonly isWritableRunning: boolean;
    readonly isRollbackOnError: boolean;
    readonly isValidate: boolean;
    readonly isNotification: boolean;
    readonly isInterleave: boolean;
    /** It announces ietf-i2nsf-ikeless. */
    readonly hasModel: boolean;
  } | null;
  readonly connects: number;
  readonly rpcs: number;
  /** Of the last one that was answered. */
  readonly lastRpcMs: number | null;
}

export interface NetconfHost {
  /**
   * All changes or none. After a failure nothing is changed, unless it says `isUncertain`. Where the connection is lost
   * under way, the host is asked what is there, and what is missing is sent again: an entry that has this name, though
   * it was there before, is then taken for the one that was to be created.
   */
  installAll(changes: readonly Change[]): Promise<Result<null, NetconfFailure>>;
  /** Each by itself. @returns a result for each change, in their order */
  installEach(changes: readonly Change[]): Promise<readonly Result<null, NetconfFailure>[]>;
  /** @returns in the order of `entries` */
  read(entries: readonly EntryRef[]): Promise<Result<readonly Presence[], NetconfFailure>>;
  /** Notifications of the stream NETCONF, until it is closed. */
  subscribe(listener: (event: SubscriptionEvent) => void): Subscription;
  status(): NetconfStatus;
  /** Calls under way fail as `closed`; says `<close-session>` where it can. */
  close(): Promise<void>;
}
