/** What the objects see: each other, and their secrets. */
import type { AuditLogRpc } from "../shared/audit/event.ts";
import type { ForeignKeysRpc, KmsPeerRpc } from "../shared/etsi020/types.ts";
import type { KeyStreamRpc } from "../shared/etsi004/types.ts";
import type { OperatorSessionsRpc } from "../shared/auth/session.ts";
import type { HybridHalfRpc } from "../shared/hybrid/edge/rpc.ts";
import type { ProxyAgentRpc } from "../shared/ipsec/types.ts";
import type { HalfRpc } from "../shared/keypool/half.ts";
import type { QuotaRpc } from "../shared/keypool/quota-claims.ts";
import type { StreamPoolRpc } from "../shared/keypool/streams.ts";
import type { KeyPoolRpc, PoolToPoolRpc } from "../shared/keypool/types.ts";
import type { MonitorRpc } from "../shared/monitor/rpc.ts";
import type { DirectoryRpc } from "../shared/network/directory-types.ts";
import type { TokenIssuerRpc } from "../shared/open-qkd-network/types.ts";
import type { QkdModuleRpc } from "../shared/qkd-module/rpc.ts";
import type { LegacyNodeRpc } from "../shared/qkd-trusted-node/rpc.ts";
import type { RelayedPoolRpc, RelayLinkRpc, TrustedNodeRpc } from "../shared/relay/types.ts";
import type { RoomRpc } from "../shared/room/types.ts";
import type { TunnelHubRpc } from "../shared/tunnel/types.ts";
import type { Service } from "./storage/epoch-store.ts";
import type { CollectorEnv } from "./telemetry/spans.ts";

/** A namespace of Durable Objects, told by what they promise instead of by their class. */
export interface ObjectNamespace<Rpc> {
  getByName(name: string): Rpc;
  idFromName(name: string): DurableObjectId;
  get(id: DurableObjectId): Rpc;
}

export interface ObjectsEnv extends CollectorEnv {
  readonly DIRECTORY: ObjectNamespace<DirectoryRpc>;
  readonly KEY_POOL: ObjectNamespace<
    KeyPoolRpc & PoolToPoolRpc & StreamPoolRpc & RelayLinkRpc & HalfRpc & ForeignKeysRpc & QuotaRpc & RelayedPoolRpc
  >;
  readonly KEY_STREAM: ObjectNamespace<KeyStreamRpc & HybridHalfRpc>;
  readonly QKD_MODULE: ObjectNamespace<QkdModuleRpc>;
  readonly AUDIT_LOG: ObjectNamespace<AuditLogRpc>;
  readonly LEGACY_NODE: ObjectNamespace<LegacyNodeRpc>;
  readonly TUNNEL_HUB: ObjectNamespace<TunnelHubRpc>;
  readonly TRUSTED_NODE: ObjectNamespace<TrustedNodeRpc>;
  readonly KMS_PEER: ObjectNamespace<KmsPeerRpc>;
  readonly PROXY_AGENT: ObjectNamespace<ProxyAgentRpc>;
  readonly TOKEN_ISSUER: ObjectNamespace<TokenIssuerRpc>;
  readonly ROOM: ObjectNamespace<RoomRpc>;
  readonly MONITOR: ObjectNamespace<MonitorRpc>;
  readonly OPERATOR_SESSIONS: ObjectNamespace<OperatorSessionsRpc>;
  /** SHA-256 hex of the bootstrap token: one use, one hour. */
  readonly QKD_BOOTSTRAP_SHA256?: string;
  /**
   * Raised whenever the objects' storage is put back from a copy: objects that have lived in another generation void
   * their key material. "1" where absent.
   */
  readonly QKD_GENERATION?: string;
  /** Seconds between two samples of the Monitor while nobody watches; "0": none. 60 where absent. */
  readonly QKD_MONITOR_S?: string;
  /** Of the platform's: where all objects are, as in "eu". Absent or empty: anywhere. */
  readonly QKD_JURISDICTION?: string;
  /** "1" in the demo only: opens POST /api/v1/links/{link}/prefill. */
  readonly QKD_DEMO?: string;
  /**
   * Base64 of 32 random bytes: what the keys are derived from by which other deployments know the nodes hosted here.
   * Absent: no questions to or from others.
   */
  readonly QKD_IDENTITY_SEED?: string;
  /** The folder of the epoch keys, where there is one: then the secrets below do not count. */
  readonly EPOCH_KEYS?: Service;
  /** Bearer tokens that we show to KMSs of others: see shared/etsi020/secret-name.ts. */
  readonly [peerToken: `QKD_KMS_PEER_TOKEN_${string}`]: string | undefined;
  /** Numbered epoch keys, base64 of 32 bytes: QKD_EPOCH_KEY_1, QKD_EPOCH_KEY_2 ... The highest number is current. */
  readonly [epochKey: `QKD_EPOCH_KEY_${number}`]: string;
}

export const generationOf = ({ QKD_GENERATION: generation }: ObjectsEnv): string =>
  generation === undefined || generation === "" ? FIRST_GENERATION : generation;
export const FIRST_GENERATION = "1";

/** Name of the one Directory object. */
export const DIRECTORY_NAME = "directory";
/** Of the one Monitor object. */
export const MONITOR_NAME = "monitor";
