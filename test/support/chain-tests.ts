/**
 * Keys over the demo's chain, sae-a (tn-1) to sae-b (tn-4): three links, two trusted nodes between, each end at its own
 * KME. The same, whoever hosts the nodes.
 */
import { describe, expect, test } from "vitest";
import { CHAIN, CHAIN_LINKS, type ChainRig, nodeOfSae } from "./chain-rig.ts";
import type { Deployment } from "./deployments.ts";
import type { TlsAnswer } from "./front-bench.ts";
import { keysIn, KeyLedger } from "./key-ledger.ts";
import { KeyScan } from "./key-scan.ts";
import { linkState } from "./operator.ts";
import { linkOf } from "./relay-network.ts";

const LINKS = CHAIN_LINKS.map(linkOf);

/** What the tests of one file have been given, and told. */
export class ChainClients {
  readonly ledger = new KeyLedger();
  readonly scan = new KeyScan();
  /** What was answered that must hold no key. */
  readonly said: string[] = [];
  readonly #rig: () => ChainRig;

  /** @param rig asked when a test runs */
  constructor(rig: () => ChainRig) {
    this.#rig = rig;
  }

  get rig(): ChainRig {
    return this.#rig();
  }

  async get(sae: string, path: string): Promise<TlsAnswer> {
    return await this.rig.network.request(nodeOfSae(sae), sae, path);
  }

  async post(sae: string, path: string, body: unknown): Promise<TlsAnswer> {
    const options = { method: "POST", headers: { "content-type": "application/json" } };
    return await this.rig.network.request(nodeOfSae(sae), sae, path, options, JSON.stringify(body));
  }

  async enc(master: string, slave: string, body: object): Promise<TlsAnswer> {
    return await this.post(master, `/api/v1/keys/${slave}/enc_keys`, body);
  }

  async dec(slave: string, master: string, ids: readonly string[]): Promise<TlsAnswer> {
    return await this.post(slave, `/api/v1/keys/${master}/dec_keys`, { key_IDs: ids.map((key_ID) => ({ key_ID })) });
  }

  /** Keys that were given, by ID. */
  noted(answer: TlsAnswer): readonly string[] {
    expect([answer.status, answer.status === 200 ? "" : answer.body]).toEqual([200, ""]);
    return keysIn(answer.body).map((key) => {
      this.ledger.given(key);
      this.scan.add(Buffer.from(key.key, "base64"));
      return key.key_ID;
    });
  }

  async operatorReads(deployment: Deployment, path: string): Promise<unknown> {
    const text = await (await deployment.fetch(`/api/v1/${path}`, "operator")).text();
    this.said.push(text);
    return JSON.parse(text);
  }
}

export function testKeys(clients: ChainClients): void {
  const { ledger, said } = clients;

  test.each([
    ["sae-a", "sae-b"],
    ["sae-b", "sae-a"],
    ["sae-a", "sae-d"],
  ])("keys of %s and %s are equal, and each is given once", async (master, slave) => {
    for (const wish of [{}, { number: 7, size: 64 }, { number: 128 }, { number: 3, size: 4096 }]) {
      const ids = clients.noted(await clients.enc(master, slave, wish));
      const fetched = await clients.dec(slave, master, ids.toReversed());
      expect(fetched.status).toBe(200);
      for (const key of keysIn(fetched.body)) ledger.fetched(key);
      const again = await clients.dec(slave, master, ids);
      said.push(again.body);
      expect(again.status).toBe(400);
    }
    expect(ledger.with("pending")).toEqual([]);
  });

  test("no SAE on the way can fetch them", async () => {
    const ids = clients.noted(await clients.enc("sae-a", "sae-b", { number: 2 }));
    for (const other of ["sae-c", "sae-d"]) {
      const refused = await clients.dec(other, "sae-a", ids);
      said.push(refused.body);
      expect(refused.status).toBeGreaterThanOrEqual(400);
    }
    const fetched = await clients.dec("sae-b", "sae-a", ids);
    for (const key of keysIn(fetched.body)) ledger.fetched(key);
  });

  test.each([
    ["sae-a", "sae-c", ["sae-b", "sae-d", "sae-c2"]],
    ["sae-b", "sae-c", ["sae-a", "sae-d", "sae-a2"]],
  ])("one key of %s for SAEs one, two and three links away at once", async (master, slave, others) => {
    const ids = clients.noted(await clients.enc(master, slave, { number: 3, additional_slave_SAE_IDs: others }));
    for (const recipient of [slave, ...others]) {
      for (const key_ID of ids) {
        const path = `/api/v1/keys/${master}/dec_keys?key_ID=${key_ID}`;
        const fetched = await clients.get(recipient, path);
        expect([recipient, fetched.status]).toEqual([recipient, 200]);
        expect(keysIn(fetched.body)[0]?.key === ledger.keys.get(key_ID), "equal at all ends").toBe(true);
        expect((await clients.get(recipient, path)).status).toBe(400);
      }
    }
  });
}

export function testStatus(clients: ChainClients): void {
  test("status tells path, hops, costs and custody, and the ledger of what came", async () => {
    const { network, custody } = clients.rig;
    const answer = await clients.get("sae-a", "/api/v1/keys/sae-b/status");
    clients.said.push(answer.body);
    const { status_extension, ...status } = JSON.parse(answer.body) as { status_extension: { qkdedge: object } };
    expect(status).toMatchObject({ source_KME_ID: "tn-1", target_KME_ID: "tn-4", key_size: 256 });
    expect(status_extension.qkdedge).toMatchObject({
      link: null,
      source: "relay",
      state: "active",
      simulated: true,
      custody: "edge",
      conserved: true,
      relay: {
        disjoint_paths: 1,
        custody,
        paths: [{ nodes: CHAIN, links: LINKS, hops: 3, cost: 3 }],
        cut: [],
        stored_hops: { min: 3, max: 3 },
        last_paths: [expect.arrayContaining([...CHAIN])],
        last_fault: null,
      },
    });
    expect(await clients.operatorReads(network.at("tn-4"), "nodes/tn-4/routes/tn-1")).toMatchObject({
      paths: [{ nodes: CHAIN.toReversed(), hops: 3, cost: 3 }],
    });
  });
}

export function testWishes(clients: ChainClients): void {
  const UNMET = "not all extension_mandatory request options could be met";

  describe("a wish that the chain cannot meet", () => {
    test.each([
      [{ qkdedge_route_type: "direct" }, "qkdedge_route_type"],
      [{ qkdedge_max_hops: 2 }, "qkdedge_max_hops"],
      [{ qkdedge_disjoint_paths: 2 }, "qkdedge_disjoint_paths"],
    ])("is refused as the standard says: %j", async (wish, name) => {
      const answer = await clients.enc("sae-a", "sae-b", { extension_mandatory: [wish] });
      clients.said.push(answer.body);
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        400,
        { message: UNMET, details: [{ extension_mandatory_unmet: expect.stringContaining(name) }] },
      ]);
    });

    test("and those that it can are met", async () => {
      const wishes = [{ qkdedge_max_hops: 3 }, { qkdedge_disjoint_paths: 1 }];
      clients.noted(await clients.enc("sae-a", "sae-b", { extension_mandatory: wishes }));
      clients.noted(await clients.enc("sae-a", "sae-c", { extension_mandatory: [{ qkdedge_route_type: "direct" }] }));
      clients.noted(await clients.enc("sae-a", "sae-b", { extension_optional: [{ qkdedge_route_type: "direct" }] }));
    });
  });
}

export function testStream(clients: ChainClients, [opener, joiner]: readonly [string, string], hops: number): void {
  test("an ETSI 004 stream over them: equal chunks, whose metadata counts the trusted nodes", async () => {
    const { ledger, scan } = clients;
    const opened = await clients.post(opener, "/api/v1/streams", { destination: joiner, QOS: { Key_chunk_size: 64 } });
    const { key_stream_ID: ksid } = JSON.parse(opened.body) as { key_stream_ID: string };
    const joined = await clients.post(joiner, "/api/v1/streams", { destination: opener, key_stream_ID: ksid });
    expect([opened.status, joined.status]).toEqual([200, 200]);
    for (let index = 0; index < 12; index++) {
      const [ours, theirs] = await Promise.all(
        [opener, joiner].map(async (sae) => {
          const answer = await clients.post(sae, `/api/v1/streams/${ksid}/get_key`, { index, Metadata_size: 64 });
          expect(answer.status).toBe(200);
          return JSON.parse(answer.body) as { Key_buffer: string; Metadata: string };
        }),
      );
      expect(ours?.Key_buffer === theirs?.Key_buffer, "equal at both ends").toBe(true);
      const key = { key_ID: `${ksid}/${index}`, key: ours?.Key_buffer ?? "" };
      ledger.given(key);
      scan.add(Buffer.from(key.key, "base64"));
      for (const chunk of [ours, theirs]) expect(JSON.parse(chunk?.Metadata ?? "")).toMatchObject({ hops });
    }
    for (const sae of [opener, joiner])
      expect((await clients.post(sae, `/api/v1/streams/${ksid}/close`, {})).status).toBe(200);
  });
}

/** Ends the network: the last of the tests. */
export function testBooks(clients: ChainClients): void {
  test("afterwards every link's bits are accounted for, pads and tags among them, and nothing that was said holds a key", async () => {
    const { network } = clients.rig;
    const { ledger, scan, said } = clients;
    for (const nodes of CHAIN_LINKS) for (const half of network.ofLink(nodes)) await expectSpent(half, linkOf(nodes));
    for (const node of CHAIN) {
      expect(await clients.operatorReads(network.at(node), `nodes/${node}`)).toMatchObject({ alarms: [] });
    }
    await expect.poll(() => auditOf(network.at("tn-1"), "tn-1"), { timeout: 30_000 }).toContain("keys.enc");
    for (const node of CHAIN) said.push(await auditOf(network.at(node), node));
    for (const deployment of network.all) said.push(await auditOf(deployment, "deployment"));
    for (const nodes of CHAIN_LINKS)
      for (const half of network.ofLink(nodes)) await clients.operatorReads(half, `links/${linkOf(nodes)}`);
    said.push(await clients.rig.end());
    expect(ledger.keys.size).toBeGreaterThan(400);
    for (const text of said) expect(scan.find(text)).toBeNull();
  });
}

const auditOf = async (deployment: Deployment, log: string): Promise<string> =>
  await (await deployment.fetch(`/api/v1/audit?node=${log}&limit=1000`, "operator")).text();

async function expectSpent(half: Deployment, link: string): Promise<void> {
  const { conserved, ingested_bits, ledger_bits, shards } = await linkState(half, link);
  expect([link, conserved]).toEqual([link, true]);
  const sum = Object.values(ledger_bits).reduce((total, bits) => total + bits, 0);
  const lent = shards.reduce((total, { transferred_bits }) => total - transferred_bits, 0);
  expect([link, sum + lent]).toEqual([link, ingested_bits]);
  expect(ledger_bits["tag"]).toBeGreaterThan(0);
  expect((ledger_bits["tag"] ?? 0) % 256).toBe(0);
  expect(ledger_bits["pad"]).toBeGreaterThan(128 * 256);
}
