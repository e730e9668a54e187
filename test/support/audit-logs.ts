/** Audit logs as objects make them, for tests: chained, in bundles, signed. */
import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa.js";
import { CHAIN_START, chainHash } from "../../shared/audit/chain.ts";
import {
  type AuditKey,
  type Checkpoint,
  checkpointBytes,
  checkpointDigest,
  FIRST_PREVIOUS,
} from "../../shared/audit/checkpoint.ts";
import { crc32 } from "../../shared/audit/crc32.ts";
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
import { recordText } from "../../shared/audit/record-text.ts";
import type { AuditItem } from "../../shared/audit/verify.ts";
import type { VerifyEd25519 } from "../../shared/auth/double-signature.ts";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { fingerprintOf } from "../../shared/peers/identity.ts";

/** Whose logs they are. */
export const NODE = "tn-1";

export interface Signer {
  readonly key: AuditKey;
  readonly sign: (said: Omit<Checkpoint, "ed25519" | "ml_dsa_65" | "key">) => Checkpoint;
}

export function newSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const lattice = ml_dsa65.keygen();
  const keys = {
    ed25519: toBase64(new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"))),
    mlDsa65: toBase64(lattice.publicKey),
  };
  const key = fingerprintOf(keys);
  return {
    key: { key, ed25519: keys.ed25519, ml_dsa_65: keys.mlDsa65 },
    sign: (said) => {
      const bytes = checkpointBytes({ ...said, key });
      return {
        ...said,
        key,
        ed25519: toBase64(new Uint8Array(sign(null, bytes, privateKey))),
        ml_dsa_65: toBase64(ml_dsa65.sign(bytes, lattice.secretKey)),
      };
    },
  };
}

export const verifyEd25519: VerifyEd25519 = async ({ key, signature, message }) => {
  const x = Buffer.from(key).toString("base64url");
  return verify(null, message, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }), signature);
};

export const SIGNER = newSigner();

export type Sent = Pick<AuditEvent, "act"> & {
  readonly source?: string;
  readonly seq: number;
  readonly detail?: object;
};

/** As a log makes it: bundles of so many records, a checkpoint after each of `signed`. */
export function logOf(sent: readonly Sent[], signed: readonly number[], bundle = 3, signer = SIGNER): AuditItem[] {
  const items: AuditItem[] = [];
  let hash = CHAIN_START;
  let last: Checkpoint | null = null;
  let open: Omit<AuditRecord, "hash" | "check">[] = [];
  const close = (): void => {
    if (open.length === 0) return;
    hash = chainHash(hash, open);
    for (const record of open) items.push({ record: { ...record, hash, check: crc32(recordText(record)) } });
    open = [];
  };
  sent.forEach(({ act, source = "pool", seq, detail = {} }, at) => {
    const index = at + 1;
    open.push({ index, source, seq, atMs: 1000 + at, act, who: "sae:a", node: NODE, detail: { ...detail } });
    if (open.length === bundle || signed.includes(index) || index === sent.length) close();
    if (!signed.includes(index)) return;
    last = signer.sign({
      version: 1,
      node: NODE,
      number: (last?.number ?? 0) + 1,
      index,
      hash,
      at: new Date(index).toISOString(),
      previous: last === null ? FIRST_PREVIOUS : checkpointDigest(last),
    });
    items.push({ checkpoint: last });
  });
  return items;
}

export const plain = (count: number): Sent[] =>
  Array.from({ length: count }, (_, at) => ({ act: "keys.enc", seq: at + 1 }));
export const checkpointsOf = (items: readonly AuditItem[]): Checkpoint[] =>
  items.flatMap((item) => ("checkpoint" in item ? [item.checkpoint] : []));
export const recordsOf = (items: readonly AuditItem[]): AuditRecord[] =>
  items.flatMap((item) => ("record" in item ? [item.record] : []));
