/** Hybrid streams of the edge: two KeyStream halves that mix KEM secrets into the pool's chunks. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { ChunkMetadata, Ksid } from "../../../shared/etsi004/types.ts";
import { EDGE_QKD_BYTES, type HybridTerms } from "../../../shared/hybrid/edge/terms.ts";
import { METHOD_NAMES, METHODS, type KdfMethod } from "../../../shared/hybrid/methods.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { exchangesOf, makeHybrid, outcome, termsOf } from "../../../test/support/in-workerd-hybrid.ts";
import { type App, newKsid, poolOf, streamStub } from "../../../test/support/in-workerd-streams.ts";
import { hex, type TestPool, value } from "../../../test/support/in-workerd-pool.ts";
import { KeyStream } from "../key-stream.ts";

const KDFS = METHOD_NAMES.filter((name): name is KdfMethod => METHODS[name].family === "kdf");

/** Of chunk `index`, what the pool has for an end that has not fetched it. */
async function rawChunk(pool: TestPool, { self }: App, ksid: Ksid, index: number, hybrid = true) {
  const { instance } = (await value(poolOf(pool).streamState({ configVersion: 0, ksid, sae: self.sae })))!;
  const call = { configVersion: 0, principal: "sae:x", ksid, instance, self, readAhead: 0, waitMs: 0 };
  return await value(poolOf(pool).chunks({ ...call, indices: [index], afterClose: false, hybrid }));
}

describe("the same key at both ends", () => {
  it.each([
    ["the source's end opens first", false, false],
    ["the destination's end opens first", true, false],
    ["the other way round, the source's end first", false, true],
    ["the other way round, the destination's end first", true, true],
  ])("%s", async (_, bFirst, turned) => {
    const { a, b, hybrid } = await makeHybrid({ turned });
    const [first, second] = bFirst ? [b, a] : [a, b];
    const ksid = newKsid();
    const waiting = first.open(ksid, { chunkBytes: 32 }, { hybrid });
    await expect.poll(async () => (await second.open(ksid, {}, { hybrid })).status).toBe("success");
    expect(await waiting).toMatchObject({ status: "success", isHybrid: true });
    const chunks = new Set<string>();
    for (let index = 0; index < 5; index++) {
      const chunk = await first.chunk(ksid, index);
      expect(await second.chunk(ksid, index)).toBe(chunk);
      chunks.add(chunk);
    }
    expect(chunks.size).toBe(5);
  });

  it("of an end that was not told who the other is, as whichever comes first was meant", async () => {
    const { a, b, hybrid } = await makeHybrid();
    const peer = { ...b.self, sae: null };
    const { ksid } = await a.open(null, { chunkBytes: 32 }, { hybrid, peer });
    // As if news of it were lost.
    const lost = vi.spyOn(KeyStream.prototype, "peerChanged").mockResolvedValue({ ok: true, value: null });
    expect(await outcome(b.open(ksid, {}, { hybrid }))).toBe("success");
    lost.mockRestore();
    expect(await b.chunk(ksid, 0)).toBe(await a.chunk(ksid, 0));
  });

  it("with an allocated KSID, in order, whichever end asks first", async () => {
    const { a, b, hybrid } = await makeHybrid();
    const { ksid, status, isHybrid } = await a.open(null, { chunkBytes: 32 }, { hybrid });
    expect([status, isHybrid]).toEqual(["peer-not-connected", true]);
    expect(await a.status(ksid)).toBe("peer-not-yet-connected");
    expect((await b.open(ksid, {}, { hybrid })).status).toBe("success");
    for (let index = 0; index < 20; index++) {
      const [one, other] = index % 2 === 0 ? [a, b] : [b, a];
      const { indices, key } = await one.key(ksid);
      expect(indices).toEqual([index]);
      expect(await other.chunk(ksid, index)).toBe(hex(key));
    }
  });

  it.each(KDFS)("by %s, of several KEMs, in chunks of any length", async (method) => {
    const algorithms = ["ML-KEM-512", "ML-KEM-1024", "ML-KEM-1024", "Kyber768", "QKD"] as const;
    const { opened, a, b } = await makeHybrid({ method, algorithms });
    for (const chunkBytes of [8, 33, 512]) {
      const ksid = await opened({ chunkBytes });
      const { key } = await a.key(ksid, { indices: [2, 0, 1] });
      expect(key.length).toBe(3 * chunkBytes);
      expect(hex((await b.key(ksid, { indices: [2, 0, 1] })).key)).toBe(hex(key));
    }
  });

  it("calls at once, of both ends", async () => {
    const { opened, a, b } = await makeHybrid({ units: 250 });
    const ksid = await opened();
    const keys = await Promise.all(
      Array.from({ length: 40 }, async (_, at) => ({ at, key: await (at % 2 === 0 ? a : b).key(ksid) })),
    );
    const byIndex = new Map<number, Set<string>>();
    for (const { key } of keys) {
      const [index = -1] = key.indices;
      byIndex.set(index, (byIndex.get(index) ?? new Set<string>()).add(hex(key.key)));
    }
    expect([...byIndex.keys()].sort((x, y) => x - y)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    for (const chunks of byIndex.values()) expect(chunks.size).toBe(1);
  });

  it("over the end of an exchange: chunks before it may still be fetched, until they run out", async () => {
    const { opened, a, b } = await makeHybrid();
    const ksid = await opened({ chunkBytes: 32, ttlSeconds: 600 });
    const last = LIMITS.hybridEpochChunks - 1;
    for (let index = LIMITS.streamAheadChunks - 1; index < last; index += LIMITS.streamAheadChunks) {
      await b.chunk(ksid, index);
    }
    await b.chunk(ksid, last - 1);
    const after = await b.chunk(ksid, last + 1);
    const before = await b.chunk(ksid, last);
    await Promise.all([a.evict(ksid), b.evict(ksid)]);
    expect([await a.chunk(ksid, last + 1), await a.chunk(ksid, last)]).toEqual([after, before]);
    for (const { self } of [a, b]) {
      const [first, second] = await exchangesOf(ksid, self.node);
      expect(second).toMatchObject({ number: 1, state: "confirmed", ends_ms: null });
      expect(first?.ends_ms).toBeGreaterThan(Date.now() + 600_000);
    }
  });
});

describe("no downgrade", () => {
  it("chunks are not the pool's, which hands none to a half that would not mix", async () => {
    const { pool, opened, a, b } = await makeHybrid();
    const ksid = await opened();
    const chunk = await a.chunk(ksid, 0);
    expect(await rawChunk(pool, b, ksid, 0, false)).toEqual({ outcome: "unknown" });
    const raw = await rawChunk(pool, b, ksid, 0);
    if (raw.outcome !== "handed") throw new Error(raw.outcome);
    expect(raw.bytes.length).toBe(EDGE_QKD_BYTES);
    expect(hex(raw.bytes)).not.toBe(chunk);
  });

  it("another instance of the stream has other KEM secrets", async () => {
    const { opened, openBoth, a, b } = await makeHybrid();
    const ksid = await opened();
    const chunk = await a.chunk(ksid, 0);
    await Promise.all([a.close(ksid), b.close(ksid)]);
    expect((await openBoth(ksid)).told).toEqual(["success", "success"]);
    expect(await a.chunk(ksid, 0)).not.toBe(chunk);
    expect(await a.chunk(ksid, 1)).toBe(await b.chunk(ksid, 1));
  });

  const changes: [string, (terms: HybridTerms) => HybridTerms | undefined, RegExp][] = [
    [
      "another method",
      (terms) => ({ ...terms, method: "cas-kdf" }),
      /^uris-differ: hybridization: cas-kdf here, qkdedge/,
    ],
    [
      "fewer sources",
      (terms) => ({ ...terms, sources: terms.sources.slice(1) }),
      /^uris-differ: key_sources: QKD here/,
    ],
    [
      "a source that is only optional",
      (terms) => ({ ...terms, sources: terms.sources.map((source) => ({ ...source, required: false })) }),
      /^uris-differ: key_sources: ML-KEM-768 \(optional\)/,
    ],
    [
      "source and destination the other way round",
      (terms) => ({ ...terms, initiator: terms.responder, responder: terms.initiator }),
      /^uris-differ: source: /,
    ],
    ["plain addresses", () => undefined, /^uris-differ: the other end has opened this stream with hybrid/],
  ];
  it.each(changes)("%s at the second end: uris-differ, and the first goes on waiting", async (_, change, told) => {
    const { a, b, hybrid } = await makeHybrid();
    const { ksid } = await a.open(null, { chunkBytes: 32 }, { hybrid });
    const changed = change(hybrid);
    expect(await outcome(b.open(ksid, {}, changed === undefined ? {} : { hybrid: changed }))).toMatch(told);
    expect(await a.status(ksid)).toBe("peer-not-yet-connected");
    expect(await b.status(ksid)).toBe("unknown-ksid");
    expect(await outcome(b.open(ksid, {}, { hybrid }))).toBe("success");
    expect(await a.chunk(ksid, 0)).toBe(await b.chunk(ksid, 0));
  });

  it("a plain stream cannot be joined as a hybrid one", async () => {
    const { a, b, hybrid } = await makeHybrid();
    const { ksid } = await a.open(null, { chunkBytes: 32 });
    expect(await outcome(b.open(ksid, {}, { hybrid }))).toMatch(/^uris-differ: .*without hybrid:\/\/ addresses$/);
  });

  it("the end that opened it cannot open it again as another", async () => {
    const { a, b, hybrid } = await makeHybrid();
    const { ksid } = await a.open(null, { chunkBytes: 32 }, { hybrid });
    expect(await outcome(a.open(ksid))).toMatch(/^uris-differ: /);
    expect(await outcome(b.open(ksid, {}, { hybrid }))).toBe("success");
  });

  it("a KEM that the edge does not compute opens nothing, whatever the Worker thought", async () => {
    const { openBoth, a, b } = await makeHybrid({ algorithms: ["Classic-McEliece-348864", "QKD"] });
    const { ksid, told } = await openBoth();
    for (const each of told) expect(each).toMatch(/^kem-not-here: Classic-McEliece-348864/);
    for (const end of [a, b]) expect(await outcome(end.get(ksid))).toMatch(/^kem-not-here: /);
  });
});

const told = async (end: App, ksid: Ksid) =>
  JSON.parse((await end.key(ksid, { metadataSize: LIMITS.streamMetadataChars })).metadata ?? "") as ChunkMetadata;

describe("metadata", () => {
  it("names what was mixed, and that it is confirmed", async () => {
    const { opened, a, b } = await makeHybrid({ dropped: ["HQC-256"] });
    const ksid = await opened();
    const about = { method: "qkdedge-hkdf-v1", sources: ["ML-KEM-768", "QKD"], dropped: ["HQC-256"] };
    for (const end of [a, b]) {
      const metadata = await told(end, ksid);
      expect(metadata).toEqual({ age: metadata.age, hops: 0, ...about, confirmed: true, kem: "edge" });
    }
  });

  it("of QKD key alone says so, and that no KEM was confirmed", async () => {
    const { opened, a, b } = await makeHybrid({ algorithms: ["QKD"], dropped: ["BIKE-L1"] });
    const ksid = await opened();
    expect(await told(a, ksid)).toMatchObject({ sources: ["QKD"], dropped: ["BIKE-L1"], confirmed: false });
    expect(await a.chunk(ksid, 1)).toBe(await b.chunk(ksid, 1));
  });

  it("that does not fit: told how much would, and the chunk is not lost", async () => {
    const { opened, a, b } = await makeHybrid();
    const ksid = await opened();
    const small = await a.get(ksid, { metadataSize: 46 });
    if (small.status !== "metadata-too-small") throw new Error(small.status);
    const { metadata, key, indices } = await a.key(ksid, { metadataSize: small.neededSize });
    expect([indices, metadata!.length <= small.neededSize]).toEqual([[0], true]);
    expect(await b.chunk(ksid, 0)).toBe(hex(key));
  });
});

describe("what is kept", () => {
  it("is sealed, survives evictions and kills, and is not agreed on again", async () => {
    const { opened, a, b } = await makeHybrid();
    const ksid = await opened();
    const before = await Promise.all([a, b].map(async ({ self }) => await exchangesOf(ksid, self.node)));
    for (const [row] of before) expect(row).toMatchObject({ number: 0, state: "confirmed", sealedBytes: 32 + 16 });
    await a.evict(ksid);
    const chunk = await a.chunk(ksid, 0);
    await b.crash(ksid);
    expect(await b.chunk(ksid, 0)).toBe(chunk);
    await a.crash(ksid);
    expect(await a.chunk(ksid, 1)).toBe(await b.chunk(ksid, 1));
    expect(await Promise.all([a, b].map(async ({ self }) => await exchangesOf(ksid, self.node)))).toEqual(before);
  });

  it("is wiped at this end's CLOSE, and the other end may fetch what was made", async () => {
    const { opened, a, b } = await makeHybrid();
    const ksid = await opened();
    const chunk = await a.chunk(ksid, 0);
    await a.close(ksid);
    expect(await exchangesOf(ksid, a.self.node)).toMatchObject([{ state: "over", epoch: 0, sealedBytes: 0 }]);
    await b.crash(ksid);
    expect(await b.chunk(ksid, 0)).toBe(chunk);
    await b.close(ksid);
    expect(await exchangesOf(ksid, b.self.node)).toMatchObject([{ state: "over", sealedBytes: 0 }]);
  });

  it("goes with its stream, by the alarm", async () => {
    const { opened, a, b } = await makeHybrid();
    const ksid = await opened();
    await Promise.all([a.close(ksid), b.close(ksid)]);
    for (const { self } of [a, b]) {
      const stub = streamStub(ksid, self.node) as never;
      await runInDurableObject(stub, (_: unknown, { storage }: DurableObjectState) => {
        storage.sql.exec("UPDATE stream SET look_ms = 0");
      });
      await runDurableObjectAlarm(stub);
      expect(await exchangesOf(ksid, self.node)).toEqual([]);
    }
  });

  it("is none for streams that were opened at one end only: 200 of them go by the alarm", async () => {
    const { pool, a, hybrid } = await makeHybrid();
    const ksids = await Promise.all(
      Array.from({ length: 200 }, async () => (await a.open(null, { chunkBytes: 32 }, { hybrid })).ksid),
    );
    for (const ksid of ksids) expect(await exchangesOf(ksid, a.self.node)).toEqual([]);
    await pool.sql("UPDATE stream SET ends_ms = 1");
    await pool.evict();
    while (await runDurableObjectAlarm(pool.stub as never)) {
      if ((await pool.sql<{ n: number }>("SELECT count(*) AS n FROM stream"))[0]?.n === 0) break;
    }
    const objects = [...new Map(ksids.map((ksid) => [streamName(ksid), streamStub(ksid, a.self.node)])).values()];
    for (const stub of objects) {
      await runInDurableObject(stub as never, (_: unknown, { storage }: DurableObjectState) => {
        storage.sql.exec("UPDATE stream SET look_ms = 0");
      });
      await runDurableObjectAlarm(stub as never);
    }
    for (const ksid of ksids) expect(await a.status(ksid)).toBe("unknown-ksid");
    for (const stub of objects) {
      const left = await runInDurableObject(stub as never, (_: unknown, { storage }: DurableObjectState) =>
        storage.sql.exec("SELECT 1 FROM stream").toArray(),
      );
      expect(left).toEqual([]);
    }

    function streamName(ksid: Ksid): string {
      return (streamStub(ksid, a.self.node) as unknown as { readonly id: DurableObjectId }).id.toString();
    }
  });
});

it("terms that are none of this pair's are refused by the pool", async () => {
  const { pool, a } = await makeHybrid();
  const hybrid = termsOf(pool);
  const elsewhere = { ...hybrid, responder: { ...hybrid.responder, node: "n-x" as typeof pool.low } };
  expect(await outcome(a.open(null, {}, { hybrid: elsewhere }))).toMatch(
    /^hybrid: its ends are the nodes of this pair/,
  );
});
