import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ErrandLine, KeyWish, Operation } from "../../../shared/ipsec/errand.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok } from "../../../shared/result.ts";
import {
  createSad,
  GCM_256,
  GCM_256_BYTES,
  keyIn,
  MemoryHost,
  resultsOf,
  sadEntry,
  spdEntry,
} from "../../../test/support/ipsec-hosts.ts";
import { failure, NETCONF_FAILURES, type NetconfCode } from "../netconf/failure.ts";
import { Installer } from "./installer.ts";
import type { FetchKey } from "./keys.ts";
import { HostWork } from "./operations.ts";

const wish = (spi: number): KeyWish => ({
  source: `hybrid://SPI_${spi}@a`,
  destination: `hybrid://SPI_${spi}@b`,
  keyBytes: GCM_256_BYTES,
  chunkBytes: GCM_256_BYTES,
  waitMs: 100,
});
const made = { ksid: "k", sources: ["QKD"], dropped: [], confirmed: true };

/** Keys that are remembered, to see whether they were wiped. */
function keyMaker(lengthBytes = GCM_256_BYTES) {
  const given: { readonly key: Uint8Array; readonly hex: string }[] = [];
  const fetchKey: FetchKey = () => {
    const key = new Uint8Array(randomBytes(lengthBytes));
    given.push({
      key,
      hex: Buffer.from(key)
        .toString("hex")
        .replaceAll(/(..)(?=.)/g, "$1:"),
    });
    return Promise.resolve(ok({ key, made }));
  };
  return { given, fetchKey };
}

function hostWork(host: MemoryHost, fetchKey: FetchKey, nowMs = () => performance.now()) {
  const ended = new AbortController();
  const work = new HostWork({ fetchKey, installer: new Installer(host), nowMs, signal: ended.signal });
  onTestFinished(() => work.close());
  return { work, ended };
}

async function run(work: HostWork, operations: readonly Operation[]) {
  const lines: ErrandLine[] = [];
  await work.do(operations, (line) => lines.push(line));
  return resultsOf(lines);
}

const create = (...spis: readonly number[]): readonly Operation[] => spis.map((spi) => createSad(spi, wish(spi)));
const hold = (spi: number): Operation => ({ ...createSad(spi, wish(spi)), do: "hold" }) as Operation;
const named = (spi: number): string => sadEntry(spi).name;
const remove = (spi: number): Operation => ({ do: "delete", kind: "sad", name: named(spi), reqid: "1" });

test("policies and SAs go in one edit, keys laid in, deletes after them", async () => {
  const host = new MemoryHost();
  host.entries.set("old", "");
  const { given, fetchKey } = keyMaker();
  const { work } = hostWork(host, fetchKey);
  const results = await run(work, [
    { do: "delete", kind: "sad", name: "old", reqid: "1" },
    { do: "create-spd", entry: spdEntry("p1") },
    ...create(7, 8),
    { do: "create-spd", entry: spdEntry("p2") },
  ]);
  expect(results.map((result) => result?.ok)).toEqual([true, true, true, true, true]);
  expect(results[2]).toEqual({ ok: true, key: made });
  expect(host.edits).toEqual([["p1", "p2", named(7), named(8)], ["old"]]);
  expect([...host.entries.keys()].toSorted()).toEqual(["p1", "p2", named(7), named(8)].toSorted());
  expect(new Set([7, 8].map((spi) => keyIn(host.entries.get(named(spi)))))).toEqual(
    new Set(given.map(({ hex }) => hex)),
  );
  expect(given.every(({ key }) => key.every((octet) => octet === 0))).toBe(true);
});

test("what is ready does not wait for a key whose other end does not come", async () => {
  const host = new MemoryHost();
  const { fetchKey } = keyMaker();
  const late = Promise.withResolvers<void>();
  const { work } = hostWork(host, async (asked, signal) => {
    if (asked.source.includes("SPI_9@")) await late.promise;
    return await fetchKey(asked, signal);
  });
  const seen = Promise.withResolvers<void>();
  const lines: ErrandLine[] = [];
  const over = work.do([{ do: "create-spd", entry: spdEntry("p1") }, ...create(9)], (line) => {
    lines.push(line);
    seen.resolve();
  });
  await seen.promise;
  expect(lines).toEqual([{ index: 0, result: { ok: true } }]);
  late.resolve();
  await over;
  expect(host.edits).toEqual([["p1"], [named(9)]]);
});

describe("an edit that is refused", () => {
  test.each([true, false])("fails for what is at fault only, whether the host says which (%s)", async (tellsWhich) => {
    const host = new MemoryHost();
    host.tellsWhich = tellsWhich;
    host.faulty.add(named(12)).add(named(17));
    host.entries.set(named(15), "");
    const { work } = hostWork(host, keyMaker().fetchKey);
    const results = await run(work, create(10, 11, 12, 13, 14, 15, 16, 17, 18, 19));
    const faults = results.flatMap((result, at) => (result?.ok === false ? [[at + 10, result.reason]] : []));
    expect(faults).toEqual([
      [12, "host-refused"],
      [15, "exists"],
      [17, "host-refused"],
    ]);
    expect(host.entries.size).toBe(8);
    expect(host.given.every((config) => config.every((octet) => octet === 0))).toBe(true);
  });

  test.each(Object.keys(NETCONF_FAILURES).filter((code) => code !== "refused" && code !== "too-large"))(
    "for no entry's sake, as by %s, fails for all and is not cut",
    async (code) => {
      const host = new MemoryHost();
      host.trouble = () => failure(code as NetconfCode, "words");
      const { work } = hostWork(host, keyMaker().fetchKey);
      const results = await run(work, create(10, 11));
      expect(results).toMatchObject([{ ok: false, message: "words" }, { ok: false }]);
      expect(host.edits).toHaveLength(1);
    },
  );

  test("as too large is cut until it is not", async () => {
    const host = new MemoryHost();
    host.trouble = () => ((host.edits.at(-1)?.length ?? 0) > 2 ? failure("too-large", "words") : null);
    const { work } = hostWork(host, keyMaker().fetchKey);
    const results = await run(work, create(1, 2, 3, 4, 5));
    expect(results.every((result) => result?.ok)).toBe(true);
  });
});

test("what may be at the host nevertheless is said to be so, whatever it failed by", async () => {
  const host = new MemoryHost();
  host.trouble = () => failure("host-unreachable", "words", { isUncertain: true });
  const { work } = hostWork(host, keyMaker().fetchKey);
  expect(await run(work, create(10))).toMatchObject([{ ok: false, reason: "host-silent", message: "words" }]);
  host.trouble = () => failure("host-unreachable", "words");
  expect(await run(work, create(10))).toMatchObject([{ ok: false, reason: "host-unreachable" }]);
});

/** The edge gives an errand up and has its entries deleted, while the agent still waits for the other end. */
describe("what is deleted while it is made", () => {
  test.each(["gives up", "comes"])("does not come to the host afterwards, though its key %s", async (what) => {
    const host = new MemoryHost();
    const { given, fetchKey } = keyMaker();
    const asked = Promise.withResolvers<void>();
    const { work } = hostWork(host, async (wanted, signal) => {
      asked.resolve();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      return what === "comes" ? await fetchKey(wanted, signal) : err({ reason: "interrupted", message: "words" });
    });
    const operations = what === "comes" ? create(5) : [hold(5)];
    const making = run(work, operations);
    await asked.promise;
    expect(await run(work, [remove(5)])).toEqual([{ ok: true }]);
    expect(await making).toMatchObject([
      { ok: false, reason: "interrupted", message: expect.stringContaining("deleted") },
    ]);
    expect([host.edits, work.held.size]).toEqual([[[named(5)]], 0]);
    expect(given.every(({ key }) => key.every((octet) => octet === 0))).toBe(true);
  });

  test("is deleted in an edit after the one that makes it, and one that was held is forgotten", async () => {
    const host = new MemoryHost();
    const { work } = hostWork(host, keyMaker().fetchKey);
    await run(work, [hold(6)]);
    const making = run(work, [{ do: "create-spd", entry: spdEntry("p") }]);
    const deleted = run(work, [{ do: "delete", kind: "spd", name: "p", reqid: "1" }, remove(6)]);
    expect([await making, await deleted]).toEqual([[{ ok: true }], [{ ok: true }, { ok: true }]]);
    expect(host.edits.filter((names) => names.includes("p"))).toHaveLength(2);
    expect([host.entries.size, work.held.size]).toEqual([0, 0]);
  });
});

describe("keys for later", () => {
  test("are installed, once", async () => {
    const host = new MemoryHost();
    const { given, fetchKey } = keyMaker();
    const { work } = hostWork(host, fetchKey);
    expect(await run(work, [hold(5)])).toEqual([{ ok: true, key: made }]);
    expect(host.edits).toEqual([]);
    expect(given[0]?.key.every((octet) => octet === 0)).toBe(true);
    expect(await run(work, [{ do: "install", name: named(5) }])).toEqual([{ ok: true, key: made }]);
    expect(keyIn(host.entries.get(named(5)))).toBe(given[0]?.hex);
    expect(await run(work, [{ do: "install", name: named(5) }])).toMatchObject([{ ok: false, reason: "not-held" }]);
  });

  test("are forgotten when told so, when they are old, and with the agent", async () => {
    const host = new MemoryHost();
    let nowMs = 0;
    const { work, ended } = hostWork(host, keyMaker().fetchKey, () => nowMs);
    const install = (spi: number): Operation => ({ do: "install", name: named(spi) });
    await run(work, [hold(1), hold(2)]);
    expect(
      await run(work, [
        { do: "forget", name: named(1) },
        { do: "forget", name: "nobody's" },
      ]),
    ).toEqual([{ ok: true }, { ok: true }]);
    expect(await run(work, [install(1)])).toMatchObject([{ reason: "not-held" }]);
    nowMs = LIMITS.ipsecHeldMs;
    expect(await run(work, [install(2)])).toMatchObject([{ reason: "not-held" }]);
    await run(work, [hold(3)]);
    work.close();
    expect(work.held.size).toBe(0);
    ended.abort();
    expect(await run(work, [hold(4)])).toMatchObject([{ ok: false, reason: "interrupted" }]);
    expect(work.held.size).toBe(0);
  });

  test("are no more than may be", async () => {
    const { work } = hostWork(new MemoryHost(), keyMaker().fetchKey);
    const operation = { ...createSad(1, wish(1)), do: "hold" } as Extract<Operation, { readonly do: "hold" }>;
    const many = Array.from({ length: LIMITS.ipsecHeldKeys }, (_, at) => ({
      ...operation,
      entry: sadEntry(1, `sa-${at}`),
    }));
    await run(work, many);
    expect(await run(work, [operation])).toMatchObject([{ ok: false, reason: "too-many" }]);
    // The newest of one name takes the place of the one before.
    expect(await run(work, many.slice(0, 1))).toMatchObject([{ ok: true }]);
  });
});

test("a key that does not fit its layout is none", async () => {
  const { given, fetchKey } = keyMaker(GCM_256_BYTES + 1);
  const { work } = hostWork(new MemoryHost(), fetchKey);
  expect(await run(work, create(1))).toMatchObject([{ ok: false, reason: "key-failed" }]);
  expect(given[0]?.key.every((octet) => octet === 0)).toBe(true);
});

test("a shorter one is expanded, and that is told", async () => {
  const host = new MemoryHost();
  const { work } = hostWork(host, keyMaker(32).fetchKey);
  const [result] = await run(work, create(1));
  expect(result).toMatchObject({ ok: true, notes: [expect.stringContaining("32 octets")] });
  expect(keyIn(host.entries.get(named(1)))?.split(":")).toHaveLength(GCM_256_BYTES);
});

const TROUBLES = ["none", "no-key", "defect", "faulty", "broken", "thrown"] as const;

test("whatever fails: each operation has a result, no key is left, and none is in any line", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ how: fc.constantFrom("create", "hold"), trouble: fc.constantFrom(...TROUBLES) }), {
        minLength: 1,
        maxLength: 12,
      }),
      async (wanted) => {
        const host = new MemoryHost();
        const { given, fetchKey } = keyMaker();
        const troubles = wanted.map(({ trouble }) => trouble);
        troubles.forEach((trouble, spi) => trouble === "faulty" && host.faulty.add(named(spi + 1)));
        host.trouble = () => {
          if (troubles.includes("thrown")) throw new Error(given.map(({ hex }) => hex).join(" "));
          return troubles.includes("broken") ? failure("closed", "gone", { isUncertain: true }) : null;
        };
        const { work } = hostWork(host, async (asked, signal) => {
          const trouble = troubles[Number(/SPI_(\d+)@/.exec(asked.source)?.[1]) - 1];
          const fetched = await fetchKey(asked, signal);
          if (trouble !== "no-key" && trouble !== "defect") return fetched;
          if (fetched.ok) fetched.value.key.fill(0);
          if (trouble === "defect") throw new Error("a defect");
          return err({ reason: "peer-not-come", message: "words" });
        });
        const operations = wanted.map(
          ({ how }, at) =>
            ({ ...createSad(at + 1, wish(at + 1)), do: how === "hold" ? "hold" : "create-sad" }) as Operation,
        );
        const results = await run(work, operations);
        expect(results.filter((result) => result !== undefined)).toHaveLength(wanted.length);
        await run(
          work,
          operations.flatMap((operation) => [{ do: "forget", name: nameOf(operation) } as const]),
        );
        expect(work.held.size).toBe(0);
        const buffers = [...given.map(({ key }) => key), ...host.given];
        expect(buffers.every((buffer) => buffer.every((octet) => octet === 0))).toBe(true);
        const told = JSON.stringify(results);
        expect(given.some(({ hex }) => told.includes(hex) || told.includes(hex.replaceAll(":", "")))).toBe(false);
        work.close();
      },
    ),
    { numRuns: 60 },
  );
});

const nameOf = (operation: Operation): string => ("entry" in operation ? operation.entry.name : operation.name);

test("both ends begin with the same keys, and no more at once than may be", async () => {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const { fetchKey } = keyMaker();
  const { work } = hostWork(new MemoryHost(), async (one, signal) => {
    asked.push(one.source);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return await fetchKey(one, signal);
  });
  const spis = Array.from({ length: LIMITS.ipsecKeysAtOnce + 10 }, (_, at) => at + 1000);
  const over = run(work, create(...spis.toReversed()));
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual(spis.slice(0, LIMITS.ipsecKeysAtOnce).map((spi) => wish(spi).source));
  while (waiting.length > 0) {
    waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await over).every((result) => result?.ok)).toBe(true);
  expect(asked).toHaveLength(spis.length);
});

test("the layout of QUBIP's proxy agent: one key, three times", async () => {
  const host = new MemoryHost();
  const { work } = hostWork(host, keyMaker(20).fetchKey);
  const operation = {
    ...createSad(1, { ...wish(1), keyBytes: 20, chunkBytes: 20 }),
    layout: { ...GCM_256, encryptionBytes: 20, saltBytes: 0, integrityBytes: 20, thrice: true },
  } as Operation;
  expect(await run(work, [operation])).toMatchObject([{ ok: true }]);
  const xml = host.entries.get(named(1)) ?? "";
  expect(xml.split(keyIn(xml) ?? "?")).toHaveLength(4);
});
