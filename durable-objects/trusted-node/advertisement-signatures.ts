/** Advertisements are signed by the keys that the node is known by: they outlive sessions, and are passed on. */
import { concatBytes } from "@noble/hashes/utils.js";
import {
  isDoublySigned,
  type PublicKeys,
  PublicKeysSchema,
  SIGNATURE_BYTES,
  type Signatures,
} from "../../shared/auth/double-signature.ts";
import { fromBase64, toBase64 } from "../../shared/bytes/base64.ts";
import { parseJson } from "../../shared/bytes/json.ts";
import { parseShape } from "../../shared/errors/members.ts";
import type { NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { SignedClaim } from "../../shared/routing/flood/types.ts";
import { type IdentityEnv, identitiesOf } from "../peers/identities.ts";
import { verifyEd25519 } from "../signing/ed25519.ts";

/** As `FloodNode.keys`. */
export const keysText = ({ ed25519, mlDsa65 }: PublicKeys): string => JSON.stringify({ ed25519, mlDsa65 });

/** Null: this deployment has no keys to sign with, so nothing of it is believed elsewhere. */
export async function signAdvertisement(env: IdentityEnv, node: NodeId, bytes: Uint8Array): Promise<string | null> {
  const signatures = await identitiesOf(env)?.signByBoth(node, bytes);
  return signatures === undefined ? null : joined(signatures);
}

export async function verifyAdvertisement({ keys, bytes, signature }: SignedClaim): Promise<boolean> {
  const known = parseJson(keys, LIMITS.jsonDepth);
  if (!known.ok) return false;
  const publicKeys = parseShape(PublicKeysSchema, known.value, "keys");
  const signatures = parted(signature);
  return (
    publicKeys.ok && signatures !== null && (await isDoublySigned(bytes, signatures, publicKeys.value, verifyEd25519))
  );
}

/** An advertisement has one signature, base64 of any kind: this is of both, one after the other. */
function joined({ ed25519, mlDsa65 }: Signatures): string {
  const parts = [ed25519, mlDsa65].map((part) => fromBase64(part) ?? new Uint8Array());
  return toBase64(concatBytes(...parts));
}

function parted(signature: string): Signatures | null {
  const bytes = fromBase64(signature);
  if (bytes?.length !== SIGNATURE_BYTES.ed25519 + SIGNATURE_BYTES.mlDsa65) return null;
  return {
    ed25519: toBase64(bytes.subarray(0, SIGNATURE_BYTES.ed25519)),
    mlDsa65: toBase64(bytes.subarray(SIGNATURE_BYTES.ed25519)),
  };
}
