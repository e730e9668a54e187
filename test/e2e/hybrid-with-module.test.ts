/**
 * One site moves first: an agent at site-a, an application of its own, and a stand-in for an unmodified hybridization module
 * at the other site, whose QKD node is an agent's listener there. QKD key comes from the demo's edge.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AgentConfigInput } from "../../tunnel/agent/config/schema.ts";
import { certificateFiles, moduleAuthority, StandInModule } from "../support/hybridization-module.ts";
import { askJson, connectLocal, JSON_QOS, jsonClient } from "../support/local-client.ts";
import { type RunningNetwork, runNetwork } from "../support/run-network.ts";
import { startAgent } from "../support/tunnel-agent.ts";

const HOST = "127.0.0.1";
const UUIDS = { own: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", module: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb" };
const KEYS = 3;

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork();
});
afterAll(async () => {
  await network.stop();
});

const TOKENS: Readonly<Record<string, string>> = { "site-a": "enrol-agent-tn-1", "site-b": "enrol-agent-tn-2" };

/** @returns the port of its JSON listener besides */
async function agentOf(site: string, config: Partial<AgentConfigInput>) {
  const edge = { url: network.edge, token: (of: string) => network.tokens[TOKENS[of] ?? ""] ?? "" };
  const started = await startAgent(edge, site, config);
  await started.ready;
  return { ...started, port: started.agent.local?.services[0]?.port ?? 0 };
}

/** The module, the agent that is its QKD node, and this site's. */
async function sites() {
  const authority = await moduleAuthority();
  const [own, theirs] = await Promise.all([certificateFiles(authority, [HOST]), certificateFiles(authority, [HOST])]);
  const module = await StandInModule.start(theirs);
  const common = { kind: "json-tcp", port: 0 } as const;
  const [here, there] = await Promise.all([
    agentOf("site-a", {
      etsi004: [{ ...common, sae: "sae-a", node: "tn-1" }],
      hybrid: {
        node: [{ id: "tn-1", uuid: UUIDS.own }],
        peer: [{ uuid: UUIDS.module, module: `${HOST}:${module.port}`, index_zero_is_next: true }],
        module: { listen: `${HOST}:0`, ...own },
      },
    }),
    agentOf("site-b", { etsi004: [{ ...common, sae: "sae-c", node: "tn-2", index_zero_is_next: true }] }),
  ]);
  const modulesPort = Number((await here.lines.seen('"hybrid":"module"')).fields["port"]);
  return { module, here, there, modulesPort };
}

test("ML-KEM-768 and QKD by xoring, three keys a session in both roles: equal at an application here and the module's", async () => {
  const { module, here, there, modulesPort } = await sites();
  const client = jsonClient(await connectLocal(here.port));
  const seen = new Set<string>();
  for (const [from, to, role] of [
    [UUIDS.own, UUIDS.module, "server"],
    [UUIDS.module, UUIDS.own, "client"],
  ] as const) {
    const query = "hybridization=xoring&key_sources=ML-KEM-768,QKD";
    const uris = { source: `hybrid://SPI_1@${from}?${query}`, destination: `hybrid://SPI_1@${to}?${query}` };
    const qkd = { host: HOST, port: there.port };
    const [ours, theirs] = await Promise.all([
      askJson(client, "OPEN_CONNECT", { ...uris, qos: JSON_QOS }),
      module.open({
        ...uris,
        role,
        host: HOST,
        port: modulesPort,
        kems: ["ML-KEM-768"],
        method: "xoring",
        chunk: JSON_QOS.key_chunk_size,
        qkd,
      }),
    ]);
    expect(ours).toEqual({ status: 0, key_stream_id: theirs.ksid });
    for (let index = 0; index < KEYS; index++) {
      const [{ key_buffer: octets, metadata, ...answer }, { key, mixed }] = await Promise.all([
        askJson(client, "GET_KEY", { key_stream_id: theirs.ksid, index }),
        module.getHybridKey(theirs.session),
      ]);
      expect([answer, mixed]).toEqual([{ status: 0 }, 2]);
      expect(Buffer.from(octets as readonly number[]).toString("hex") === key, "the same key at both ends").toBe(true);
      const told = JSON.parse((metadata as { readonly buffer: string }).buffer) as unknown;
      expect(told).toEqual({ method: "xoring", sources: ["ML-KEM-768", "QKD"], confirmed: false, kem: "agent" });
      seen.add(key);
    }
    expect(await askJson(client, "CLOSE", { key_stream_id: theirs.ksid })).toEqual({ status: 0 });
    await module.close(theirs.session);
  }
  expect(seen.size).toBe(2 * KEYS);
});
