/** What a KeyStream object does beyond the standard's cases: restarts, crowds, two ends at one node, bindings' ways. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { NO_WISHES } from "../../shared/etsi004/qos.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import {
  type App,
  app,
  type Key,
  makeStreams,
  newKsid,
  opened,
  poolOf,
  push,
  rowsOf,
  streamStub,
} from "../../test/support/in-workerd-streams.ts";
import { hex, makePool, value } from "../../test/support/in-workerd-pool.ts";

/** Units beyond a pool's low watermark: below it nobody gets more than is needed now. */
const PLENTY = 250;
const QUICK = { chunkBytes: 32, timeoutMs: 300 };
const times = <T>(count: number, work: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, async (_, i) => await work(i)));
const count = (statuses: readonly string[], wanted: string) => statuses.filter((status) => status === wanted).length;

describe("nothing is left behind", () => {
  it("by those who ask for KSIDs that nobody knows", async () => {
    const { a } = await makeStreams({ units: 0 });
    const ksids = Array.from({ length: 500 }, newKsid);
    for (const ksid of ksids) expect(await a.status(ksid)).toBe("unknown-ksid");
    for (const ksid of ksids.slice(0, 50)) {
      expect(await a.close(ksid)).toBe("unknown-ksid");
      expect((await a.available(ksid)).status).toBe("unknown-ksid");
      expect(await streamStub(ksid, a.self.node).peerChanged({ ksid, instance: 1 })).toMatchObject({ ok: true });
      expect(await rowsOf(ksid, a.self.node)).toBe(0);
    }
  });

  it("by an OPEN that is refused", async () => {
    const { a } = await makeStreams();
    const { ksid, status } = await a.open(null, { minBps: 4_000_000_000 });
    expect([status, await rowsOf(ksid, a.self.node)]).toEqual(["qos-not-met", 0]);
  });

  it("of streams that their pool has forgotten; others stay", async () => {
    const { a, b } = await makeStreams();
    const [over, live] = [await opened(a, b), await opened(a, b)];
    await a.close(over);
    await b.close(over);
    for (const ksid of [over, live]) {
      // oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
      const stub = streamStub(ksid, a.self.node) as any;
      await runInDurableObject(stub, (_: unknown, { storage }: DurableObjectState) => {
        storage.sql.exec("UPDATE stream SET look_ms = 0");
      });
      await runDurableObjectAlarm(stub);
    }
    const has = async (ksid: Ksid) =>
      // oxlint-disable-next-line typescript/no-explicit-any -- as above
      (await runInDurableObject(streamStub(ksid, a.self.node) as any, (_: unknown, { storage }: DurableObjectState) =>
        storage.sql.exec("SELECT ksid FROM stream WHERE ksid = ?", ksid).toArray(),
      )) as unknown[];
    expect([(await has(over)).length, (await has(live)).length]).toEqual([0, 1]);
    expect((await a.key(live)).indices).toEqual([0]);
  });
});

describe("after a restart", () => {
  it("each end goes on where it was, and gets no chunk twice", async () => {
    const { a, b } = await makeStreams({ units: PLENTY });
    const ksid = await opened(a, b);
    const seen = new Map<number, string>();
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 3; i++) {
        const { indices, key } = await a.key(ksid);
        expect(seen.has(indices[0]!)).toBe(false);
        seen.set(indices[0]!, hex(key));
      }
      await a.evict(ksid);
    }
    await b.evict(ksid);
    for (const [index, chunk] of seen) expect(await b.chunk(ksid, index)).toBe(chunk);
    expect([...seen.keys()]).toEqual([...seen.keys()].sort((x, y) => x - y));
  });

  it("chunks that were read ahead when it crashed are skipped at that end, and there at the other", async () => {
    const { a, b } = await makeStreams({ units: PLENTY });
    const ksid = await opened(a, b);
    const seen = new Map<number, string>();
    for (let round = 0; round < 4; round++) {
      await times(5, async () => {
        const { indices, key } = await a.key(ksid);
        expect(seen.has(indices[0]!)).toBe(false);
        seen.set(indices[0]!, hex(key));
      });
      await a.crash(ksid);
    }
    for (let index = 0; index <= Math.max(...seen.keys()); index++) {
      const chunk = await b.chunk(ksid, index);
      if (seen.has(index)) expect(seen.get(index)).toBe(chunk);
    }
  });

  it("an end that fetched some by name gets the lowest that it has not had", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b);
    await a.key(ksid, { indices: [0, 1, 3] });
    await a.evict(ksid);
    expect((await a.key(ksid)).indices).toEqual([2]);
  });

  it("it is known who has closed", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, QUICK);
    const chunk = await a.chunk(ksid, 0);
    await a.close(ksid);
    await Promise.all([a.evict(ksid), b.evict(ksid)]);
    expect(await a.status(ksid)).toBe("unknown-ksid");
    expect(await a.close(ksid)).toBe("success");
    expect(await b.chunk(ksid, 0)).toBe(chunk);
  });

  it("who waits for the peer may ask again, and joins", async () => {
    const { a, b } = await makeStreams();
    const ksid = newKsid();
    expect((await a.open(ksid, QUICK)).status).toBe("timeout");
    await a.evict(ksid);
    const waiting = a.open(ksid, QUICK);
    expect((await b.open(ksid)).status).toBe("success");
    expect(["success", "timeout"]).toContain((await waiting).status);
    expect((await a.key(ksid)).indices).toEqual([0]);
  });
});

describe("crowds", () => {
  it("calls at once get different chunks, without gaps", async () => {
    const { a, b } = await makeStreams({ units: PLENTY });
    const ksid = await opened(a, b);
    const keys = await times(LIMITS.streamWaiting, async () => await a.key(ksid));
    const indices = keys.flatMap((key) => key.indices).sort((x, y) => x - y);
    expect(indices).toEqual(Array.from({ length: LIMITS.streamWaiting }, (_, i) => i));
    expect(new Set(keys.map(({ key }) => hex(key))).size).toBe(LIMITS.streamWaiting);
    for (const {
      indices: [index],
      key,
    } of keys.slice(0, 8))
      expect(await b.chunk(ksid, index!)).toBe(hex(key));
  });

  it("of callers who wait are bounded", async () => {
    const { a, b } = await makeStreams({ units: 0 });
    const ksid = await opened(a, b, { chunkBytes: 32, timeoutMs: 2000 });
    const call = { ...a.caller(ksid), indices: null, metadataSize: 0 };
    const answers = await times(
      LIMITS.streamWaiting + 11,
      async () => await streamStub(ksid, a.self.node).getKey(call),
    );
    const said = answers.map((answer) => (answer.ok ? answer.value.status : answer.error.code));
    expect(count(said, "rate-limited")).toBe(10);
    expect(count(said, "timeout")).toBe(LIMITS.streamWaiting + 1);
  });

  it("of callers who open one KSID are bounded", async () => {
    const { pool, a, b } = await makeStreams();
    const ksid = newKsid();
    const call = { ...a.caller(ksid), peer: b.self, pair: pool.pair, shard: 0, qos: NO_WISHES, allocated: true };
    const answers = await times(4 * LIMITS.streamWaiting, async () => await streamStub(ksid, a.self.node).open(call));
    const refused = answers.filter((answer) => !answer.ok && answer.error.code === "rate-limited").length;
    expect(refused).toBeGreaterThan(0);
    expect(answers.filter(({ ok }) => ok).length).toBe(answers.length - refused);
  });

  it("both ends at once, by name and in order: every chunk is the same at both, and had once", async () => {
    const { a, b } = await makeStreams({ units: PLENTY });
    const ksid = await opened(a, b);
    const had = { a: new Map<number, string>(), b: new Map<number, string>() };
    const note = (end: "a" | "b", { indices, key }: Key) =>
      indices.forEach((index, i) => {
        expect(had[end].has(index)).toBe(false);
        had[end].set(index, hex(key.slice(32 * i, 32 * i + 32)));
      });
    await times(60, async (i) => {
      const [end, who]: ["a" | "b", App] = i % 2 === 0 ? ["a", a] : ["b", b];
      const answer = await who.get(ksid, i % 3 === 0 ? { indices: [i, i + 1] } : {});
      if (answer.status === "success") note(end, answer);
      else expect(answer.status).toBe("insufficient-key");
    });
    for (const [index, chunk] of had.a) if (had.b.has(index)) expect(had.b.get(index)).toBe(chunk);
  });
});

describe("news of the other half", () => {
  it("may be lost: who waits looks for himself", async () => {
    const { pool, a, b } = await makeStreams();
    const ksid = newKsid();
    const waiting = a.open(ksid, { timeoutMs: 30_000 });
    // As if the other half had crashed before it could tell.
    const join = async () =>
      await value(
        poolOf(pool).openStream({
          configVersion: 0,
          principal: "sae:sae-b",
          ksid,
          self: b.self,
          peer: a.self,
          qos: NO_WISHES,
          opensAdjusted: false,
        }),
      );
    await expect.poll(async () => await rowsOf(ksid, a.self.node)).toBe(1);
    expect((await join()).outcome).toBe("joined");
    expect((await waiting).status).toBe("success");
  });
});

const atOneNode = async () => {
  const pool = await makePool({ one: `one-${crypto.randomUUID()}` as NodeId, policy: { audit_overflow: "drop" } });
  const a = app(pool, "sae-a", pool.low);
  const b = app(pool, "sae-b", pool.low).towards(a);
  return { pool, a: a.towards(b), b };
};

describe("two ends at one node", () => {
  it("share an object, and each has its own half", async () => {
    const { a, b } = await atOneNode();
    const ksid = newKsid();
    const waiting = a.open(ksid, { chunkBytes: 32 });
    await expect.poll(async () => (await b.open(ksid)).status).toBe("success");
    expect((await waiting).status).toBe("success");
    for (let index = 0; index < 5; index++) {
      const { key, indices } = await a.key(ksid);
      expect(indices).toEqual([index]);
      expect(await b.chunk(ksid, index)).toBe(hex(key));
    }
    await a.evict(ksid);
    expect((await b.key(ksid)).indices).toEqual([5]);
    expect(await a.close(ksid)).toBe("success");
    expect(await b.close(ksid)).toBe("success");
  });
});

describe("rate", () => {
  it("beyond Max_bps a call waits, and then is over", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, { ...QUICK, maxBps: 1 });
    expect((await a.key(ksid)).indices).toEqual([0]);
    expect(await a.status(ksid)).toBe("timeout");
    // Each end has its own.
    expect((await b.key(ksid)).indices).toEqual([0]);
  });

  it("is not used up by calls that bring nothing", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, { ...QUICK, maxBps: 1 });
    expect(await a.status(ksid, { indices: [1_000_000] })).toBe("insufficient-key");
    expect(await a.status(ksid, { metadataSize: 1 })).toBe("metadata-too-small");
    expect((await a.key(ksid)).indices).toEqual([0]);
  });

  it("whoever waited while the KSID became another stream gets no key of that one", async () => {
    const { a, b } = await makeStreams();
    const ksid = newKsid();
    const open = async (chunkBytes: number, maxBps: number) =>
      await Promise.all([a.open(ksid, { chunkBytes, maxBps, timeoutMs: 10_000 }), b.open(ksid)]);
    await open(64, 128);
    await a.key(ksid);
    const late = a.status(ksid);
    // Asked later at the same object, and answered: the one before waits for its turn by now.
    await a.available(ksid, 1);
    await Promise.all([a.close(ksid), b.close(ksid)]);
    await open(32, 0);
    expect(await late).toBe("unknown-ksid");
    const { indices, key } = await a.key(ksid);
    expect([indices, hex(key)]).toEqual([[0], await b.chunk(ksid, 0)]);
  });

  it("below it nobody waits", async () => {
    const { a, b } = await makeStreams();
    const ksid = await opened(a, b, { ...QUICK, maxBps: 4_000_000 });
    for (let index = 0; index < 20; index++) expect((await a.key(ksid)).indices).toEqual([index]);
  });
});

describe("read ahead", () => {
  it("goes back after a while without calls, and can be had again", async () => {
    const { pool, a, b } = await makeStreams({ units: PLENTY });
    const ksid = await opened(a, b);
    const atPool = async () => {
      const { instance } = (await value(poolOf(pool).streamState({ configVersion: 0, ksid, sae: a.self.sae })))!;
      const call = { configVersion: 0, principal: "sae:sae-a", ksid, instance, self: a.self, count: null };
      return (await value(poolOf(pool).availableChunks(call))).indices;
    };
    const made = async () =>
      (await value(poolOf(pool).streamState({ configVersion: 0, ksid, sae: a.self.sae })))!.nextIndex;
    let last = 0;
    while ((await made()) <= last && last < 100) expect((await a.key(ksid)).indices).toEqual([last++]);
    const left = (await made()) - last;
    expect(left).toBeGreaterThan(0);
    await expect.poll(atPool).toEqual(Array.from({ length: left }, (_, i) => last + i));
    expect((await a.key(ksid)).indices).toEqual([last]);
  });

  it("is among what is available, until it is fetched", async () => {
    const { a, b } = await makeStreams({ units: PLENTY });
    const ksid = await opened(a, b);
    await times(3, async () => await a.key(ksid));
    const { indices, count: possible, status } = await a.available(ksid, 12);
    expect([status, indices[0], indices.length >= 12, possible >= 12]).toEqual(["success", 3, true, true]);
    for (const index of indices.slice(0, 12)) expect(await a.chunk(ksid, index)).toBe(await b.chunk(ksid, index));
  });
});

describe("bindings", () => {
  it("binary: Timeout 0 is over at once, and opens nothing", async () => {
    const { a } = await makeStreams({ profile: "binary" });
    const { status, ksid } = await a.open(null, { timeoutMs: 0 });
    expect([status, await rowsOf(ksid, a.self.node)]).toEqual(["timeout", 0]);
  });

  it("binary: the same end opens once; QoS that is not met opens with what is told", async () => {
    const { a, b } = await makeStreams({ profile: "binary" });
    const adjusted = await a.open(null, { timeoutMs: 1000, chunkBytes: 2 ** 31 });
    expect(adjusted).toMatchObject({ status: "qos-not-met", opened: true });
    expect((await a.open(adjusted.ksid, { timeoutMs: 1000 })).status).toBe("ksid-in-use");
    expect((await b.open(adjusted.ksid, { timeoutMs: 1000 })).status).toBe("success");
    expect((await a.key(adjusted.ksid)).key.length).toBe(adjusted.qos!.chunkBytes);
  });

  it("qkd-module: the same end opens again", async () => {
    const { a, b } = await makeStreams({ profile: "qkd-module" });
    const ksid = await opened(a, b);
    expect((await a.open(ksid)).status).toBe("success");
  });

  it("qkd-module 0.9: the closer may fetch what had been made", async () => {
    const { a, b } = await makeStreams({ profile: "qkd-module-0.9" });
    const ksid = await opened(a, b, QUICK);
    const chunk = await b.chunk(ksid, 0);
    expect(await a.close(ksid)).toBe("success");
    expect(await a.chunk(ksid, 0)).toBe(chunk);
    expect(await a.status(ksid, { indices: [1] })).toBe("insufficient-key");
  });
});

it("without its link a stream says so, and goes on when it is back", async () => {
  const { pool, a, b } = await makeStreams();
  const ksid = await opened(a, b, QUICK);
  await pool.configure({ state: "draining" });
  expect(await a.status(ksid)).toBe("no-connection");
  await pool.configure({ state: "active" });
  await push(pool, 1);
  expect((await a.key(ksid)).indices).toEqual([0]);
});

it("bad indices are refused, whatever the stream", async () => {
  const { a, b } = await makeStreams();
  const ksid = await opened(a, b);
  const tooMany = Array.from({ length: LIMITS.streamChunksAtOnce + 1 }, (_, i) => i);
  for (const indices of [[], [0, 0], [-1], [0.5], [2 ** 32], tooMany]) {
    const call = { ...a.caller(ksid), indices, metadataSize: 0 };
    expect(await streamStub(ksid, a.self.node).getKey(call)).toMatchObject({
      ok: false,
      error: { code: "bad-request" },
    });
  }
  expect((await a.key(ksid)).indices).toEqual([0]);
});
