/**
 * 64 mutual-TLS connections take everything a pool has, in both directions at once (conformance 014-E23, E32): every
 * key once to each side, equal at both ends, no two of them sharing a byte, and in the end nothing lost.
 */
import { randomBytes } from "node:crypto";
import https from "node:https";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { httpsRequest, type TlsAnswer } from "../support/front-bench.ts";
import { Material } from "../support/material.ts";
import { pushedDemo } from "../support/network-document.ts";
import { linkState } from "../support/operator.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const MATERIAL_BYTES = 256 * 1024;
const BLOCK_BYTES = 64 * 1024;
const CONNECTIONS = 64;
/** Multiples of 32, so that pieces of keys at the edges of units stay long enough to be told apart. */
const SIZES_BITS = [128, 256, 992, 4096];
const SMALLEST_BITS = 64;

interface Side {
  readonly sae: string;
  readonly node: string;
}
interface Key {
  readonly key_ID: string;
  readonly key: string;
}

let network: RunningNetwork;
const agents: https.Agent[] = [];

beforeAll(async () => {
  network = await runNetwork({ network: pushedDemo({ "tn-2-tn-3": { shards: 3 } }) });
});
afterAll(async () => {
  for (const agent of agents) agent.destroy();
  await network.stop();
});

/** A keep-alive connection of its own. */
function connect({ sae, node }: Side) {
  const { ca, cert, key } = network.tls(sae);
  const agent = new https.Agent({ ca, cert, key, keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  return (path: string, body: unknown): Promise<TlsAnswer> => {
    const text = JSON.stringify(body);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    return httpsRequest(`${network.kme[node]}/api/v1/keys/${path}`, { agent, method: "POST", headers }, text);
  };
}

const keysOf = (answer: TlsAnswer): readonly Key[] => (JSON.parse(answer.body) as { keys: Key[] }).keys;

async function push(link: string, node: string, bytes: Buffer): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += BLOCK_BYTES) {
    const path = `/api/v1/links/${link}/blocks/${encodeURIComponent(`drain:${offset}`)}?node=${node}`;
    const body = Uint8Array.from(bytes.subarray(offset, offset + BLOCK_BYTES));
    const answer = await network.fetch(path, "operator", { method: "PUT", body });
    expect([answer.status, await answer.text()]).toEqual([201, expect.stringContaining('"ingested"')]);
  }
}

/** Takes keys as the master and fetches them as the slave, until the pool gives none of the smallest size. */
async function drain(master: Side, slave: Side, start: number): Promise<Key[]> {
  const [atMaster, atSlave] = [connect(master), connect(slave)];
  const keys: Key[] = [];
  for (let turn = start, size = SIZES_BITS[start % SIZES_BITS.length] ?? 256; ; turn++) {
    const number = size === SMALLEST_BITS ? 1 : 1 + (turn % 9);
    const answer = await atMaster(`${slave.sae}/enc_keys`, { number, size });
    if (answer.status !== 200) {
      const refusal = expect.objectContaining({ message: "not enough keys available" }) as unknown;
      expect([answer.status, JSON.parse(answer.body)]).toEqual([503, refusal]);
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
      if (size === SMALLEST_BITS) return keys;
      // Too few for this wish; perhaps enough for the smallest.
      size = SMALLEST_BITS;
      continue;
    }
    const container = keysOf(answer);
    expect(container).toHaveLength(number);
    const wanted = { key_IDs: container.map(({ key_ID }) => ({ key_ID })) };
    const fetched = await atSlave(`${master.sae}/dec_keys`, wanted);
    expect(fetched.status).toBe(200);
    // Equal at both ends; compared as a whole, so that a failure prints no key.
    expect(JSON.stringify(keysOf(fetched)) === JSON.stringify(container)).toBe(true);
    expect((await atSlave(`${master.sae}/dec_keys`, wanted)).status).toBe(400);
    keys.push(...container);
    size = SIZES_BITS[turn % SIZES_BITS.length] ?? 256;
  }
}

describe.each([
  { link: "tn-1-tn-2", shards: 1, one: { sae: "sae-a", node: "tn-1" }, other: { sae: "sae-c", node: "tn-2" } },
  { link: "tn-2-tn-3", shards: 3, one: { sae: "sae-c", node: "tn-2" }, other: { sae: "sae-d", node: "tn-3" } },
])("$link, $shards shard(s)", ({ link, shards, one, other }) => {
  test("64 connections in both directions drain it: each bit once, none lost, then 503", async () => {
    const bytes = randomBytes(MATERIAL_BYTES);
    await push(link, one.node, bytes);
    expect((await linkState(network, link)).ledger_bits["available"]).toBe(MATERIAL_BYTES * 8);

    // Each takes keys on one connection and fetches them on another; half in the one direction, half in the other.
    const workers = Array.from({ length: CONNECTIONS }, (_, index) =>
      index % 2 === 0 ? drain(one, other, index) : drain(other, one, index),
    );
    const keys = (await Promise.all(workers)).flat();

    expect(new Set(keys.map(({ key_ID }) => key_ID)).size).toBe(keys.length);
    const material = new Material(bytes);
    for (const { key } of keys) material.take(Buffer.from(key, "base64"));
    const givenBytes = keys.reduce((sum, { key }) => sum + Buffer.from(key, "base64").length, 0);
    expect(material.takenBytes).toBe(givenBytes);

    const state = await linkState(network, link);
    expect(state).toMatchObject({ conserved: true, ingested_bits: MATERIAL_BYTES * 8 });
    const { delivered = 0, available = 0, remainder = 0, pending } = state.ledger_bits;
    expect(delivered).toBe(givenBytes * 8);
    expect(pending).toBe(0);
    expect(delivered + available + remainder).toBe(MATERIAL_BYTES * 8);
    // Nothing is left that a request could have had.
    expect(available).toBeLessThan(SMALLEST_BITS * shards);
  });

  test("a drained pool refuses without consuming, and says so in its status", async () => {
    const before = await linkState(network, link);
    const status = await network.request(one.node, one.sae, `/api/v1/keys/${other.sae}/status`);
    expect(JSON.parse(status.body)).toMatchObject({ stored_key_count: 0 });
    const refused = await connect(one)(`${other.sae}/enc_keys`, { number: 1, size: SMALLEST_BITS });
    expect([refused.status, refused.headers["retry-after"] !== undefined]).toEqual([503, true]);
    expect((await linkState(network, link)).ledger_bits).toEqual(before.ledger_bits);
  });

  test("new material is given out again, and more than there is never in part", async () => {
    const fresh = randomBytes(BLOCK_BYTES);
    const path = `/api/v1/links/${link}/blocks/fresh?node=${one.node}`;
    expect((await network.fetch(path, "operator", { method: "PUT", body: Uint8Array.from(fresh) })).status).toBe(201);
    const atMaster = connect(one);
    // 128 keys of 4096 bits are all there is.
    const many = { number: 128, size: 4096 };
    const ask = (wish: object): Promise<TlsAnswer> => atMaster(`${other.sae}/enc_keys`, wish);
    expect(keysOf(await ask({ number: 1, size: 4096 }))).toHaveLength(1);
    expect((await ask(many)).status).toBe(503);
    const rest = await ask({ ...many, number: 127 });
    expect(rest.status, rest.status === 200 ? "" : rest.body).toBe(200);
    expect(keysOf(rest)).toHaveLength(127);
  });
});
