/**
 * The nodes that this deployment hosts, as others know them: their public keys, and sessions to sign by. One a process of
 * the runtime, for its Workers and objects alike; of finished work only, as requests may not wait for each other's.
 */
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa.js";
import type { PublicKeys } from "../../shared/auth/double-signature.ts";
import { fromBase64, toBase64 } from "../../shared/bytes/base64.ts";
import { LIMITS } from "../../shared/limits.ts";
import { IDENTITY_SEED_BYTES, keySeedsOf } from "../../shared/peers/identity.ts";
import type { Signer } from "../../shared/peers/letter.ts";
import { CheckedSessions, sessionBytes, type SessionClaims } from "../../shared/peers/session.ts";
import type { ObjectsEnv } from "../env.ts";
import { type Ed25519Key, ed25519FromSeed, generateEd25519, signEd25519, verifyEd25519 } from "../signing/ed25519.ts";

/** The secret that all nodes' keys are derived from. */
export type IdentityEnv = Pick<ObjectsEnv, "QKD_IDENTITY_SEED">;

export const NO_IDENTITY =
  "this deployment cannot prove itself to others: set the secret QKD_IDENTITY_SEED to base64 of 32 random bytes";

/** Sessions of other deployments' nodes, this isolate's. */
export const checkedSessions = new CheckedSessions(verifyEd25519);

export class Identities {
  readonly #seed: Uint8Array;
  readonly #nowMs: () => number;
  readonly #keys = new Map<string, PublicKeys>();
  readonly #signers = new Map<string, Signer>();

  /** @param seed IDENTITY_SEED_BYTES */
  constructor(seed: Uint8Array, nowMs: () => number = Date.now) {
    this.#seed = seed;
    this.#nowMs = nowMs;
  }

  async keysOf(node: string): Promise<PublicKeys> {
    const known = this.#keys.get(node);
    if (known !== undefined) return known;
    const seeds = keySeedsOf(this.#seed, node);
    try {
      const { publicKey } = await ed25519FromSeed(seeds.ed25519);
      const lattice = ml_dsa65.keygen(seeds.mlDsa65);
      lattice.secretKey.fill(0);
      const keys = { ed25519: toBase64(publicKey), mlDsa65: toBase64(lattice.publicKey) };
      remember(this.#keys, node, keys);
      return keys;
    } finally {
      seeds.ed25519.fill(0);
      seeds.mlDsa65.fill(0);
    }
  }

  /** To sign in the name of a node: with a session that lasts for LIMITS.peerRenewMs yet. */
  async signerOf(node: string): Promise<Signer> {
    const known = this.#signers.get(node);
    const nowMs = this.#nowMs();
    if (known !== undefined) {
      const { fromMs, untilMs } = known.session.claims;
      if (fromMs <= nowMs && nowMs < untilMs - LIMITS.peerRenewMs) return known;
    }
    const { privateKey, publicKey } = await generateEd25519();
    const claims: SessionClaims = {
      version: 1,
      node,
      key: toBase64(publicKey),
      fromMs: nowMs,
      untilMs: nowMs + LIMITS.peerSessionMs,
    };
    const signatures = await this.signByBoth(node, sessionBytes(claims));
    const signer: Signer = {
      session: { claims, signatures },
      sign: async (message) => await signEd25519(privateKey, message),
    };
    remember(this.#signers, node, signer);
    return signer;
  }

  /** The one of a signer's keys that those can check who know no other. */
  async ed25519Of(signer: string): Promise<Ed25519Key> {
    const seeds = keySeedsOf(this.#seed, signer);
    try {
      return await ed25519FromSeed(seeds.ed25519);
    } finally {
      seeds.ed25519.fill(0);
      seeds.mlDsa65.fill(0);
    }
  }

  /** By the keys that the node is known by: for what outlives a session. */
  async signByBoth(node: string, message: Uint8Array): Promise<Signer["session"]["signatures"]> {
    const seeds = keySeedsOf(this.#seed, node);
    const lattice = ml_dsa65.keygen(seeds.mlDsa65);
    try {
      const { privateKey } = await ed25519FromSeed(seeds.ed25519);
      return {
        ed25519: toBase64(await signEd25519(privateKey, message)),
        mlDsa65: toBase64(ml_dsa65.sign(message, lattice.secretKey)),
      };
    } finally {
      lattice.secretKey.fill(0);
      seeds.ed25519.fill(0);
      seeds.mlDsa65.fill(0);
    }
  }
}

/** The one that was made first makes room. */
function remember<T>(known: Map<string, T>, node: string, value: T): void {
  known.delete(node);
  const [oldest] = known.keys();
  if (known.size >= LIMITS.peerIdentities && oldest !== undefined) known.delete(oldest);
  known.set(node, value);
}

let own: { readonly seedText: string; readonly identities: Identities } | undefined;

/** This deployment's. Null: it has no secret to derive them from, or that is none. */
export function identitiesOf({ QKD_IDENTITY_SEED: seedText = "" }: IdentityEnv): Identities | null {
  if (own?.seedText !== seedText) {
    const seed = fromBase64(seedText);
    if (seed?.length !== IDENTITY_SEED_BYTES) return null;
    own = { seedText, identities: new Identities(seed) };
  }
  return own.identities;
}
