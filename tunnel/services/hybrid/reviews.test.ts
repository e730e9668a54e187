/** What a hostile agent of a peer's site, or a hostile application, can do to one end: its peer here is a script. */
import { createHash } from "node:crypto";
import { duplexPair } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../shared/limits.ts";
import {
  CIPHERTEXT,
  confirmOf,
  end,
  initiating,
  KDF,
  KEM,
  KEM_QKD,
  LEGACY,
  makeOf,
  never,
  opened,
  openOf,
  PUBLIC_KEY,
  responding,
  Script,
  SESSION,
  turns,
  wish,
} from "../../../test/support/hybrid-script.ts";
import { UUIDS } from "../../../test/support/hybrid-wire.ts";
import type { Agreement } from "./agreement.ts";
import type { QkdNumber } from "./qkd/types.ts";
import { FramedConnection } from "./channel/connection.ts";
import { EpochMaterial, kemEntry } from "./session/material.ts";
import { streamsFor } from "./streams.ts";

const [LATE, PROMPT] = [1, 2].map((number) => ({ ksid: UUIDS[2] ?? "", number })) as [QkdNumber, QkdNumber];

/** What the initiator shows for chunk 5, of the first secret there is and this number. */
function tagOf(responderNonce: Uint8Array, first: QkdNumber): Uint8Array {
  const method = "qkdedge-hkdf-v1";
  const { source, destination, chunkBytes, timeoutMs } = wish(1, 0, `hybridization=${method}&${KEM_QKD}`);
  const agreement: Agreement = {
    source,
    destination,
    method,
    chunkBytes,
    timeoutMs,
    role: "initiator",
    allowShort: false,
    peerSae: "sae-0",
    sources: [KEM, { algorithm: "QKD", slot: 0, required: true }],
    own: { sae: "sae-1", node: "tn-1", uuid: UUIDS[1] ?? "" },
    peer: { uuid: UUIDS[0] ?? "", site: "site-0" },
    ksid: SESSION as Ksid,
    initiatorNonce: new Uint8Array(32).fill(9),
    responderNonce,
  };
  const material = new EpochMaterial(agreement, [kemEntry(KEM, PUBLIC_KEY, CIPHERTEXT, new Uint8Array(32).fill(1))]);
  const bytes = new Uint8Array(createHash("sha256").update(String(first.number)).digest());
  const combined = material.combine(5, { first, bytes }, 0);
  return combined.ok ? (combined.value.chunk.tag ?? new Uint8Array()) : new Uint8Array();
}

/** Of its QKD numbers the one comes when the test says so. */
async function withLateQkd(method = "xoring") {
  const one = await responding(`hybridization=${method}&${KEM_QKD}`);
  const late = Promise.withResolvers<void>();
  const take = one.supply.take.bind(one.supply);
  one.supply.take = async (to, from, count) => {
    if (from.number === LATE.number) await late.promise;
    return await take(to, from, count);
  };
  return { ...one, late };
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
    const { engine, streams, in: peer, ksid, late } = await withLateQkd("qkdedge-hkdf-v1");
    engine.message(peer, makeOf(1, 5, { qkd: PROMPT }));
    await turns();
    engine.message(peer, makeOf(2, 5, { publicKeys: null, qkd: LATE }));
    await turns();
    const nonce = peer.of("opened")[0]!.nonce;
    engine.message(peer, { ...confirmOf(5), tags: [tagOf(nonce, PROMPT)] });
    const before = await streams.getKey(ksid, 5, never);
    expect(before).toMatchObject({ ok: true });
    late.resolve();
    await turns();
    engine.message(peer, { ...confirmOf(5), tags: [tagOf(nonce, LATE)] });
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

  test("a session of a KSID that another application has in the other role: each closes its own", async () => {
    const one = await initiating(KDF);
    const other = streamsFor(one.engine, { sae: "sae-9", node: "tn-0" });
    const opening = other.open(wish(1, 0, KDF), never);
    one.engine.message(one.in, openOf(KDF, { session: one.ksid }));
    expect(opened(await opening)).toBe(one.ksid);
    other.close(one.ksid);
    expect([one.streams.has(one.ksid), other.has(one.ksid)]).toEqual([true, false]);
  });

  test("a session over a connection that it has not dialled", () => {
    const one = end();
    one.engine.message(one.out, openOf(KDF));
    expect(one.out.hungUp).not.toBeNull();
  });

  test("streams with the largest public keys: so many are open, the next is refused", async () => {
    const one = end();
    const query = `key_sources=${Array.from({ length: 4 }, () => "Classic-McEliece-8192128").join(",")}`;
    const most = Math.floor(LIMITS.hybridSessionsBytes / (4 * LIMITS.kemPublicKeyBytes));
    for (let at = 0; at < most; at++) {
      one.engine.message(one.in, openOf(query, { session: SESSION.replace("11111111", `${10_000_000 + at}`) }));
      opened(await one.streams.open(wish(1, 0, query), never));
    }
    expect(await one.streams.open(wish(1, 0, query), never)).toMatchObject({ error: { code: "busy" } });
    one.engine.message(one.in, openOf(KDF));
    opened(await one.streams.open(wish(1, 0, KDF), never));
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

  test("a chunk wanted that cannot be made: it is told so at once", async () => {
    const { engine, supply, out, ksid } = await initiating(KEM_QKD);
    supply.empty = true;
    engine.message(out, { type: "want", session: ksid, index: 9 });
    await turns();
    expect(out.of("failed")).toMatchObject([{ index: 9, count: 1, code: "source-unavailable" }]);
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
      site: "site-1",
      dialled: true,
      socket,
      events,
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
  const query = KEM_QKD;
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
