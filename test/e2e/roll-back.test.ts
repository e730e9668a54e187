/**
 * The engine's storage put back from a copy, by every way an operator may take: no bit is given out a second time, the
 * operator is told, and new material is served. A crash is no roll-back.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { eventually, linkState } from "../support/operator.ts";
import { isRunning, newStateFolder, type RunningNetwork, runNetwork, snapshot } from "../support/run-network.ts";

const LINK = "tn-1-tn-2";
const OTHER_LINK = "tn-2-tn-3";
const MATERIAL_BYTES = 128 * 1024;
const BLOCK_BYTES = 64 * 1024;
const KEY_BYTES = 32;
const DELIVERED = 1000;
const KEYS_A_REQUEST = 100;
const TOLD = /^note: the storage .* was put back from a copy: all key material in it is voided/m;

/** Links that make no material of their own; an SAE at tn-3. */
const quiet = (demo: NetworkDocumentInput): NetworkDocumentInput => ({
  ...demo,
  links: demo.links.map((link) => ({ ...link, source: "push", key_rate_bps: 0 })),
});

const runOn = async (state: string): Promise<RunningNetwork> =>
  await runNetwork({ state, network: quiet, args: ["--prefill", "0"] });

function newState(): string {
  const state = newStateFolder();
  onTestFinished(() => {
    for (const path of [state, `${state}.copy`]) rmSync(path, { recursive: true, force: true });
  });
  return state;
}

/** Ends the starter without a chance to leave anything in order; the engine ends with it. */
async function crash({ process: starter, pids }: RunningNetwork): Promise<void> {
  const ended = once(starter, "exit");
  starter.kill("SIGKILL");
  await ended;
  await eventually(
    async () => isRunning(pids.engine),
    (running) => !running,
    20_000,
  );
}

const cp = (from: string, to: string): void => void execFileSync("cp", ["-a", from, to]);

async function push(network: RunningNetwork, link: string, file: string, bytes: number): Promise<void> {
  const node = link.slice(0, 4);
  for (let offset = 0; offset < bytes; offset += BLOCK_BYTES) {
    const path = `/api/v1/links/${link}/blocks/${file}:${offset}?node=${node}`;
    const body = Uint8Array.from(randomBytes(BLOCK_BYTES));
    const answer = await network.fetch(path, "operator", { method: "PUT", body });
    expect([answer.status, await answer.text()]).toEqual([201, expect.stringContaining('"ingested"')]);
  }
}

interface Key {
  readonly key_ID: string;
  readonly key: string;
}
const DIRECTIONS = [
  { master: "sae-a", slave: "sae-c" },
  { master: "sae-c", slave: "sae-a" },
] as const;
type Direction = (typeof DIRECTIONS)[number];

async function keysOf(response: Response): Promise<readonly Key[]> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return (JSON.parse(text) as { keys: Key[] }).keys;
}

/** Every key ever given, by its windows of 64 bits: two keys that share one share bits. */
class Given {
  readonly #windows = new Map<string, string>();
  keys = 0;

  add({ key_ID: id, key }: Key): void {
    const bytes = Buffer.from(key, "base64");
    expect(bytes).toHaveLength(KEY_BYTES);
    for (let offset = 0; offset + 8 <= bytes.length; offset++) {
      const window = bytes.toString("latin1", offset, offset + 8);
      if (this.#windows.has(window)) throw new Error(`keys ${id} and ${this.#windows.get(window)} share bits`);
      this.#windows.set(window, id);
    }
    this.keys++;
  }
}

/** Asks for keys; null where there are too few. */
async function enc(
  network: RunningNetwork,
  { master, slave }: Direction,
  number: number,
): Promise<readonly Key[] | null> {
  const path = `/api/v1/keys/${slave}/enc_keys`;
  const response = await network.fetch(path, master, {
    method: "POST",
    body: JSON.stringify({ number, size: 8 * KEY_BYTES }),
  });
  if (response.status !== 503) return await keysOf(response);
  await response.arrayBuffer();
  return null;
}

const dec = async (network: RunningNetwork, { master, slave }: Direction, keys: readonly Key[]): Promise<Response> =>
  await network.fetch(`/api/v1/keys/${master}/dec_keys`, slave, {
    method: "POST",
    body: JSON.stringify({ key_IDs: keys.map(({ key_ID }) => ({ key_ID })) }),
  });

/** Delivers up to `keys` keys, to both ends, in both directions in turn. @returns how many there were */
async function deliver(network: RunningNetwork, given: Given, keys: number): Promise<number> {
  let delivered = 0;
  for (let turn = 0; delivered < keys; turn++) {
    const direction = DIRECTIONS[turn % 2] ?? DIRECTIONS[0];
    const batch = await enc(network, direction, Math.min(KEYS_A_REQUEST, keys - delivered));
    if (batch === null) break;
    for (const key of batch) given.add(key);
    expect(await keysOf(await dec(network, direction, batch))).toEqual(batch);
    delivered += batch.length;
  }
  return delivered;
}

interface Before {
  readonly given: Given;
  readonly pending: readonly Key[];
}

/** Material in the link, and keys that wait for their slave. */
async function prepare(network: RunningNetwork): Promise<Before> {
  await push(network, LINK, "first", MATERIAL_BYTES);
  const given = new Given();
  const pending = (await enc(network, DIRECTIONS[0], 50)) ?? [];
  expect(pending).toHaveLength(50);
  for (const key of pending) given.add(key);
  return { given, pending };
}

/** Nothing of what was there is given out again; new material is. */
async function expectVoided(network: RunningNetwork, { given, pending }: Before): Promise<void> {
  expect((await dec(network, DIRECTIONS[0], pending)).status).toBe(400);
  expect(await deliver(network, given, 1)).toBe(0);
  expect(await enc(network, DIRECTIONS[1], 1)).toBeNull();
  const { ledger_bits: ledger, conserved } = await linkState(network, LINK);
  expect(conserved).toBe(true);
  expect(ledger).toMatchObject({ available: 0, pending: 0, reserved: 0 });
  await push(network, LINK, "afterwards", MATERIAL_BYTES);
  expect(await deliver(network, given, Infinity)).toBe(
    MATERIAL_BYTES / KEY_BYTES - ((MATERIAL_BYTES / KEY_BYTES) % KEYS_A_REQUEST),
  );
  await eventually(
    () => alarmsOf(network, "tn-1"),
    (alarms) => alarms.includes("state-rolled-back"),
    20_000,
  );
}

async function alarmsOf(network: RunningNetwork, node: string): Promise<readonly unknown[]> {
  const response = await network.fetch(`/api/v1/audit?node=${node}&limit=1000`, "operator");
  expect(response.status).toBe(200);
  const { records } = (await response.json()) as { records: { act: string; detail: { code?: unknown } }[] };
  return records.filter(({ act }) => act === "alarm.raised").map(({ detail }) => detail.code);
}

async function voidedBits(network: RunningNetwork, link: string): Promise<number | undefined> {
  return (await linkState(network, link)).ledger_bits["voided"];
}

describe("a copy of all of the storage, put back", () => {
  it.each([
    { what: "the storage alone, copied while it ran", part: "state", hot: true, over: false },
    { what: "the whole state folder, over the files there", part: ".", hot: false, over: true },
  ])("$what", { timeout: 180_000 }, async ({ part, hot, over }) => {
    const state = newState();
    const [path, copy] = [join(state, part), `${state}.copy`];
    let network = await runOn(state);
    const before = await prepare(network);
    if (hot) snapshot(network, () => cp(path, copy));
    else {
      await network.stop();
      cp(path, copy);
      network = await runOn(state);
    }
    expect(network.output()).not.toMatch(TOLD);
    expect(await deliver(network, before.given, DELIVERED)).toBe(DELIVERED);
    await network.stop();
    if (over) cp(`${copy}/.`, path);
    else {
      rmSync(path, { recursive: true });
      renameSync(copy, path);
    }
    network = await runOn(state);
    try {
      expect(network.output()).toMatch(TOLD);
      await expectVoided(network, before);
      expect(await alarmsOf(network, "deployment")).toContain("directory-rolled-back");
    } finally {
      await network.stop();
    }
    network = await runOn(state);
    expect(network.output()).not.toMatch(TOLD);
    await network.stop();
  });
});

/** That of LINK: how the names of its files begin. */
function largestPool(pools: string): string {
  const bytes = new Map<string, number>();
  for (const name of readdirSync(pools)) {
    const pool = name.split(".")[0] ?? "";
    bytes.set(pool, (bytes.get(pool) ?? 0) + statSync(join(pools, name)).size);
  }
  return [...bytes].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? "";
}

async function eventsOf(network: RunningNetwork, act: string): Promise<number> {
  const response = await network.fetch("/api/v1/audit?node=tn-1&limit=1000", "operator");
  const { records } = (await response.json()) as { records: { act: string }[] };
  return records.filter((record) => record.act === act).length;
}

describe("one pool's files put back after a crash, written over those there", () => {
  it.each([
    ["from before the last start", false],
    ["made while it ran", true],
  ] as const)("%s", { timeout: 180_000 }, async (_, hot) => {
    const state = newState();
    let network = await runOn(state);
    const before = await prepare(network);
    await push(network, OTHER_LINK, "other", BLOCK_BYTES);
    const [pools, copy] = [join(state, "state/qkd-edge-key-pool"), `${state}.copy`];
    let pool = "";
    const files = (): string[] => readdirSync(pools).filter((name) => name.startsWith(pool));
    const copyFiles = (): void => {
      pool = largestPool(pools);
      mkdirSync(copy);
      for (const name of files()) cp(join(pools, name), copy);
    };
    if (hot) {
      await eventually(
        () => eventsOf(network, "block.ingested"),
        (events) => events >= 2,
        20_000,
      );
      snapshot(network, copyFiles);
    } else {
      await network.stop();
      copyFiles();
      network = await runOn(state);
    }
    expect(await deliver(network, before.given, DELIVERED)).toBe(DELIVERED);
    if (hot)
      await eventually(
        () => eventsOf(network, "keys.dec"),
        (events) => events > 0,
        20_000,
      );
    await crash(network);
    for (const name of files()) if (!existsSync(join(copy, name))) rmSync(join(pools, name));
    cp(`${copy}/.`, pools);

    network = await runOn(state);
    try {
      await expectVoided(network, before);
      expect(await voidedBits(network, OTHER_LINK)).toBe(0);
      expect(await alarmsOf(network, "deployment")).toEqual([]);
    } finally {
      await network.stop();
    }
  });
});

it("the engine killed, and the machine with it: nothing is voided", { timeout: 180_000 }, async () => {
  const state = newState();
  let network = await runOn(state);
  const { given, pending } = await prepare(network);
  const ended = once(network.process, "exit");
  process.kill(network.pids.engine, "SIGKILL");
  await ended;
  network = await runOn(state);
  await crash(network);
  network = await runOn(state);
  try {
    expect(network.output()).not.toMatch(TOLD);
    expect(await keysOf(await dec(network, DIRECTIONS[0], pending))).toEqual(pending);
    expect(await deliver(network, given, DELIVERED)).toBe(DELIVERED);
    expect(await voidedBits(network, LINK)).toBe(0);
    expect(await alarmsOf(network, "tn-1")).toEqual([]);
  } finally {
    await network.stop();
  }
});
