/** ETSI GS QKD 004 V2.1.1: what any binding has to do, by the numbers of the black-box cases. */
import { describe, expect, it } from "vitest";
import type { ChunkMetadata, Ksid } from "../../shared/etsi004/types.ts";
import { app, makeStreams, newKsid, opened, push } from "../../test/support/in-workerd-streams.ts";
import { hex, makePool } from "../../test/support/in-workerd-pool.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ageOf = (text: string | null) => JSON.parse(text ?? "") as ChunkMetadata;
const QUICK = { chunkBytes: 32, timeoutMs: 300 };

describe("OPEN_CONNECT", () => {
  it("004-01: without a KSID is answered at once, with QoS", async () => {
    const { a } = await makeStreams();
    const { status, ksid, qos } = await a.open(null, { chunkBytes: 64 });
    expect(status).toBe("peer-not-connected");
    expect(ksid).toMatch(UUID_V4);
    expect(qos).toMatchObject({ chunkBytes: 64, metadataMimetype: "application/json" });
  });

  it("004-02: the peer joins, and gets the QoS that is registered", async () => {
    const { a, b } = await makeStreams();
    const { ksid, qos } = await a.open(null, { chunkBytes: 64, ttlSeconds: 100 });
    expect(await b.open(ksid, { chunkBytes: 32, ttlSeconds: 7 })).toMatchObject({ status: "success", qos });
  });

  it.each([
    ["A-B", false],
    ["B-A", true],
  ])(
    "004-05: a predefined KSID is opened by both, in order %s: who comes first waits for the other",
    async (_, swap) => {
      const { a, b } = await makeStreams();
      const [first, second] = swap ? [b, a] : [a, b];
      const ksid = newKsid();
      const waiting = first.open(ksid, { chunkBytes: 32 });
      await expect.poll(async () => (await second.open(ksid)).status).toBe("success");
      expect((await waiting).status).toBe("success");
      expect(await a.chunk(ksid, 0)).toBe(await b.chunk(ksid, 0));
    },
  );

  it("004-05: both at once", async () => {
    const { a, b } = await makeStreams();
    const ksid = newKsid();
    const statuses = await Promise.all([a.open(ksid), b.open(ksid)]);
    expect(statuses.map(({ status }) => status)).toEqual(["success", "success"]);
  });

  it("004-06: others' KSID is in use, and they do not notice", async () => {
    const { pool, a, b } = await makeStreams();
    const ksid = await opened(a, b);
    const third = app(pool, "sae-a3", pool.low);
    third.towards(app(pool, "sae-b3", pool.high));
    expect((await third.open(ksid)).status).toBe("ksid-in-use");
    // Towards another node, whose pool knows nothing of it.
    const elsewhere = await makePool({ health: "accept" });
    const fourth = app(elsewhere, "sae-a4", pool.low).towards(app(elsewhere, "sae-x", elsewhere.high));
    expect((await fourth.open(ksid)).status).toBe("ksid-in-use");
    expect(await a.chunk(ksid, 0)).toBe(await b.chunk(ksid, 0));
  });

  it("004-08: with a KSID, and no peer within Timeout", async () => {
    const { a, b } = await makeStreams();
    const ksid = newKsid();
    expect((await a.open(ksid, QUICK)).status).toBe("timeout");
    // It is registered all the same.
    expect((await b.open(ksid)).status).toBe("success");
    expect((await a.open(ksid)).status).toBe("success");
  });

  it("004-09: Min_bps that cannot be had is refused; what is offered is accepted", async () => {
    const { a } = await makeStreams();
    const asked = { chunkBytes: 32, minBps: 4_000_000_000 };
    const refused = await a.open(null, asked);
    expect(refused).toMatchObject({ status: "qos-not-met", opened: false });
    expect(refused.qos!.minBps).toBeLessThan(asked.minBps);
    expect(await a.status(refused.ksid)).toBe("unknown-ksid");
    expect((await a.open(null, refused.qos)).status).toBe("peer-not-connected");
  });

  it("004-10, 004-11, 004-12: metadata's types", async () => {
    const { a, b } = await makeStreams();
    expect((await a.open(null, { metadataMimetype: "application/json" })).status).toBe("peer-not-connected");
    const ksid = await opened(a, b, { metadataMimetype: "" });
    expect((await a.key(ksid, { metadataSize: 1000 })).metadata).toBeNull();
    const refused = await a.open(null, { metadataMimetype: "x/unknown" });
    expect(refused).toMatchObject({ status: "qos-not-met", qos: { metadataMimetype: "application/json" } });
  });

  it("004-23: without a link there is no connection", async () => {
    const pool = await makePool({ state: "gone" });
    const a = app(pool, "sae-a", pool.low).towards(app(pool, "sae-b", pool.high));
    expect((await a.open(null)).status).toBe("no-connection");
  });

  it("004-26: chunks of 0 bytes are of the system's size, huge ones are not met", async () => {
    const { a } = await makeStreams();
    const chosen = await a.open(null, { chunkBytes: 0 });
    expect(chosen.qos!.chunkBytes).toBeGreaterThan(0);
    const huge = await a.open(null, { chunkBytes: 2 ** 32 - 1 });
    expect(huge.status).toBe("qos-not-met");
    expect((await a.open(null, huge.qos)).status).toBe("peer-not-connected");
  });

  it("004-30: a thousand KSIDs", async () => {
    const { a } = await makeStreams();
    const ksids = new Set<Ksid>();
    for (let batch = 0; batch < 20; batch++) {
      const opens = await Promise.all(Array.from({ length: 50 }, async () => await a.open(null)));
      for (const { ksid, status } of opens) {
        expect(status).toBe("peer-not-connected");
        expect(ksid).toMatch(UUID_V4);
        ksids.add(ksid);
      }
    }
    expect(ksids.size).toBe(1000);
  });
});

describe("GET_KEY", () => {
  it("004-03: the same chunks at both ends, all of one size and distinct", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, { chunkBytes: 48 });
    const seen = new Set<string>();
    for (let index = 0; index < 10; index++) {
      const chunk = await a.chunk(ksid, index);
      expect(await b.chunk(ksid, index)).toBe(chunk);
      expect(chunk.length).toBe(96);
      seen.add(chunk);
    }
    expect(seen.size).toBe(10);
  });

  it("004-04: without an index, one after the other", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b);
    for (let index = 0; index < 40; index++) {
      const mine = await a.key(ksid);
      expect(mine.indices).toEqual([index]);
      expect(await b.chunk(ksid, index)).toBe(hex(mine.key));
    }
  });

  it("004-07: before the peer has come", async () => {
    const { a } = await makeStreams();
    const { ksid } = await a.open(null);
    expect(await a.status(ksid)).toBe("peer-not-yet-connected");
  });

  it("004-13: no room for metadata, no metadata", async () => {
    const { a, b } = await makeStreams();
    expect((await a.key(await opened(a, b), { metadataSize: 0 })).metadata).toBeNull();
  });

  it("004-14: too little room for metadata loses nothing", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b);
    const refused = await a.get(ksid, { metadataSize: 1 });
    if (refused.status !== "metadata-too-small") throw new Error(refused.status);
    const answer = await a.key(ksid, { metadataSize: refused.neededSize });
    expect(answer.metadata!.length).toBeLessThanOrEqual(refused.neededSize);
    expect(answer.indices).toEqual([0]);
    expect(await b.chunk(ksid, 0)).toBe(hex(answer.key));
    const again = await a.get(ksid, { metadataSize: 1, indices: [5] });
    expect(again.status).toBe("metadata-too-small");
    expect(await a.chunk(ksid, 5)).toBe(await b.chunk(ksid, 5));
  });

  it("004-15: metadata tells age and hops", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b);
    const young = await a.key(ksid, { metadataSize: 100 });
    expect(ageOf(young.metadata)).toEqual({ age: expect.any(Number) as number, hops: 0 });
    const old = ageOf((await b.key(ksid, { metadataSize: 100 })).metadata);
    expect(old.age).toBeGreaterThanOrEqual(ageOf(young.metadata).age);
    expect(old.age).toBeLessThan(2 ** 32);
  });

  it("004-16: an empty pool: nothing, and never part of a chunk", async () => {
    const { pool, a, b } = await makeStreams({ units: 1 });
    const ksid = await opened(a, b, { ...QUICK, chunkBytes: 500 });
    for (let index = 0; index < 8; index++) expect((await a.key(ksid)).key.length).toBe(500);
    expect(await a.status(ksid)).toBe("timeout");
    await push(pool, 2);
    expect((await a.key(ksid)).indices).toEqual([8]);
  });

  it("waits for key", async () => {
    const { pool, a, b } = await makeStreams({ units: 0 });
    const ksid = await opened(a, b, { chunkBytes: 32, timeoutMs: 30_000 });
    const waiting = a.key(ksid);
    await push(pool, 1);
    expect(hex((await waiting).key)).toBe(await b.chunk(ksid, 0));
  });

  it("004-17: an index far ahead", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, QUICK);
    expect(await a.status(ksid, { indices: [1_000_000] })).toBe("insufficient-key");
    expect((await a.key(ksid)).indices).toEqual([0]);
  });

  it("004-18: an index twice at one end", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, QUICK);
    const chunk = await a.chunk(ksid, 0);
    expect(await a.status(ksid, { indices: [0] })).toBe("insufficient-key");
    expect(await b.chunk(ksid, 0)).toBe(chunk);
  });

  it("several indices, all or none", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, QUICK);
    const three = await a.key(ksid, { indices: [4, 0, 2] });
    expect(three.indices).toEqual([4, 0, 2]);
    const chunks = await Promise.all([4, 0, 2].map(async (index) => await b.chunk(ksid, index)));
    expect(hex(three.key)).toBe(chunks.join(""));
    expect(await a.status(ksid, { indices: [1, 2] })).toBe("insufficient-key");
    expect((await a.key(ksid)).indices).toEqual([1]);
    expect((await a.key(ksid)).indices).toEqual([3]);
    expect((await a.key(ksid)).indices).toEqual([5]);
  });

  it("004-22: when their time is over chunks are gone", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, { ...QUICK, ttlSeconds: 1 });
    await a.key(ksid, { indices: [0, 1] });
    const left = async () => (await b.available(ksid)).indices;
    expect(await left()).toEqual([0, 1]);
    await expect.poll(left, { timeout: 10_000 }).toEqual([]);
    expect(await b.status(ksid, { indices: [0] })).toBe("insufficient-key");
    // What comes next is new.
    expect((await b.key(ksid)).indices).toEqual([2]);
  });

  it("004-25, 004-27: a hundred streams at once do not mix", async () => {
    const { a, b } = await makeStreams({ units: 16 });
    const both = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const ksid = await opened(a, b);
        const [mine, theirs] = await Promise.all([a.key(ksid, { indices: [0, 1] }), b.key(ksid, { indices: [0, 1] })]);
        expect(hex(theirs.key)).toBe(hex(mine.key));
        return [hex(mine.key.slice(0, 32)), hex(mine.key.slice(32))];
      }),
    );
    expect(new Set(both.flat()).size).toBe(200);
  });

  it("004-28: of another application, even at the same node", async () => {
    const { pool, a, b } = await makeStreams();
    const ksid = await opened(a, b);
    const stranger = app(pool, "sae-x", pool.low).towards(b);
    expect(await stranger.status(ksid)).toBe("unknown-ksid");
    expect(await stranger.close(ksid)).toBe("unknown-ksid");
    expect((await stranger.available(ksid)).status).toBe("unknown-ksid");
    expect((await stranger.socket(ksid)).status).toBe(404);
    expect((await a.key(ksid)).indices).toEqual([0]);
  });
});

describe("CLOSE", () => {
  it("004-19, 004-20: the peer may fetch what was made, the one who closed nothing", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, QUICK);
    const chunks = [await a.chunk(ksid, 0), await a.chunk(ksid, 1)];
    expect(await a.close(ksid)).toBe("success");
    expect(await a.status(ksid)).toBe("unknown-ksid");
    expect(await a.status(ksid, { indices: [0] })).toBe("unknown-ksid");
    expect([await b.chunk(ksid, 0), await b.chunk(ksid, 1)]).toEqual(chunks);
    expect(await b.status(ksid)).toBe("insufficient-key");
  });

  it("004-21: after both have closed it is another stream, with other key", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b);
    const before = await a.chunk(ksid, 0);
    expect([await a.close(ksid), await b.close(ksid)]).toEqual(["success", "success"]);
    expect(await b.status(ksid)).toBe("unknown-ksid");
    const [again, other] = await Promise.all([a.open(ksid), b.open(ksid)]);
    expect([again.status, other.status]).toEqual(["success", "success"]);
    const after = await a.chunk(ksid, 0);
    expect(after).not.toBe(before);
    expect(await b.chunk(ksid, 0)).toBe(after);
  });

  it("004-24: of a KSID that nobody knows", async () => {
    const { a } = await makeStreams();
    const ksid = newKsid();
    expect(await a.status(ksid)).toBe("unknown-ksid");
    expect(await a.close(ksid)).toBe("unknown-ksid");
  });

  it("004-29: twice", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b);
    expect([await a.close(ksid), await a.close(ksid)]).toEqual(["success", "success"]);
    expect([await b.close(ksid), await b.close(ksid), await a.close(ksid)]).toEqual(["success", "success", "success"]);
  });
});
