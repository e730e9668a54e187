/**
 * What entries have to be before they are combined, and their order in a transcript: by kind and slot, never by secret.
 */
import { KEMS } from "../../kem/registry.ts";
import { LIMITS } from "../../limits.ts";
import { equalBytes } from "../../postprocessing/authentication/equal.ts";
import { METHODS, type MethodName } from "../methods.ts";
import type { CombineFault, EntryKind, SessionContext, SourceEntry } from "../types.ts";

type Entries = readonly SourceEntry[];

/** Their codes in transcripts. A KEM comes first, so that an approved secret leads (NIST SP 800-227 clause 4.6.2). */
export const KINDS: Readonly<Record<EntryKind, number>> = { kem: 1, ecdh: 2, qkd: 3, psk: 4 };

const SLOTS = 256;
const ALGORITHM = /^[A-Za-z0-9._-]{1,64}$/;
/** Shorter secrets may be equal by chance. */
const SECRET_BYTES = { min: 16, max: 64 } as const;
const NONCE_BYTES = 32;
const KSID_BYTES = 16;
/** Far below what `lp16` can count. */
const ID_CHARS = 1024;

export const rankOf = ({ kind, slot }: SourceEntry): number => SLOTS * KINDS[kind] + slot;
export const inOrder = (entries: Entries): Entries => entries.toSorted((a, b) => rankOf(a) - rankOf(b));

const prescribedBytes = ({ kind, algorithm }: SourceEntry): number | null =>
  kind === "kem" && Object.hasOwn(KEMS, algorithm) ? KEMS[algorithm as keyof typeof KEMS].sharedSecretBytes : null;

/** A transcript binds a secret by what is public of it: by nothing, if that is empty. */
const isBound = ({ kind, keyId, publicKey, ciphertext }: SourceEntry): boolean =>
  kind === "kem" || kind === "ecdh" ? publicKey.length > 0 && ciphertext.length > 0 : keyId.length > 0;

function isSound(method: MethodName, entry: SourceEntry): boolean {
  const { algorithm, secret, slot } = entry;
  if (!ALGORITHM.test(algorithm) || !Number.isInteger(slot) || slot < 0 || slot >= SLOTS) return false;
  if (secret.length !== (prescribedBytes(entry) ?? secret.length)) return false;
  // The legacy methods take QKD key by the chunk, as long as that is.
  if (METHODS[method].family === "legacy") return secret.length > 0 && secret.length <= LIMITS.hybridChunkBytes;
  return secret.length >= SECRET_BYTES.min && secret.length <= SECRET_BYTES.max && isBound(entry);
}

function hasEqualSecrets(entries: Entries): boolean {
  const secrets = entries.map(({ secret }) => secret).filter(({ length }) => length >= SECRET_BYTES.min);
  let equal = false;
  secrets.forEach((secret, at) => {
    for (const other of secrets.slice(at + 1)) if (equalBytes(secret, other)) equal = true;
  });
  return equal;
}

/** @returns null where nothing is wrong */
export function entriesFault(method: MethodName, entries: Entries): CombineFault | null {
  if (entries.length === 0) return "no-entries";
  if (entries.length > LIMITS.hybridSources) return "too-many-entries";
  if (!entries.every((entry) => isSound(method, entry))) return "bad-entry";
  if (new Set(entries.map(rankOf)).size < entries.length) return "bad-entry";
  return hasEqualSecrets(entries) ? "equal-secrets" : null;
}

const isId = (id: string): boolean => id.length > 0 && id.length <= ID_CHARS && id.isWellFormed();

/** The legacy methods know no context: theirs is checked all the same, since both ends have one. */
export function isSoundContext({ ksid, initiator, responder, ...nonces }: SessionContext): boolean {
  const { initiatorNonce, responderNonce } = nonces;
  return (
    ksid.length === KSID_BYTES &&
    isId(initiator) &&
    isId(responder) &&
    initiatorNonce.length === NONCE_BYTES &&
    responderNonce.length === NONCE_BYTES &&
    !equalBytes(initiatorNonce, responderNonce)
  );
}
