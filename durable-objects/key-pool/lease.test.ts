/** When a pool asks for a lease, what it does without an answer, and that a repeated question is the same question. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, onTestFinished, test, vi } from "vitest";
import { poolName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LeaseAnswer, LeaseCall } from "../../shared/network/directory-types.ts";
import { makePool, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import { judge } from "../directory/leases.ts";
import type { ObjectsEnv } from "../env.ts";
import { assemblePool } from "./assemble.ts";
import type { KeyPool } from "./key-pool.ts";
import { PoolLease } from "./lease.ts";

interface Rig {
  /** A pool's lease on the same storage, as after a start. */
  start(): PoolLease;
  readonly asked: LeaseCall[];
  /** What becomes of the next questions; by default the Directory answers. */
  fate: "answered" | "lost on the way" | "answer lost" | "rolled back" | "unknown";
  /** Until nothing goes on behind the requests. */
  settled(): Promise<void>;
}

/** A pool's storage with a Directory and logs of the test's own. */
async function rigged(work: (rig: Rig) => Promise<void>): Promise<void> {
  const pool = await makePool();
  await value(pool.push("file:0", randomBytes(8192)));
  await value(pool.enc());
  const stub = pool.stub as unknown as DurableObjectStub<KeyPool>;
  await runInDurableObject(stub, async (_, state) => {
    let granted: Extract<LeaseAnswer, { outcome: "granted" }>["lease"] | undefined;
    const background: Promise<unknown>[] = [];
    const leasePool = async (call: LeaseCall): Promise<LeaseAnswer> => {
      rig.asked.push(call);
      if (rig.fate === "lost on the way") throw new Error("unreachable");
      if (rig.fate === "unknown") throw new TypeError('The RPC receiver does not implement the method "leasePool".');
      if (rig.fate === "rolled back" && call.voided !== true) return { outcome: "rolled-back" };
      const verdict = judge(granted, call);
      if (verdict.outcome === "granted") granted = verdict.lease;
      if (rig.fate === "answer lost") throw new Error("reset");
      return verdict;
    };
    const rig: Rig = {
      asked: [],
      fate: "answered",
      start: () => {
        const started: PoolLease = new PoolLease(
          assemblePool(state, env as unknown as ObjectsEnv, {
            config: () => undefined,
            committed: () => {},
            isLeased: () => started.open,
            useLease: (keys) => started.use(keys),
          }),
          {
            pool: poolName(pool.pair, 0),
            source: "key-pool:none",
            deployment: "1",
            leasePool,
            logOf: () => ({ reported: async () => ({ storedSeq: 0, records: [], next: null }) }),
            background: (going) => void background.push(going),
          },
        );
        return started;
      },
      settled: async () => void (await Promise.allSettled(background)),
    };
    await work(rig);
  });
}

const codeOf = (outcome: Awaited<ReturnType<PoolLease["ready"]>>) => (outcome.ok ? "ready" : outcome.error.code);

test("one question a start, however many wait for its answer; none after it", async () => {
  await rigged(async (rig) => {
    const lease = rig.start();
    expect(lease.open).toBe(false);
    const answers = await Promise.all([lease.ready(), lease.ready(), lease.ready()]);
    expect(answers.map(codeOf)).toEqual(["ready", "ready", "ready"]);
    lease.use(LIMITS.leaseKeys - 1);
    await lease.ready();
    expect(rig.asked).toHaveLength(1);
    expect(lease.open).toBe(true);
  });
});

test("renewed behind the requests when its keys are used up", async () => {
  await rigged(async (rig) => {
    const lease = rig.start();
    await lease.ready();
    for (let renewal = 1; renewal <= 3; renewal++) {
      lease.use(LIMITS.leaseKeys);
      expect(lease.open).toBe(true);
      await rig.settled();
      expect(rig.asked).toHaveLength(1 + renewal);
    }
    const [first, ...rest] = rig.asked.map(({ held }) => held?.sequence ?? 0);
    expect(rest).toEqual([1, 2, 3].map((more) => (first ?? 0) + more));
    expect(new Set(rig.asked.map(({ next }) => next)).size).toBe(4);
  });
});

test("without the Directory it is good for twice as many keys, then for none, until the Directory answers", async () => {
  await rigged(async (rig) => {
    const lease = rig.start();
    rig.fate = "lost on the way";
    expect(codeOf(await lease.ready())).toBe("directory-unavailable");
    rig.fate = "answered";
    expect(codeOf(await lease.ready())).toBe("ready");
    rig.fate = "lost on the way";
    lease.use(2 * LIMITS.leaseKeys - 1);
    await rig.settled();
    expect(codeOf(await lease.ready())).toBe("ready");
    lease.use(1);
    await rig.settled();
    expect(lease.open).toBe(false);
    expect(codeOf(await lease.ready())).toBe("directory-unavailable");
    rig.fate = "answered";
    expect(codeOf(await lease.ready())).toBe("ready");
    expect(lease.open).toBe(true);
  });
});

test("while the Directory knows no leases it works without, asks now and then, and takes one up", async () => {
  await rigged(async (rig) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const lease = rig.start();
    rig.fate = "unknown";
    expect(codeOf(await lease.ready())).toBe("ready");
    lease.use(1);
    await rig.settled();
    expect(rig.asked).toHaveLength(1);
    vi.setSystemTime(Date.now() + 60_000);
    lease.use(2 * LIMITS.leaseKeys);
    await rig.settled();
    expect(rig.asked).toHaveLength(2);
    expect(codeOf(await lease.ready())).toBe("ready");
    rig.fate = "answered";
    vi.setSystemTime(Date.now() + 60_000);
    lease.use(1);
    await rig.settled();
    expect(lease.open).toBe(true);
    const asked = rig.asked.length;
    lease.use(1);
    await rig.settled();
    expect(rig.asked).toHaveLength(asked);
    expect(codeOf(await rig.start().ready())).toBe("ready");
    expect(rig.asked.at(-1)?.held).not.toBeNull();
  });
});

test("a question is repeated with the same id until its answer is stored, over a restart too", async () => {
  await rigged(async (rig) => {
    rig.fate = "answer lost";
    const lease = rig.start();
    for (let attempt = 0; attempt < 2; attempt++) expect(codeOf(await lease.ready())).toBe("directory-unavailable");
    rig.fate = "answered";
    const again = rig.start();
    expect(codeOf(await again.ready())).toBe("ready");
    const ids = rig.asked.map(({ next }) => next);
    expect(new Set(ids.slice(0, 3)).size).toBe(1);
    // And one more, that no copy made before this start has asked for.
    expect(ids).toHaveLength(4);
    expect(ids[3]).not.toBe(ids[0]);
  });
});

test("refused while it works, the pool stops at once, voids everything and goes on in another generation", async () => {
  await rigged(async (rig) => {
    const lease = rig.start();
    await lease.ready();
    rig.fate = "rolled back";
    lease.use(LIMITS.leaseKeys);
    await rig.settled();
    expect(lease.open).toBe(false);
    expect(codeOf(await lease.ready())).toBe("ready");
    expect(rig.asked.at(-1)).toMatchObject({ voided: true, generation: 2 });
    expect(rig.asked.at(-2)).toMatchObject({ generation: 1 });
  });
});

test("the number since the last voiding grows with each voiding, with nothing else, and outlives the object", async () => {
  await rigged(async (rig) => {
    let lease = rig.start();
    await lease.ready();
    const seen = [lease.since];
    for (let time = 1; time <= 2; time++) {
      rig.fate = "rolled back";
      lease = rig.start();
      await expect.poll(async () => codeOf(await lease.ready())).toBe("ready");
      await rig.settled();
      seen.push(lease.since);
      rig.fate = "answered";
      lease.use(LIMITS.leaseKeys);
      await rig.settled();
      expect(lease.since).toBe(seen.at(-1));
      lease = rig.start();
      await lease.ready();
      expect(lease.since).toBe(seen.at(-1));
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(seen).toHaveLength(3);
  });
});
