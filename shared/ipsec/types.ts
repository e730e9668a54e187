/** What a ProxyAgent (one Durable Object a node with an IPsec host) promises to Workers and to the other end's. */
import type { Fault } from "../errors/errors.ts";
import type { NodeId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { ProxyAlarmCode } from "./alarms.ts";
import type { DroppedKeys, SadEntry, SpdEntry } from "./entry.ts";
import type { EntryKind } from "./errand.ts";
import type { IpsecNotification } from "./notification.ts";
import type { EntryReason, EntryState } from "./outcome.ts";
import type { KeySettings, SaKey } from "./rendezvous.ts";

/** An entry of a body, in its place, read and checked by the Worker. Keys that stood in it are not there any more. */
export type PostedEntry =
  | {
      readonly kind: "sad";
      readonly entry: SadEntry;
      /** How long the keys were that stood in it. */
      readonly dropped: DroppedKeys;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "spd"; readonly entry: SpdEntry; readonly warnings: readonly string[] }
  | { readonly kind: EntryKind | null; readonly name: string | null; readonly problem: string };

/** What becomes of one entry; in the order of the body. */
export interface EntryReport {
  readonly kind: EntryKind | null;
  readonly name: string | null;
  readonly state: EntryState;
  readonly reason?: EntryReason;
  readonly message?: string;
  readonly warnings?: readonly string[];
  /** It was installed before, and is the same. */
  readonly unchanged?: true;
  /** Of an SA that has a key. */
  readonly spi?: number;
  readonly sources?: readonly string[];
  readonly dropped?: readonly string[];
  readonly installedMs?: number;
  /** When it is to be made anew, where it is. */
  readonly rekeyMs?: number;
}

export interface Batch {
  /** UUID; GET ?batch= looks at it. */
  readonly id: string;
  readonly done: boolean;
  readonly entries: readonly EntryReport[];
}

export interface PostCall {
  readonly principal: string;
  readonly entries: readonly PostedEntry[];
  /** How long the answer may wait for what is queued. 0: it does not. */
  readonly waitMs: number;
  readonly configVersion: number;
}

export interface DeleteCall {
  readonly principal: string;
  readonly entries: readonly (
    | { readonly kind: EntryKind; readonly name: string; readonly reqid: string }
    | { readonly kind: EntryKind | null; readonly name: string | null; readonly problem: string }
  )[];
  readonly waitMs: number;
  readonly configVersion: number;
}

/** From the other end: what became of an SA there. */
export interface SettledCall {
  readonly from: NodeId;
  readonly sa: SaKey;
  /** In which session its key was made, and what for: the same at both ends, where all is well. Null: none was. */
  readonly agreement: string | null;
  readonly installed: boolean;
}

/** A step of a rekey, from the node that coordinates to the other one. */
export interface RekeyStepCall {
  readonly from: NodeId;
  /** UUID of the rekey. */
  readonly id: string;
  readonly phase: RekeyPhase;
  readonly sas: readonly { readonly old: SaKey; readonly newSpi: number }[];
}
export const REKEY_PHASES = ["inbound", "outbound", "delete-old", "take-back", "take-back-inbound"] as const;
export type RekeyPhase = (typeof REKEY_PHASES)[number];

/** A step is done: in which sessions the keys of the new SAs were made here, and what for, in the order of the call. */
export interface RekeyStepDone {
  readonly agreements: readonly (string | null)[];
}

/** An end that does not coordinate wants an SA made anew: its lifetime ends, or somebody asked for it there. */
export interface RekeyAskedCall {
  readonly from: NodeId;
  readonly sa: SaKey;
}

export interface ProxyAgentStatus {
  readonly node: NodeId;
  readonly entries: readonly EntryReport[];
  readonly settings: readonly KeySettings[];
  readonly rekeys: readonly {
    readonly id: string;
    readonly phase: RekeyPhase;
    readonly sas: number;
    readonly sinceMs: number;
  }[];
  readonly notifications: readonly { readonly atMs: number; readonly notification: IpsecNotification }[];
  readonly alarms: readonly {
    readonly code: ProxyAlarmCode;
    readonly subject: string;
    readonly firstMs: number;
    readonly lastMs: number;
    readonly count: number;
    readonly detail: string;
  }[];
}

/** What the Monitor wants of it, again and again. */
export interface ProxyAgentCounts extends Pick<ProxyAgentStatus, "alarms"> {
  /** Failed ones included. */
  readonly entries: number;
  readonly failed: number;
  readonly rekeys: number;
}

export interface SetKeysCall {
  readonly principal: string;
  readonly settings: KeySettings;
  /** By the other end's object: it is not told again. */
  readonly told: boolean;
  readonly configVersion: number;
}

export interface ProxyAgentRpc {
  post(call: PostCall): Promise<Result<Batch, Fault>>;
  remove(call: DeleteCall): Promise<Result<Batch, Fault>>;
  /** `not-found`: no such batch, or it was long ago. */
  batch(call: { readonly id: string }): Promise<Result<Batch, Fault>>;
  /** Of /createqkd: kept per unordered pair of proxy addresses, and told to the other end's object where it is hosted here. */
  setKeys(call: SetKeysCall): Promise<Result<null, Fault>>;
  /** What the host told the agent. */
  notified(call: { readonly notifications: readonly IpsecNotification[] }): Promise<Result<null, Fault>>;
  /** Anew, now: all SAs of the tunnel that this entry belongs to. `not-found`, `conflict` where it cannot be done. */
  rekey(call: { readonly principal: string; readonly name: string }): Promise<Result<{ readonly id: string }, Fault>>;
  status(): Promise<Result<ProxyAgentStatus, Fault>>;
  /** Little of `status`, for whoever asks often. */
  counts(): Promise<Result<ProxyAgentCounts, Fault>>;
  clearAlarms(call: {
    readonly code: ProxyAlarmCode;
    readonly principal: string;
  }): Promise<Result<{ readonly cleared: number }, Fault>>;
  settled(call: SettledCall): Promise<Result<{ readonly agreed: boolean | null }, Fault>>;
  /** `conflict`: it has failed here. `unavailable`: not done yet; the same call again asks again. */
  rekeyStep(call: RekeyStepCall): Promise<Result<RekeyStepDone, Fault>>;
  rekeyAsked(call: RekeyAskedCall): Promise<Result<{ readonly id: string }, Fault>>;
  /** The network changed. */
  refresh(): Promise<void>;
}
