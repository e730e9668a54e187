/**
 * Checkpoints of an audit log: the end of its chain at an instant, signed by the log's two keys (Ed25519 and ML-DSA-65).
 * Whoever has one can tell whether the log still holds all that it held then.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import * as v from "valibot";
import {
  isDoublySigned,
  type PublicKeys,
  PublicKeysSchema,
  SignaturesSchema,
  type VerifyEd25519,
} from "../auth/double-signature.ts";
import { toHex } from "../bytes/hex.ts";
import { PlainIdSchema } from "../network/plain-id.ts";
import { canonicalJson } from "./canonical-json.ts";

/** Of what is signed: no signature of a checkpoint passes for one of anything else. */
const DOMAIN = "qkd-edge audit checkpoint v1\n";

/** `previous` of a log's first checkpoint. */
export const FIRST_PREVIOUS = "0".repeat(64);

const sha256Hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "shall be 64 lower-case hex digits"));
const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const statement = {
  version: v.literal(1),
  /** Whose log: a node, or `deployment`. */
  node: PlainIdSchema,
  /** 1, 2, 3 ... */
  number: positive,
  /** The last record it covers, and that one's hash. */
  index: positive,
  hash: sha256Hex,
  at: v.pipe(v.string(), v.isoTimestamp()),
  /** `checkpointDigest` of the checkpoint before. */
  previous: sha256Hex,
  /** Fingerprint of the public keys it is signed by. */
  key: sha256Hex,
};
const StatementSchema = v.strictObject(statement);
export type CheckpointStatement = v.InferOutput<typeof StatementSchema>;

/** As served, stored and exported. */
export const CheckpointSchema = v.strictObject({
  ...statement,
  ed25519: SignaturesSchema.entries.ed25519,
  ml_dsa_65: SignaturesSchema.entries.mlDsa65,
});
export type Checkpoint = v.InferOutput<typeof CheckpointSchema>;

/** The public keys of a log. */
export const AuditKeySchema = v.strictObject({
  /** Fingerprint: SHA-256 of both. */
  key: sha256Hex,
  ed25519: PublicKeysSchema.entries.ed25519,
  ml_dsa_65: PublicKeysSchema.entries.mlDsa65,
});
export type AuditKey = v.InferOutput<typeof AuditKeySchema>;

function statementOf(checkpoint: Checkpoint): CheckpointStatement {
  const { version, node, number, index, hash, at, previous, key } = checkpoint;
  return { version, node, number, index, hash, at, previous, key };
}

/** What is signed. */
export const checkpointBytes = (said: CheckpointStatement): Uint8Array => utf8ToBytes(DOMAIN + canonicalJson(said));

/** SHA-256 of what is signed, hexadecimal. */
export const checkpointDigest = (checkpoint: Checkpoint): string =>
  toHex(sha256(checkpointBytes(statementOf(checkpoint))));

/** Do both signatures hold under these keys? */
export async function isSigned(
  checkpoint: Checkpoint,
  { ed25519, ml_dsa_65: mlDsa65 }: Pick<AuditKey, "ed25519" | "ml_dsa_65">,
  verifyEd25519: VerifyEd25519,
): Promise<boolean> {
  const keys: PublicKeys = { ed25519, mlDsa65 };
  const signatures = { ed25519: checkpoint.ed25519, mlDsa65: checkpoint.ml_dsa_65 };
  return await isDoublySigned(checkpointBytes(statementOf(checkpoint)), signatures, keys, verifyEd25519);
}
