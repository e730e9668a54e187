/** What the bench of hybrid keys runs: an edge, the agents of two sites, the load tool and one that looks on. */
import { join } from "node:path";
import { createAuthority } from "../../pki/authority.ts";
import { privateKeyPem } from "../../pki/keys.ts";
import { agentToml, type HybridNode } from "../../scripts/start/agent-files.ts";
import type { LocalPort } from "../../scripts/start/local-ports.ts";
import { freePort } from "../../scripts/start/ports.ts";
import { type OwnAgent, startOwnAgent } from "../own-agent.ts";
import { type OwnEdge, prefill, startOwnEdge } from "../own-edge.ts";
import { cpuMs } from "../processes/child.ts";
import { type LoadTool, startJobs } from "../processes/jobs.ts";
import { type End, INITIATOR, LINK, RESPONDER } from "./addresses.ts";
import type { Jobs, Ports } from "./load/jobs.ts";

export const startLoad = (): LoadTool<Jobs> => startJobs<Jobs>(join(import.meta.dirname, "load", "main.ts"));

export class HybridRig {
  readonly edge: OwnEdge;
  readonly ports: Ports;
  readonly load: LoadTool<Jobs>;
  /** Of its own: what it times shall not wait for the load. */
  readonly onlooker: LoadTool<Jobs>;
  readonly #agents: readonly OwnAgent[];

  private constructor(edge: OwnEdge, ports: Ports, agents: readonly OwnAgent[]) {
    this.edge = edge;
    this.ports = ports;
    this.#agents = agents;
    this.load = startLoad();
    this.onlooker = startLoad();
  }

  static async start(): Promise<HybridRig> {
    const edge = await startOwnEdge(join(import.meta.dirname, "worker", "index.ts"), true);
    const agents: OwnAgent[] = [];
    try {
      const ports: Ports = { initiator: await freePort(), responder: await freePort() };
      const start = agentsAt(edge, ports);
      agents.push(await start(INITIATOR), await start(RESPONDER));
      return new HybridRig(edge, ports, agents);
    } catch (thrown) {
      for (const agent of agents) await agent.stop();
      await edge.stop();
      throw thrown;
    }
  }

  async stop(): Promise<void> {
    await this.load.stop();
    await this.onlooker.stop();
    for (const agent of this.#agents) await agent.stop();
    await this.edge.stop();
  }

  /** CPU time taken so far. */
  cpu(): { readonly engineMs: number; readonly agentsMs: number } {
    return { engineMs: cpuMs(this.edge.enginePid), agentsMs: cpuMs(...this.#agents.map(({ pid }) => pid)) };
  }

  /** So much more key in the pool of both nodes. */
  async fill(bytes: number): Promise<void> {
    await prefill(this.edge, LINK, bytes);
  }
}

const ENDS = [INITIATOR, RESPONDER];
const HYBRID: readonly HybridNode[] = ENDS.map(({ site, node: id, uuid }) => ({ site, id, uuid }));
/** Neither of the two feeds anything. */
const NO_FEEDS = { feeds: [], agents: "", device: { a: "", b: "" } };

/** Files as `npm start` writes them for the demo's agents, that log as those do. */
function agentsAt(edge: OwnEdge, ports: Ports): (end: End) => Promise<OwnAgent> {
  const { feeds, ...around } = NO_FEEDS;
  const local: readonly LocalPort[] = [
    { capability: "etsi004Json", node: INITIATOR.node, sae: INITIATOR.sae, port: ports.initiator },
    { capability: "etsi004Json", node: RESPONDER.node, sae: RESPONDER.sae, port: ports.responder },
  ];
  const authority = createAuthority("bench CA");
  return async ({ site, node }) => {
    const { certificate, keys } = await authority;
    const enrolsWith = `enrol-agent-${node}`;
    const files = {
      "ca.crt": certificate.toString("pem"),
      "ca.key": await privateKeyPem(keys.privateKey),
      "agent.toml": agentToml(
        { site, node, tokenName: enrolsWith, feeds },
        { ...around, edge: edge.url, authority: { ca: "ca.crt", ca_key: "ca.key" }, hybrid: HYBRID },
        { local },
      ),
    };
    const port = local.find((each) => each.node === node)?.port ?? 0;
    return await startOwnAgent(edge, { site, enrolsWith, files, port });
  };
}
