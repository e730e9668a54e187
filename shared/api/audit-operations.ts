/** Routes of the audit logs: what was done, by whom, when, and the signatures that it was so. */
import * as v from "valibot";
import { AuditKeySchema, CheckpointSchema } from "../audit/checkpoint.ts";
import { LIMITS } from "../limits.ts";
import { json, type Operation } from "./operation.ts";
import { AuditSchema } from "./schemas.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const node = { type: "string", description: "Node id; `deployment` where absent." } as const;

export const AuditStateSchema = v.object({
  node: v.string(),
  /** The last record; index 0 before the first. */
  head: v.object({ index: count, hash: v.string() }),
  /** Records up to this checkpoint's have been dropped for their age. */
  start: v.nullable(CheckpointSchema),
  /** The newest. */
  checkpoint: v.nullable(CheckpointSchema),
  /** False where the deployment has no identity to sign by. */
  signed: v.boolean(),
});

export const AuditCheckpointsSchema = v.object({
  ...AuditStateSchema.entries,
  checkpoints: v.array(CheckpointSchema),
  /** Pass as `after` to read on; null at the end. */
  next: v.nullable(count),
});

export const AuditKeysSchema = v.object({ node: v.string(), keys: v.array(AuditKeySchema) });

export const AUDIT = {
  getAudit: {
    method: "get",
    path: "/api/v1/audit",
    tag: "Audit",
    summary: "Read the audit log of a node",
    description: "Append-only and hash-chained. `deployment` is the log of acts that belong to no node.",
    action: "audit.read",
    query: {
      node,
      after: { type: "integer", description: "Read on after this index." },
      limit: {
        type: "integer",
        description: `At most so many records, 1 to ${LIMITS.auditReadRecords}; fewer where a page would cut those of one hash.`,
      },
    },
    responses: { 200: json("Records, oldest first", AuditSchema) },
    errors: ["forbidden", "not-found"],
    curl: '"/api/v1/audit?node=tn-1&limit=100"',
  },
  getAuditCheckpoints: {
    method: "get",
    path: "/api/v1/audit/checkpoints",
    tag: "Audit",
    summary: "Read the signed checkpoints of an audit log",
    description:
      "Each says which record was the last and what its hash was, and is signed by Ed25519 and ML-DSA-65: docs/audit.md.",
    action: "audit.read",
    query: {
      node,
      after: { type: "integer", description: "Only checkpoints with higher numbers." },
      limit: { type: "integer", description: `At most so many checkpoints, 1 to ${LIMITS.auditCheckpointsRead}.` },
    },
    responses: { 200: json("How the log stands, and checkpoints, oldest first", AuditCheckpointsSchema) },
    errors: ["forbidden", "not-found"],
    curl: '"/api/v1/audit/checkpoints?node=tn-1"',
  },
  postAuditCheckpoint: {
    method: "post",
    path: "/api/v1/audit/checkpoints",
    tag: "Audit",
    summary: "Have a checkpoint made that covers all records",
    description:
      "As the log does by itself now and then; none is made where nothing has come since the last. A conflict where this deployment has no identity to sign by.",
    action: "audit.read",
    query: { node },
    responses: { 200: json("How the log stands", AuditStateSchema) },
    errors: ["forbidden", "not-found", "conflict"],
    curl: '"/api/v1/audit/checkpoints?node=tn-1" -X POST',
  },
  getAuditKeys: {
    method: "get",
    path: "/api/v1/audit/keys",
    tag: "Audit",
    summary: "Tell the public keys that an audit log's checkpoints are signed by",
    description: "Those of before the deployment's identity was changed too. None where it has no identity.",
    action: "audit.read",
    query: { node },
    responses: { 200: json("Public keys, base64", AuditKeysSchema) },
    errors: ["forbidden", "not-found"],
    curl: '"/api/v1/audit/keys?node=tn-1"',
  },
} as const satisfies Record<string, Operation>;
