/**
 * Erasure, as it is claimed: once an epoch's key is destroyed, nobody can rebuild a key delivered before, with all that
 * lies in the state folder. What waits for its slaves stays.
 */
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { epochKeysOf, Needles, rebuild } from "../support/attacker.ts";
import { linkState, qkd } from "../support/operator.ts";
import { runNetwork, type RunningNetwork, snapshot } from "../support/run-network.ts";

const LINK = "tn-1-tn-2";
const BLOCK_BYTES = 64 * 1024;

interface Key {
  readonly key_ID: string;
  readonly key: string;
}

let network: RunningNetwork;
const copies = mkdtempSync(join(tmpdir(), "qkd-copies-"));

beforeAll(async () => {
  network = await runNetwork({ network: quietNetwork });
  const path = `/api/v1/links/${LINK}/blocks/erasure%3A0?node=tn-1`;
  const put = await network.fetch(path, "operator", { method: "PUT", body: randomBytes(BLOCK_BYTES) });
  expect(put.status).toBe(201);
});
afterAll(async () => {
  await network.stop();
  rmSync(copies, { recursive: true, force: true });
});

/** Links that make nothing of their own. */
const quietNetwork = (demo: NetworkDocumentInput): NetworkDocumentInput => ({
  ...demo,
  links: demo.links.map((link) => ({ ...link, source: "push", key_rate_bps: 0 })),
});

async function post(as: string, path: string, body: unknown): Promise<Key[]> {
  const answer = await network.fetch(`/api/v1/keys/${path}`, as, { method: "POST", body: JSON.stringify(body) });
  const text = await answer.text();
  // Never the text of a good answer: it holds keys.
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
  return (JSON.parse(text) as { keys: Key[] }).keys;
}

const take = async (number: number, size: number, more: readonly string[] = []): Promise<Key[]> =>
  await post("sae-a", "sae-c/enc_keys", {
    number,
    size,
    ...(more.length === 0 ? {} : { additional_slave_SAE_IDs: more }),
  });
const fetchAs = async (sae: string, keys: readonly Key[]): Promise<Key[]> =>
  await post(sae, "sae-a/dec_keys", { key_IDs: keys.map(({ key_ID }) => ({ key_ID })) });

const bytesOf = (keys: readonly Key[]): Buffer[] => keys.map(({ key }) => Buffer.from(key, "base64"));

/** @returns keys that all their slaves have fetched, and keys that still wait; they lie in the same units */
async function deliver(): Promise<{ delivered: Key[]; waiting: Key[] }> {
  const delivered: Key[] = [];
  const waiting: Key[] = [];
  for (let turn = 0; turn < 12; turn++) {
    for (const [number, size] of [
      [10, 64],
      [8, 256],
      [5, 1000],
      [2, 4096],
    ] as const) {
      const keys = await take(number, size);
      // In the last turns some stay behind in each unit.
      const fetched = turn < 9 ? keys : keys.filter((_, index) => index % 2 === 0);
      expect(await fetchAs("sae-c", fetched)).toEqual(fetched);
      delivered.push(...fetched);
      waiting.push(...keys.filter((key) => !fetched.includes(key)));
    }
  }
  // Of a multicast: to another SAE at the slave's node, and to one at the master's own, whose pool holds a copy.
  const shared = await take(6, 512, ["sae-c2", "sae-a2"]);
  for (const sae of ["sae-c", "sae-c2"]) await fetchAs(sae, shared);
  await fetchAs("sae-a2", shared.slice(0, 3));
  return { delivered: [...delivered, ...shared.slice(0, 3)], waiting };
}

function copyState(name: string): string {
  const copy = join(copies, name);
  snapshot(network, () => cpSync(network.state, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") }));
  return copy;
}

test(
  "nothing delivered before an epoch ended can be rebuilt; what waits is still there",
  { timeout: 300_000 },
  async () => {
    const { delivered, waiting } = await deliver();
    expect(delivered.length).toBeGreaterThan(250);
    const all = new Needles(bytesOf([...delivered, ...waiting]));
    /** How many keys of either kind any piece of comes to light. */
    const rebuilt = (copy: string, epochKeys: readonly Buffer[]) => {
      const found = [...rebuild(copy, epochKeys, all)];
      const gone = found.filter((index) => index < delivered.length).length;
      return { delivered: gone, waiting: found.length - gone };
    };

    const before = copyState("before");
    const oldKeys = epochKeysOf(before);
    expect(oldKeys).toHaveLength(1);
    // So this attacker would find what there is to be found.
    expect(rebuilt(before, oldKeys).delivered).toBeGreaterThan(delivered.length / 2);

    const rolled = await qkd(network, "epochs", "roll", "--wait");
    expect(rolled).toMatchObject({ code: 0, err: "" });
    expect(rolled.out).toMatch(/^epoch 2, since \S+Z, until \S+Z; keys kept in the state folder\n$/);
    expect(readdirSync(join(network.state, "epoch-keys"))).toEqual(["epoch-2"]);

    const after = copyState("after");
    const currentKeys = epochKeysOf(after);
    expect(rebuilt(after, currentKeys)).toEqual({ delivered: 0, waiting: waiting.length });
    // It is the destroyed key that makes the difference: the files still hold all sorts of things.
    expect(rebuilt(after, oldKeys).delivered).toBeGreaterThan(0);
    expect(filesHolding(after, oldKeys)).toEqual([]);

    expect(await fetchAs("sae-c", waiting)).toEqual(waiting);
    expect((await linkState(network, LINK)).conserved).toBe(true);
    const log = await network.fetch("/api/v1/audit?node=deployment&limit=1000", "operator");
    const { records } = (await log.json()) as { records: { act: string; detail: unknown }[] };
    const told = records.filter(({ act }) => act.startsWith("epoch.")).map(({ act, detail }) => [act, detail]);
    expect(told).toEqual([
      ["epoch.begin", { epoch: 2, before: 1 }],
      ["epoch.destroy", { epoch: 1 }],
    ]);
  },
);

/** Files with any of these keys in them, as bytes or as text. */
function filesHolding(folder: string, keys: readonly Buffer[]): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return keys.some((key) =>
        [key, key.toString("base64"), key.toString("hex")].some((form) => bytes.includes(form)),
      );
    });
}
