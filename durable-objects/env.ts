/** What the objects see: each other, and their secrets. */
import type { AuditLogRpc } from "../shared/audit/event.ts";
import type { KeyStreamRpc } from "../shared/etsi004/types.ts";
import type { HybridHalfRpc } from "../shared/hybrid/edge/rpc.ts";
import type { StreamPoolRpc } from "../shared/keypool/streams.ts";
import type { KeyPoolRpc, PoolToPoolRpc } from "../shared/keypool/types.ts";
import type { DirectoryRpc } from "../shared/network/directory-types.ts";
import type { QkdModuleRpc } from "../shared/qkd-module/rpc.ts";
import type { TunnelHubRpc } from "../shared/tunnel/types.ts";
import type { Service } from "./storage/epoch-store.ts";

/** A namespace of Durable Objects, told by what they promise instead of by their class. */
export interface ObjectNamespace<Rpc> {
  getByName(name: string): Rpc;
  idFromName(name: string): DurableObjectId;
  get(id: DurableObjectId): Rpc;
}

export interface ObjectsEnv {
  readonly DIRECTORY: ObjectNamespace<DirectoryRpc>;
  readonly KEY_POOL: ObjectNamespace<KeyPoolRpc & PoolToPoolRpc & StreamPoolRpc>;
  readonly KEY_STREAM: ObjectNamespace<KeyStreamRpc & HybridHalfRpc>;
  readonly QKD_MODULE: ObjectNamespace<QkdModuleRpc>;
  readonly AUDIT_LOG: ObjectNamespace<AuditLogRpc>;
  readonly TUNNEL_HUB: ObjectNamespace<TunnelHubRpc>;
  /** SHA-256 hex of the bootstrap token: one use, one hour. */
  readonly QKD_BOOTSTRAP_SHA256?: string;
  /**
   * Raised whenever the objects' storage is put back from a copy: objects that have lived in another generation void
   * their key material. "1" where absent.
   */
  readonly QKD_GENERATION?: string;
  /** "1" in the demo only: opens POST /api/v1/links/{link}/prefill. */
  readonly QKD_DEMO?: string;
  /** The folder of the epoch keys, where there is one: then the secrets below do not count. */
  readonly EPOCH_KEYS?: Service;
  /** Numbered epoch keys, base64 of 32 bytes: QKD_EPOCH_KEY_1, QKD_EPOCH_KEY_2 ... The highest number is current. */
  readonly [epochKey: `QKD_EPOCH_KEY_${number}`]: string;
}

export const generationOf = ({ QKD_GENERATION: generation }: ObjectsEnv): string =>
  generation === undefined || generation === "" ? FIRST_GENERATION : generation;
export const FIRST_GENERATION = "1";

/** Name of the one Directory object. */
export const DIRECTORY_NAME = "directory";
