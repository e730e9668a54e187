/** Bodies of the routes that are not ETSI 014's own. Members are snake_case, units last. */
import * as v from "valibot";
import { UUID } from "../etsi014/key-ids.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import { LINK_SOURCES, NetworkDocumentSchema } from "../network/document.ts";

const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const instant = v.pipe(v.string(), v.isoTimestamp());

export const HealthzSchema = v.object({ status: v.literal("ok") });

export const WhoamiSchema = v.object({
  role: v.picklist(["sae", "node", "agent", "legacy", "kms", "kms-user", "controller", "operator"]),
  id: text,
  /** Of an SAE, or a user of the Open-QKD-Network KMS API: the node that serves it. */
  node: v.optional(text),
  /** Of an agent. */
  site: v.optional(text),
  /** The proof that counted: a client certificate, a site agent's word, a token of the network document or of a sign-in, an operator's session, the bootstrap token, the engine's own socket. */
  by: v.picklist(["mtls", "agent", "token", "oauth", "session", "bootstrap", "starter"]),
  /** The actions its token is limited to; null: all that its role may do. */
  scopes: v.nullable(v.array(text)),
  /** True for an SAE that was moved or removed: it may fetch pending keys, nothing else. */
  draining: v.boolean(),
  /** Grows with every change of the network and every revocation: while it stays, so does this answer. */
  sequence: count,
});

export const NetworkVersionsSchema = v.object({
  versions: v.array(v.object({ version: count, at: instant, by: text })),
});

export const VersionSchema = v.object({ version: count });

export const RestoreRequestSchema = v.object(
  {
    version: v.pipe(
      v.number("shall be an integer"),
      v.integer("shall be an integer"),
      v.minValue(1, "shall be at least 1"),
    ),
  },
  "shall be a JSON object",
);

export const NetworkDiffSchema = v.object({
  changes: v.array(v.object({ pointer: text, kind: v.picklist(["added", "removed", "changed", "moved"]), id: text })),
  /** Keys that are voided after `drain_s` if nobody fetches them until then. */
  pending_keys: v.array(v.object({ kind: v.picklist(["sae", "node", "link"]), id: text, keys: count })),
  /** Material of links that go, not yet given to anybody: voided with them. */
  unused_material: v.array(v.object({ link: text, available_bits: count })),
  drain_s: count,
  /** False where not every pool could be asked: `pending_keys` and `unused_material` then say too little. */
  complete: v.boolean(),
});

const REVOCATION_KINDS = ["certificate", "token", "principal"] as const;

export const RevocationRequestSchema = v.object(
  {
    kind: v.picklist(REVOCATION_KINDS, `shall be one of ${REVOCATION_KINDS.join(", ")}`),
    /** Certificate or token: its SHA-256 in hex. Principal: `sae:sae-a`. */
    value: v.pipe(
      v.string("shall be a string"),
      v.nonEmpty("shall not be empty"),
      v.maxLength(300, "shall have at most 300 characters"),
    ),
    reason: v.optional(
      v.pipe(
        v.string("shall be a string"),
        v.maxLength(LIMITS.revocationReasonChars, `shall have at most ${LIMITS.revocationReasonChars} characters`),
      ),
      "",
    ),
    /** Revoke it even if nobody is left who could write the network. */
    force: v.optional(v.boolean("shall be true or false"), false),
  },
  "shall be a JSON object",
);

export const RevocationSchema = v.object({
  kind: v.picklist(REVOCATION_KINDS),
  value: text,
  reason: text,
  at: instant,
  by: text,
});

export const RevocationsSchema = v.object({ revocations: v.array(RevocationSchema) });

const linkMembers = {
  link: text,
  nodes: v.strictTuple([text, text]),
  source: v.picklist(LINK_SOURCES),
  feed: v.picklist(["one-ended", "two-ended"]),
  health_policy: v.picklist(["reject", "condition", "accept"]),
  /** Where the health policy is `condition`. */
  min_entropy_per_bit: v.optional(v.number()),
  key_rate_bps: count,
  shards: count,
};

export const LinksSchema = v.object({ links: v.array(v.object(linkMembers)) });

/** Codes may be added: a client passes over those it does not know. */
export const LinkAlarmSchema = v.object({
  code: text,
  meaning: text,
  /** Of the pool; 0 for a QKD module's alarm, whose subject is its node. */
  shard: count,
  /** What it is about: a node, a file of blocks, an item. */
  subject: text,
  first: instant,
  last: instant,
  count,
  detail: text,
});

const figure = v.nullable(v.number());

/** A block as one end reports it; null: not known, or not reached. */
export const ModuleReportSchema = v.object({
  block: count,
  outcome: text,
  /** Why it gave no key. */
  reason: v.nullable(text),
  ended: instant,
  /** `wegman-carter` or `slh-dsa`. */
  authentication: v.nullable(text),
  pulses: figure,
  detections: figure,
  sifted_bits: figure,
  test_bits: figure,
  /** Shares of errors in the key and the test basis. */
  qber_x: figure,
  qber_z: figure,
  /** Disclosed by error correction; and that as a multiple of Shannon's bound. */
  leak_bits: figure,
  correction_efficiency: figure,
  phase_error_bound: figure,
  secret_bits: figure,
  /** Of them, kept for authenticating later blocks. */
  refresh_bits: figure,
  key_bits: count,
  key_rate_bps: v.number(),
  sifted_rate_bps: v.number(),
  elapsed_ms: v.number(),
  run_ms: v.number(),
});

/** One end of a link whose source is `bb84` or `fake`. */
export const LinkModuleSchema = v.object({
  node: text,
  /** Null, as most of it, where the module does not run (yet). */
  role: v.nullable(text),
  sim: v.nullable(text),
  state: text,
  /** Number of the last block begun. */
  block: count,
  blocks_released: count,
  blocks_aborted: count,
  sifted_bits: count,
  key_bits: count,
  /** Key blocks not yet in the pool, and blocks whose sender has not said whether they count. */
  finished_blocks: count,
  unsettled_blocks: count,
  /** Blocks that key in store can authenticate. */
  authentication_slots: count,
  last_report: v.nullable(ModuleReportSchema),
  /** Latest first, `last_report` included. */
  reports: v.array(ModuleReportSchema),
  alarms: v.array(text),
});

/** `pool`: what `status_extension.qkdedge` of the ETSI 014 status holds too. `module`: a sender's and a receiver's. */
export const LinkSchema = v.object({
  ...linkMembers,
  pool: v.looseObject({}),
  module: v.optional(v.array(LinkModuleSchema)),
  alarms: v.optional(v.array(LinkAlarmSchema)),
});

export const AlarmsClearedSchema = v.object({ cleared: count });

export const EpochSchema = v.object({ epoch: v.pipe(count, v.minValue(1)) });

export const EpochsSchema = v.object({
  /** In force: new material is sealed in it. */
  epoch: v.pipe(count, v.minValue(1)),
  since: instant,
  /** When the next one begins. */
  until: instant,
  /** It should have begun by now. */
  overdue: v.boolean(),
  /** Secrets come and go by the operator's hand. */
  kept_in: v.picklist(["folder", "secrets"]),
  /** Epochs whose keys are there. */
  keys: v.array(count),
  /** Of them, those that nothing needs any more. */
  removable: v.array(count),
  /** Pools that have not come along to the epoch in force yet, and the first of their names. */
  lagging_pools: count,
  first_lagging: v.array(text),
});

export const HealthReportSchema = v.object({
  bits: count,
  passed: v.boolean(),
  failures: v.array(v.object({ test: text, value: v.number(), bound: v.number() })),
  ones: count,
  longest_run_bits: count,
  apt_max_count: count,
  min_entropy_per_bit: v.number(),
});

export const IngestSchema = v.object({
  outcome: v.picklist(["ingested", "already-ingested", "unmatched", "quarantined"]),
  bits: count,
  /** Of a quarantined block only. */
  reason: v.optional(v.picklist(["health", "duplicate-material", "twin-mismatch", "twin-late"])),
  /** Bits of the block that conditioning took, where it did so now; the others can be given out. */
  condensed_bits: v.optional(count),
  health: HealthReportSchema,
});

/** A device's IDs of the keys that a block is made of, in order. */
const blockKeyIds = v.pipe(
  boundedList(v.pipe(v.string("shall be a UUID"), v.regex(UUID, "shall be a UUID")), LIMITS.keysPerRequest, {
    type: "shall be an array of UUIDs",
    length: `shall hold at most ${LIMITS.keysPerRequest} ids`,
  }),
  v.nonEmpty("shall hold at least one id"),
);

export const BlockKeyIdsSchema = v.object({ key_ids: blockKeyIds }, "shall be a JSON object");

/** `settled`: the block does not wait for its twin (any more), so its key IDs are of no use to the other end. */
export const KeyIdsOutcomeSchema = v.object({ outcome: v.picklist(["awaits-twin", "settled"]) });

export const AwaitedBlocksSchema = v.object({
  blocks: boundedList(v.object({ block: text, bits: count, key_ids: blockKeyIds }), LIMITS.awaitedBlocks),
  /** Pass as `after` to read on; null at the end. */
  next: v.nullable(count),
});

export const PrefillRequestSchema = v.object(
  {
    bytes: v.pipe(
      v.number("shall be an integer"),
      v.integer("shall be an integer"),
      v.minValue(1, "shall be at least 1"),
      v.maxValue(LIMITS.poolCapacityBytes, `shall be at most ${LIMITS.poolCapacityBytes}`),
    ),
  },
  "shall be a JSON object",
);

export const PrefillSchema = v.object({ available_bits: count });

export const AuditSchema = v.object({
  records: v.array(
    v.object({
      index: count,
      at: instant,
      act: text,
      who: text,
      node: text,
      detail: v.looseObject({}),
      source: text,
      seq: count,
      /** SHA-256 over the previous hash and all records that bear this one, so many as came together. */
      hash: text,
      /** CRC-32 of this record. */
      check: v.optional(text),
    }),
  ),
  /** Pass as `after` to read on; null at the end. */
  next: v.nullable(count),
});

export { NetworkDocumentSchema };
