/**
 * Device feeds against the network as `npm start` runs it, their agents killed at random places again and again, the
 * edge stopped meanwhile: no key is lost, none comes in twice, and both ends of a link are given equal ones.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDemoDevice } from "../../examples/demo-device/demo-device.ts";
import { readPressure } from "../../tunnel/feeds/edge.ts";
import { drainKeys } from "../support/drain-keys.ts";
import type { Death, FeedProcess } from "../support/feed-process.ts";
import { KeyScan } from "../support/key-scan.ts";
import { Material } from "../support/material.ts";
import { pushedDemo } from "../support/network-document.ts";
import { eventually, type LinkState, linkState } from "../support/operator.ts";
import { newStateFolder, runNetwork, type RunningNetwork } from "../support/run-network.ts";

const PROGRAM = fileURLToPath(new URL("../support/feed-process.ts", import.meta.url));
const ROUNDS = process.env["QKD_TEST_LONG"] === undefined ? 4 : 10;
/** An agent that does not reach the step at which it was to die is killed all the same, so long after it has started. */
const LONGEST_MS = 700;
/** In an agent's log. */
const RUNS = '"feed runs"';
const SCANNED_KEYS = 500;
const PATIENCE_MS = 120_000;
/** The edge is down in these rounds. */
const DOWN = { from: 1, until: 3 };

let network: RunningNetwork;
let folder: string;
const logs: (() => string)[] = [];
const state = newStateFolder();
const start = async () =>
  await runNetwork({
    state,
    network: pushedDemo({ "tn-1-tn-2": { feed: "two-ended" }, "tn-3-tn-4": { feed: "two-ended" } }),
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "qkd-feeds-"));
  network = await start();
});
afterAll(async () => {
  await network.stop();
  for (const each of [folder, state]) rmSync(each, { recursive: true, force: true });
});

const inbox = (node: string): string => join(folder, `in-${node}`);

interface Agent {
  readonly process: ChildProcess;
  readonly log: () => string;
  /** Resolves once its feed runs; never where it ends before. */
  readonly runs: Promise<void>;
}

function startAgent(node: string, feed: FeedProcess["feed"], dieAt?: Death): Agent {
  const input: FeedProcess = {
    state,
    agent: `agent-${node}`,
    spoolFolder: join(folder, "spool"),
    feed: { node, name: `${String(feed["type"])}-${node}`, ...feed },
    ...(dieAt === undefined ? {} : { dieAt }),
  };
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(input)], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  const { promise: runs, resolve } = Promise.withResolvers<void>();
  child.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.includes(RUNS)) resolve();
  });
  logs.push(() => text);
  return { process: child, log: () => text, runs };
}

/** What all agents and the edge have said, against a few of the keys. */
function expectNoTraceOf(keys: readonly Buffer[]): void {
  const scan = new KeyScan();
  for (const key of keys.slice(0, SCANNED_KEYS)) scan.add(key);
  const texts = [...logs.map((log) => log()), network.output()];
  expect(texts.join("")).toContain("edge-unreachable");
  for (const text of texts) expect(scan.find(text)).toBeNull();
}

/** Resolves once they have died, by themselves or by us. @throws Error where one ended for another reason */
async function untilDead(agents: readonly Agent[]): Promise<void> {
  await Promise.all(
    agents.map(async ({ process: child, log, runs }) => {
      const exit = once(child, "exit");
      await Promise.race([runs, exit]);
      const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_MS);
      await exit;
      clearTimeout(timer);
      if (child.signalCode !== "SIGKILL") throw new Error(`an agent ended with code ${child.exitCode}: ${log()}`);
    }),
  );
}

async function endNicely({ process: child, log }: Agent): Promise<void> {
  // All may have been delivered before this one had even started.
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await eventually(
    async () => await Promise.resolve(log()),
    (text) => text.includes(RUNS) || hasEnded(),
    PATIENCE_MS,
  );
  child.kill("SIGTERM");
  if (!hasEnded()) await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`an agent ended with code ${child.exitCode}: ${log()}`);
}

const deaths = fc.record({
  step: fc.constantFrom<Death["step"]>("file", "file", "request", "answer"),
  count: fc.integer({ min: 1, max: 40 }),
});

/** Agents started and killed, round by round; the edge goes away and comes back in between. */
async function killAgainAndAgain(startBoth: (dieAt: readonly [Death, Death]) => readonly Agent[]): Promise<void> {
  const seed = Number(process.env["QKD_TEST_SEED"] ?? 20_261_121);
  // oxlint-disable-next-line no-console -- to repeat a run
  console.log(`feeds: seed ${seed}`);
  const plan = fc.sample(fc.tuple(deaths, deaths), { seed, numRuns: ROUNDS });
  for (const [round, dieAt] of plan.entries()) {
    if (round === DOWN.from) await network.stop({ keep: true });
    if (round === DOWN.until) network = await start();
    await untilDead(startBoth(dieAt));
  }
}

const settled = async (link: string, good: (state: LinkState) => boolean) =>
  await eventually(async () => await linkState(network, link), good, PATIENCE_MS);

test(
  "directory: what a device drops at both ends comes in once, whatever is killed",
  async () => {
    const LINK = "tn-3-tn-4";
    const ends = ["tn-3", "tn-4"] as const;
    const material: Buffer[] = [];
    for (const node of ends) mkdirSync(inbox(node));
    const drop = (count: number) => {
      for (let i = 0; i < count; i++) {
        const bytes = randomBytes(65_536 + 1024);
        const name = `${String(material.length).padStart(3, "0")}.cor`;
        material.push(bytes);
        for (const node of ends) {
          writeFileSync(join(inbox(node), `${name}.part`), bytes);
          renameSync(join(inbox(node), `${name}.part`), join(inbox(node), name));
        }
      }
    };
    const config = (node: string) => ({
      type: "directory",
      link: LINK,
      path: inbox(node),
      pattern: "*.cor",
      complete: "rename",
      poll_ms: 20,
      after: "delete",
    });
    const agent = (node: string, dieAt?: Death) => startAgent(node, config(node), dieAt);
    await killAgainAndAgain((dieAt) => {
      drop(2);
      return ends.map((node, i) => agent(node, dieAt[i]));
    });
    const last = ends.map((node) => agent(node));
    const bits = 8 * material.reduce((sum, { length }) => sum + length, 0);
    const end = await settled(LINK, ({ ledger_bits: ledger }) => ledger["available"] === bits);
    expect(end).toMatchObject({ conserved: true, ingested_bits: bits });
    expect(end.ledger_bits).toMatchObject({ unmatched: 0, quarantined: 0 });
    await eventually(
      async () => await Promise.resolve(ends.flatMap((node) => readdirSync(inbox(node)))),
      (left) => left.length === 0,
      PATIENCE_MS,
    );
    for (const each of last) await endNicely(each);
    for (const node of ends) expect(blocksIn(`directory-${node}`)).toEqual([]);

    const keys = await drainKeys(network, { sae: "sae-d", node: "tn-3" }, { sae: "sae-b", node: "tn-4" });
    const source = new Material(Buffer.concat(material));
    for (const key of keys) source.take(key);
    expect(keys.length * 256).toBe(bits);
    expectNoTraceOf(keys);
  },
  4 * PATIENCE_MS,
);

const blocksIn = (feed: string) => readdirSync(join(folder, "spool", feed)).filter((name) => name !== "state.json");

test(
  "etsi014-device: what the devices gave to one end is fetched at the other, once, whatever is killed",
  async () => {
    const LINK = "tn-1-tn-2";
    const LOOPBACK = { host: "127.0.0.1", port: 0 };
    const device = await startDemoDevice({ a: LOOPBACK, b: LOOPBACK, repeatMs: Infinity });
    const given = new Map<string, Buffer>();
    const enc = device.store.enc.bind(device.store);
    device.store.enc = (...wish) => {
      const keys = enc(...wish);
      if (keys.ok) for (const { id, bytes } of keys.value) given.set(id, Buffer.from(bytes));
      return keys;
    };
    const config = (node: string, rateBps: number) => ({
      type: "etsi014-device",
      link: LINK,
      role: node === "tn-1" ? "enc" : "dec",
      url: device.urls[node === "tn-1" ? "a" : "b"],
      peer_sae: "other-agent",
      keys_per_block: 64,
      max_rate_bps: rateBps,
      poll_ms: 20,
    });
    try {
      await killAgainAndAgain((dieAt) =>
        ["tn-1", "tn-2"].map((node, i) => startAgent(node, config(node, 400_000), dieAt[i])),
      );
      // One batch more, which is the one that a kill has cut off, if there is such a one; then none for an hour.
      const last = [startAgent("tn-1", config("tn-1", 4)), startAgent("tn-2", config("tn-2", 0))];
      const pressure = readPressure(await (await network.fetch(`/api/v1/links/${LINK}`, "operator")).json());
      expect(pressure?.highBits).toBe(8 * 8 * 1024 * 1024);
      const bitsGiven = () => given.size * 256;
      const end = await settled(LINK, ({ ledger_bits: ledger }) => ledger["available"] === bitsGiven());
      expect(end).toMatchObject({ conserved: true, ingested_bits: bitsGiven() });
      expect(end.ledger_bits).toMatchObject({ unmatched: 0, quarantined: 0 });
      expect(device.store.heldKeys).toBe(0);
      for (const each of last) await endNicely(each);
      for (const node of ["tn-1", "tn-2"]) expect(blocksIn(`etsi014-device-${node}`)).toEqual([]);

      const keys = await drainKeys(network, { sae: "sae-a", node: "tn-1" }, { sae: "sae-c", node: "tn-2" });
      const source = new Material(Buffer.concat([...given.values()]));
      for (const key of keys) source.take(key);
      expect(keys.length).toBe(given.size);
      expectNoTraceOf(keys);
    } finally {
      await device.stop();
    }
  },
  4 * PATIENCE_MS,
);

/** A vendor's tool: fresh keys each time it is run, of which it writes down those that it is about to give. */
const KEY_TOOL = `
  const record = process.argv[1] + "/" + require("crypto").randomUUID();
  process.stdin.resume().on("end", () => process.exit());
  process.stdout.on("error", () => process.exit());
  const give = () => {
    const keys = require("crypto").randomBytes(2048);
    require("fs").appendFileSync(record, keys);
    process.stdout.write(keys, () => setTimeout(give, 2));
  };
  give();
`;
const KEY_BYTES = 32;

/** Where each key lies of what each run of the tool gave. */
function placesIn(records: string): Map<string, { readonly run: string; readonly index: number }> {
  const places = new Map<string, { run: string; index: number }>();
  for (const run of readdirSync(records)) {
    const bytes = readFileSync(join(records, run));
    for (let index = 0; (index + 1) * KEY_BYTES <= bytes.length; index++) {
      places.set(bytes.toString("latin1", index * KEY_BYTES, (index + 1) * KEY_BYTES), { run, index });
    }
  }
  return places;
}

test(
  "command: of what each run of a tool gave, whole blocks from its start come in, once; the rest is gone with the agent",
  async () => {
    const LINK = "tn-2-tn-3";
    const BLOCK_BYTES = 8192;
    const records = join(folder, "records");
    mkdirSync(records);
    const config = (script: string) => ({
      type: "command",
      link: LINK,
      program: process.execPath,
      args: ["-e", script, records],
      block_bytes: BLOCK_BYTES,
    });
    await killAgainAndAgain(([dieAt]) => [startAgent("tn-2", config(KEY_TOOL), dieAt)]);
    // What is in the spool is not lost: this one only brings it in.
    const last = startAgent("tn-2", config("process.stdin.resume()"));
    await eventually(
      async () => await Promise.resolve(blocksIn("command-tn-2")),
      (left) => left.every((name) => !name.endsWith(".block")),
      PATIENCE_MS,
    );
    await endNicely(last);
    const { conserved, ledger_bits: ledger } = await linkState(network, LINK);
    expect(conserved).toBe(true);
    expect(ledger).toMatchObject({ unmatched: 0, quarantined: 0 });

    const keys = await drainKeys(network, { sae: "sae-c", node: "tn-2" }, { sae: "sae-d", node: "tn-3" });
    expect(keys.length * KEY_BYTES * 8).toBe(ledger["available"]);
    const places = placesIn(records);
    const taken = new Map<string, number[]>();
    for (const key of keys) {
      const name = key.toString("latin1");
      const place = places.get(name);
      // Given by no run, or given out here before.
      if (place === undefined) throw new Error("a key that the tool did not give, or that came in twice");
      places.delete(name);
      taken.set(place.run, [...(taken.get(place.run) ?? []), place.index]);
    }
    // Any may die before the tool has given a block, but hardly all.
    expect(taken.size).toBeGreaterThan(0);
    for (const indexes of taken.values()) {
      expect(Math.max(...indexes) + 1).toBe(indexes.length);
      expect((indexes.length * KEY_BYTES) % BLOCK_BYTES).toBe(0);
    }
    expectNoTraceOf(keys);
  },
  4 * PATIENCE_MS,
);
