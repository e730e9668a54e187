/** What the objects see: each other, and their secrets. */
import type { AuditLog } from "./audit-log/audit-log.ts";
import type { Directory } from "./directory/directory.ts";
import type { KeyPool } from "./key-pool/key-pool.ts";

export interface ObjectsEnv {
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly KEY_POOL: DurableObjectNamespace<KeyPool>;
  readonly AUDIT_LOG: DurableObjectNamespace<AuditLog>;
  /** SHA-256 hex of the bootstrap token: one use, one hour. */
  readonly QKD_BOOTSTRAP_SHA256?: string;
  /** "1" in the demo only: opens POST /api/v1/links/{link}/prefill. */
  readonly QKD_DEMO?: string;
  /** Numbered epoch keys, base64 of 32 bytes: QKD_EPOCH_KEY_1, QKD_EPOCH_KEY_2 ... The highest number is current. */
  readonly [epochKey: `QKD_EPOCH_KEY_${number}`]: string;
}

/** Name of the one Directory object. */
export const DIRECTORY_NAME = "directory";
