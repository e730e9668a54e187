/** What the objects of a QKD link's two modules, the Directory and the Worker ask of one another. Types only. */
import type { Fault } from "../errors/errors.ts";
import type { LinkId, NodeId, PairName } from "../ids.ts";
import type { Result } from "../result.ts";
import type { ModuleAlarmCode } from "./alarms.ts";
import type { ModuleSettings } from "./settings.ts";
import type { ModuleStatus } from "./status.ts";

/** Name of the object of one end: ids hold no `@`. */
export const moduleName = (link: string, node: string): string => `${link}@${node}`;

/** What the Directory tells a module about itself. */
export interface ModuleConfig {
  /** Snapshot sequence of the Directory. */
  readonly version: number;
  /** Key is sealed in it. */
  readonly epoch: number;
  /** Null: there is no such link, or it lives on something else. */
  readonly link: {
    readonly id: LinkId;
    readonly pair: PairName;
    /** The sender's, the receiver's. */
    readonly nodes: readonly [NodeId, NodeId];
    readonly settings: ModuleSettings;
    /** With so many bits in the pool there is enough key. */
    readonly enoughBits: number;
  } | null;
}

/** One standing alarm of one module. Holds no key material. */
export interface ModuleAlarm {
  readonly code: ModuleAlarmCode;
  readonly subject: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
  readonly detail: string;
}

/** `status` is null while the module does not run. */
export interface ModuleAnswer {
  readonly node: NodeId;
  readonly status: ModuleStatus | null;
  readonly alarms: readonly ModuleAlarm[];
}

type ModuleResult<T> = Promise<Result<T, Fault>>;

/** RPC surface of a QkdModule object, named `moduleName(link, node)`. */
export interface QkdModuleRpc {
  /** The Directory's nudge after a change. Idempotent. */
  refresh(version: number): ModuleResult<null>;
  /** From the sender's object to the receiver's: messages, and what it has to say to them. */
  exchange(messages: readonly Uint8Array[]): ModuleResult<readonly Uint8Array[]>;
  status(): ModuleResult<ModuleAnswer>;
  clearAlarms(call: { readonly code: ModuleAlarmCode; readonly principal: string }): ModuleResult<{
    readonly cleared: number;
  }>;
}
