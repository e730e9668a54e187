/** For tests of one engine of hybrid keys whose peer is a script: it says what no agent would. */
import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { Make, PeerMessage, PeerMessageOf } from "../../shared/hybrid/peer/messages.ts";
import type { Kems, KeyPair } from "../../shared/kem/kem.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { PeerConnection } from "../../tunnel/services/hybrid/channel/types.ts";
import { HybridEngine } from "../../tunnel/services/hybrid/engine.ts";
import { type HybridStreams, streamsFor } from "../../tunnel/services/hybrid/streams.ts";
import { Supply, UUIDS } from "./hybrid-wire.ts";

export const SESSION = "11111111-2222-4333-8444-555555555555";
export const PUBLIC_KEY = new Uint8Array(1184).fill(1);
export const CIPHERTEXT = new Uint8Array(1088).fill(2);
export const never: AbortSignal = new AbortController().signal;
export const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
};

/** Of ML-KEM-768's lengths, and as slow as the test wants. */
export class Slow implements Kems {
  generated = 0;
  encapsulated = 0;
  readonly pairs: KeyPair[] = [];
  encapsulating: () => Promise<void> = () => Promise.resolve();
  decapsulating: () => Promise<void> = () => Promise.resolve();

  generateKeyPair(): Promise<KeyPair> {
    this.generated += 1;
    const pair = { publicKey: PUBLIC_KEY.slice(), secretKey: new Uint8Array(2400).fill(this.generated) };
    this.pairs.push(pair);
    return Promise.resolve(pair);
  }

  async encapsulate() {
    this.encapsulated += 1;
    const sharedSecret = new Uint8Array(32).fill(this.encapsulated);
    await this.encapsulating();
    return ok({ ciphertext: CIPHERTEXT, sharedSecret });
  }

  async decapsulate() {
    await this.decapsulating();
    return ok(new Uint8Array(32).fill(1));
  }
}

/** The other agent's end of a connection. */
export class Script implements PeerConnection {
  readonly site: string;
  readonly dialled: boolean;
  readonly heard: PeerMessage[] = [];
  hungUp: string | null = null;
  isCrowded = false;

  constructor(site: string, dialled: boolean) {
    this.site = site;
    this.dialled = dialled;
  }

  send(message: PeerMessage): void {
    this.heard.push(message);
  }

  hasRoom(): boolean {
    return !this.isCrowded;
  }

  hangUp(reason: string): void {
    this.hungUp = reason;
  }

  of<Type extends PeerMessage["type"]>(type: Type): readonly PeerMessageOf<Type>[] {
    return this.heard.filter((message): message is PeerMessageOf<Type> => message.type === type);
  }
}

export interface End {
  readonly engine: HybridEngine;
  readonly streams: HybridStreams;
  readonly kems: Slow;
  readonly supply: Supply;
  /** Dialled by this end. */
  readonly out: Script;
  /** Dialled by the peer. */
  readonly in: Script;
}

export function end(): End {
  const [kems, supply] = [new Slow(), new Supply()];
  const [out, back] = [new Script("site-1", true), new Script("site-1", false)];
  const partner = { compat_short_keys: false, allow_seed_fallback: false, index_zero_is_next: false };
  const engine = new HybridEngine(
    {
      nodes: [{ id: "tn-0", uuid: UUIDS[0] ?? "" }],
      partners: new Map(
        [1, 2].map((peer) => [UUIDS[peer] ?? "", { uuid: UUIDS[peer] ?? "", site: `site-${peer}`, ...partner }]),
      ),
    },
    {
      kems,
      qkd: supply,
      channel: { reach: () => Promise.resolve(ok(out)) },
      reports: { tell: () => {} },
      log: () => {},
      nowMs: () => performance.now(),
      randomBytes: (lengthBytes) => new Uint8Array(randomBytes(lengthBytes)),
    },
    () => Promise.resolve(err({ code: "unknown-peer", detail: "no modules here" })),
  );
  onTestFinished(() => engine.close());
  return { engine, kems, supply, out, in: back, streams: streamsFor(engine, { sae: "sae-0", node: "tn-0" }) };
}

export const uri = (at: number, query: string): string => `hybrid://SPI_1@${UUIDS[at]}?${query}`;
export const wish = (from: number, to: number, query: string, timeoutMs = 2000) => ({
  source: uri(from, query),
  destination: uri(to, query),
  chunkBytes: 32,
  timeoutMs,
});
export const openOf = (query: string, more: Partial<PeerMessageOf<"open">> = {}): PeerMessageOf<"open"> => ({
  type: "open",
  session: SESSION,
  ...wish(1, 0, query),
  nonce: new Uint8Array(32).fill(9),
  sae: "sae-1",
  peerSae: null,
  make: null,
  ...more,
});
export const makeOf = (attempt: number, index: number, more: Partial<Make> = {}): PeerMessage => ({
  type: "make",
  session: SESSION,
  make: { attempt, index, count: 1, publicKeys: [PUBLIC_KEY], qkd: null, ...more },
});
export const confirmOf = (index: number): PeerMessageOf<"confirm"> => ({
  type: "confirm",
  session: SESSION,
  index,
  count: 1,
  tags: null,
});
export const opened = (outcome: Result<Ksid, unknown>): Ksid => {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  return outcome.value;
};

export const KEM = { algorithm: "ML-KEM-768", slot: 0, required: true } as const;
export const KEM_QKD = "key_sources=ML-KEM-768,QKD";
export const LEGACY = "hybridization=xoring&key_sources=ML-KEM-768";
export const KDF = "key_sources=ML-KEM-768";

/** This end is the responder. */
export async function responding(query: string): Promise<End & { readonly ksid: Ksid }> {
  const one = end();
  const opening = one.streams.open(wish(1, 0, query), never);
  one.engine.message(one.in, openOf(query));
  return { ...one, ksid: opened(await opening) };
}

/** This end is the initiator; its peer has answered without any chunk, and the first has been asked for. */
export async function initiating(query: string): Promise<End & { readonly ksid: Ksid }> {
  const one = end();
  const opening = one.streams.open(wish(0, 1, query), never);
  await turns();
  const session = one.out.of("open")[0]?.session ?? "";
  one.engine.message(one.out, { type: "opened", session, nonce: new Uint8Array(32), sae: "sae-1", made: null });
  const ksid = opened(await opening);
  await turns();
  return { ...one, ksid };
}
