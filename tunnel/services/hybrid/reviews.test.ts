/** What a hostile agent of a peer's site, or a hostile application, can do to one end: its peer here is a script. */
import { randomBytes } from "node:crypto";
import { duplexPair } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import type { Make, PeerMessage, PeerMessageOf } from "../../../shared/hybrid/peer/messages.ts";
import { type Kems, type KeyPair } from "../../../shared/kem/kem.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { Supply, UUIDS } from "../../../test/support/hybrid-wire.ts";
import type { PeerConnection, QkdNumber } from "./channel-types.ts";
import { FramedConnection } from "./connection.ts";
import { HybridEngine } from "./engine.ts";
import { type HybridStreams, streamsFor } from "./streams.ts";

const SESSION = "11111111-2222-4333-8444-555555555555";
const PUBLIC_KEY = new Uint8Array(1184).fill(1);
const CIPHERTEXT = new Uint8Array(1088).fill(2);
const never = new AbortController().signal;
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
};

/** Of ML-KEM-768's lengths, and as slow as the test wants. */
class Slow implements Kems {
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
class Script implements PeerConnection {
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

interface End {
  readonly engine: HybridEngine;
  readonly streams: HybridStreams;
  readonly kems: Slow;
  readonly supply: Supply;
  /** Dialled by this end. */
  readonly out: Script;
  /** Dialled by the peer. */
  readonly in: Script;
}

function end(): End {
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

const uri = (at: number, query: string): string => `hybrid://SPI_1@${UUIDS[at]}?${query}`;
const wish = (from: number, to: number, query: string, timeoutMs = 2000) => ({
  source: uri(from, query),
  destination: uri(to, query),
  chunkBytes: 32,
  timeoutMs,
});
const openOf = (query: string, more: Partial<PeerMessageOf<"open">> = {}): PeerMessageOf<"open"> => ({
  type: "open",
  session: SESSION,
  ...wish(1, 0, query),
  nonce: new Uint8Array(32).fill(9),
  sae: "sae-1",
  peerSae: null,
  make: null,
  ...more,
});
const makeOf = (attempt: number, index: number, more: Partial<Make> = {}): PeerMessage => ({
  type: "make",
  session: SESSION,
  make: { attempt, index, count: 1, publicKeys: [PUBLIC_KEY], qkd: null, ...more },
});
const confirmOf = (index: number): PeerMessage => ({ type: "confirm", session: SESSION, index, count: 1, tags: null });
const opened = (outcome: Result<Ksid, unknown>): Ksid => {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  return outcome.value;
};

const LEGACY = "hybridization=xoring&key_sources=ML-KEM-768";
const KDF = "key_sources=ML-KEM-768";

/** This end is the responder. */
async function responding(query: string): Promise<End & { readonly ksid: Ksid }> {
  const one = end();
  const opening = one.streams.open(wish(1, 0, query), never);
  one.engine.message(one.in, openOf(query));
  return { ...one, ksid: opened(await opening) };
}

const [LATE, PROMPT] = [1, 2].map((number) => ({ ksid: UUIDS[2] ?? "", number })) as [QkdNumber, QkdNumber];

/** Of its QKD numbers the one comes when the test says so. */
async function withLateQkd() {
  const one = await responding("hybridization=xoring&key_sources=ML-KEM-768,QKD");
  const late = Promise.withResolvers<void>();
  const take = one.supply.take.bind(one.supply);
  one.supply.take = async (to, from, count) => {
    if (from.number === LATE.number) await late.promise;
    return await take(to, from, count);
  };
  return { ...one, late };
}

/** This end is the initiator; its peer has answered without any chunk, and the first has been asked for. */
async function initiating(query: string): Promise<End & { readonly ksid: Ksid }> {
  const one = end();
  const opening = one.streams.open(wish(0, 1, query), never);
  await turns();
  const session = one.out.of("open")[0]?.session ?? "";
  one.engine.message(one.out, { type: "opened", session, nonce: new Uint8Array(32), sae: "sae-1", made: null });
  const ksid = opened(await opening);
  await turns();
  return { ...one, ksid };
}

describe("an initiator's agent that is hostile, or slow", () => {
  test("what it begins anew counts, however late the attempt before it gets done", async () => {
    const { engine, streams, in: peer, ksid, late } = await withLateQkd();
    engine.message(peer, makeOf(1, 5, { qkd: LATE }));
    engine.message(peer, makeOf(2, 5, { publicKeys: null, qkd: PROMPT }));
    await turns();
    late.resolve();
    await turns();
    engine.message(peer, confirmOf(5));
    expect(peer.of("made").map(({ made }) => made.attempt)).toEqual([2]);
    expect(await streams.getKey(ksid, 5, never)).toMatchObject({ ok: true });
  });

  test("an index that was confirmed stays the key it is", async () => {
    const { engine, streams, in: peer, ksid, late } = await withLateQkd();
    engine.message(peer, makeOf(1, 5, { qkd: PROMPT }));
    engine.message(peer, makeOf(2, 5, { publicKeys: null, qkd: LATE }));
    await turns();
    engine.message(peer, confirmOf(5));
    const before = await streams.getKey(ksid, 5, never);
    expect(before).toMatchObject({ ok: true });
    late.resolve();
    await turns();
    engine.message(peer, confirmOf(5));
    expect(await streams.getKey(ksid, 5, never)).toEqual(before);
  });

  test("what it had begun before comes last, over a connection that was replaced: it is not made", async () => {
    const { engine, streams, in: peer, ksid } = await responding(LEGACY);
    engine.message(peer, makeOf(7, 5));
    await turns();
    engine.message(peer, makeOf(6, 5));
    await turns();
    engine.message(peer, confirmOf(5));
    expect(peer.of("failed")).toMatchObject([{ attempt: 6, code: "index-used" }]);
    expect(await streams.getKey(ksid, 5, never)).toMatchObject({ value: { key: new Uint8Array(32).fill(1) } });
  });

  test("chunks without end: so many are made at once, the others are refused", async () => {
    const { engine, kems, in: peer } = await responding(LEGACY);
    kems.encapsulating = () => new Promise(() => {});
    for (let index = 0; index < 500; index++) engine.message(peer, makeOf(index, index));
    await turns();
    expect(kems.encapsulated).toBe(LIMITS.hybridChunksHeld);
    expect(peer.of("failed").filter(({ code }) => code === "busy")).toHaveLength(500 - LIMITS.hybridChunksHeld);
  });

  test("public keys of another length wait for no thread", async () => {
    const { engine, kems, in: peer } = await responding(KDF);
    engine.message(peer, makeOf(1, 0, { publicKeys: [new Uint8Array(LIMITS.kemPublicKeyBytes)] }));
    await turns();
    expect(kems.encapsulated).toBe(0);
    expect(peer.of("failed")).toMatchObject([{ code: "source-unavailable" }]);
  });

  test("QKD numbers for a stream that has no QKD among its sources: none is fetched", async () => {
    const { engine, supply, in: peer } = await responding(KDF);
    engine.message(peer, makeOf(1, 0, { qkd: { ksid: UUIDS[2] ?? "", number: 7 } }));
    await turns();
    expect(supply.taken).toEqual([]);
    expect(peer.of("failed")).toMatchObject([{ code: "source-unavailable" }]);
  });

  test("a KEM that breaks: this key is not made, and the agent goes on", async () => {
    const { engine, kems, in: peer } = await responding(LEGACY);
    kems.encapsulating = () => Promise.reject(new Error("the thread has ended"));
    engine.message(peer, makeOf(1, 5));
    await turns();
    expect(peer.of("failed")).toMatchObject([{ attempt: 1, code: "source-unavailable" }]);
    kems.encapsulating = () => Promise.resolve();
    engine.message(peer, makeOf(2, 5));
    await turns();
    expect(peer.of("made")).toHaveLength(1);
  });

  test("a session of a KSID that this application has in the other role", async () => {
    const one = await initiating(KDF);
    const opening = one.streams.open(wish(1, 0, KDF, 200), never);
    one.engine.message(one.in, openOf(KDF, { session: one.ksid }));
    expect(await opening).toMatchObject({ error: { code: "busy" } });
    expect(one.streams.has(one.ksid)).toBe(true);
  });

  test("a session over a connection that it has not dialled", () => {
    const one = end();
    one.engine.message(one.out, openOf(KDF));
    expect(one.out.hungUp).not.toBeNull();
  });

  test("another site's does not learn who waits here, nor has a say in what they are told", async () => {
    const one = end();
    const opening = one.streams.open(wish(1, 0, KDF, 100), never);
    const stranger = new Script("site-2", false);
    one.engine.message(stranger, openOf("key_sources=ML-KEM-512", { timeoutMs: 50 }));
    expect(await opening).toMatchObject({ error: { code: "peer-not-come" } });
    expect(stranger.of("failed")).toMatchObject([{ code: "peer-not-come" }]);
  });

  test("all places that one site's agent takes: there is one for another's", async () => {
    const one = end();
    for (let at = 0; at < LIMITS.hybridWaiting + 50; at++) {
      const session = SESSION.replace("11111111", at.toString(16).padStart(8, "0"));
      one.engine.message(one.in, openOf(KDF, { session, timeoutMs: 60_000 }));
    }
    expect(one.in.of("failed")).toHaveLength(50);
    const other = new Script("site-2", false);
    one.engine.message(other, openOf(KDF, { ...wish(2, 0, KDF) }));
    expect(other.heard).toEqual([]);
    expect(one.in.of("failed")).toHaveLength(51);
    opened(await one.streams.open(wish(2, 0, KDF), never));
  });
});

describe("a responder's agent that is hostile", () => {
  test("chunks wanted without end: so many are made at once, the others are refused", async () => {
    const { engine, kems, out, ksid } = await initiating(KDF);
    const before = kems.generated;
    for (let index = 0; index < 500; index++) {
      engine.message(out, { type: "want", session: ksid, index: (index + 1) * LIMITS.hybridEpochChunks });
    }
    await turns();
    expect(kems.generated - before).toBeLessThanOrEqual(LIMITS.hybridChunksHeld);
    expect(out.of("failed")[0]).toMatchObject({ code: "busy", count: 1 });
  });

  test("no ciphertexts: the secret keys are wiped all the same", async () => {
    const { engine, kems, out, ksid } = await initiating(KDF);
    const [make] = out.of("make");
    expect(make).toBeDefined();
    const { attempt, index, count } = make!.make;
    const made = { attempt, index, count, ciphertexts: null, tags: null };
    engine.message(out, { type: "made", session: ksid, made });
    await turns();
    for (const { secretKey } of kems.pairs) expect(secretKey.every((byte) => byte === 0)).toBe(true);
  });

  test("closed while key is made: nothing more is said of it, or held", async () => {
    const { engine, kems, streams, out, ksid } = await initiating(LEGACY);
    const held = Promise.withResolvers<void>();
    kems.decapsulating = () => held.promise;
    const { attempt, index, count } = out.of("make")[0]!.make;
    const made = { attempt, index, count, ciphertexts: [CIPHERTEXT], tags: null };
    engine.message(out, { type: "made", session: ksid, made });
    await turns();
    streams.close(ksid);
    held.resolve();
    await turns();
    expect(out.of("confirm")).toEqual([]);
  });
});

describe("an application that does not wait", () => {
  test("gone before the other agent was told: nothing is opened", async () => {
    const one = end();
    const gone = new AbortController();
    const opening = one.streams.open(wish(0, 1, KDF), gone.signal);
    gone.abort();
    expect(await opening).toMatchObject({ error: { code: "timeout" } });
    expect(one.out.of("open")).toEqual([]);
    for (const { secretKey } of one.kems.pairs) expect(secretKey.every((byte) => byte === 0)).toBe(true);
  });

  test("gone while the first key was made: the stream is closed, at the other end too", async () => {
    const one = end();
    const [gone, slow] = [new AbortController(), Promise.withResolvers<void>()];
    one.kems.encapsulating = () => slow.promise;
    const opening = one.streams.open(wish(1, 0, LEGACY), gone.signal);
    const make = { attempt: 0, index: 0, count: 1, publicKeys: [PUBLIC_KEY], qkd: null };
    one.engine.message(one.in, openOf(LEGACY, { make }));
    await turns();
    gone.abort();
    slow.resolve();
    expect(await opening).toMatchObject({ error: { code: "timeout" } });
    expect(one.in.of("close")).toHaveLength(1);
    expect(one.streams.has(SESSION as Ksid)).toBe(false);
  });
});

describe("a way to the other agent that is slow", () => {
  test("public keys wait for room, and the connection stays for what others say", async () => {
    const one = await initiating(LEGACY);
    const before = one.out.heard.length;
    one.out.isCrowded = true;
    expect(await one.streams.open(wish(0, 1, KDF), never)).toMatchObject({ error: { code: "busy" } });
    expect(await one.streams.getKey(one.ksid, 9, never)).toMatchObject({ error: { code: "busy" } });
    expect(one.out.heard).toHaveLength(before);
    for (const { secretKey } of one.kems.pairs.slice(2)) expect(secretKey.every((byte) => byte === 0)).toBe(true);
    one.out.isCrowded = false;
    void one.streams.getKey(one.ksid, 9, never);
    await turns();
    expect(one.out.of("make").at(-1)).toMatchObject({ make: { index: 9 } });
  });

  test("there is room again before it would be hung up on", async () => {
    const [socket] = duplexPair();
    const events = { message: () => {}, closed: () => {} };
    const connection = new FramedConnection({
      ...{ site: "site-1", dialled: true, socket, events },
      log: () => {},
      onEnd: () => {},
    });
    onTestFinished(() => connection.hangUp("the test is over"));
    connection.begin();
    const publicKeys = [new Uint8Array(LIMITS.hybridPublicKeysBytes)];
    while (connection.hasRoom()) connection.send(makeOf(1, 0, { publicKeys }));
    connection.send(confirmOf(0));
    expect(connection.endedBy).toBeNull();
  });
});

test("a peer's application that is no more does not keep others from being met", async () => {
  const query = "key_sources=QKD,ML-KEM-768";
  const one = await initiating(query);
  one.supply.empty = true;
  const refused = await one.streams.open(wish(0, 1, query), never);
  expect(refused).toMatchObject({ error: { code: "source-unavailable" } });
  const before = one.out.of("open").length;
  const gone = new AbortController();
  const opening = one.streams.open(wish(0, 1, query), gone.signal);
  await turns();
  expect(one.out.of("open")[before]).toMatchObject({ peerSae: null, make: null });
  gone.abort();
  await opening;
});
