/** What the IPsec bench runs: an edge, the agents of two sites, and two NETCONF servers as IPsec hosts. */
import { join } from "node:path";
import { type Answer, type Entry, send, type Tunnel } from "../../examples/ipsec/controller.ts";
import { Reader } from "../../examples/ipsec/installed.ts";
import { createAuthority } from "../../pki/authority.ts";
import { privateKeyPem } from "../../pki/keys.ts";
import { agentToml } from "../../scripts/start/agent-files.ts";
import type { IpsecPort } from "../../scripts/start/ipsec-ports.ts";
import { freePort } from "../../scripts/start/ports.ts";
import { Netconfd } from "../../test/support/netconf.ts";
import { pushedDemo } from "../../test/support/network-document.ts";
import { INITIATOR, LINK, RESPONDER } from "../hybrid/addresses.ts";
import { type OwnAgent, startOwnAgent } from "../own-agent.ts";
import { type OwnEdge, prefill, startOwnEdge } from "../own-edge.ts";
import { cpuMs } from "../processes/child.ts";
import { whenInterrupted } from "../tunnel/paths/guard.ts";

const ENDS = [INITIATOR, RESPONDER] as const;
/** Of the two nodes: tunnels lie between addresses in them. */
const NETS = ["10.1", "10.2"] as const;
const ADDRESSES = ["192.168.1.11", "192.168.1.20"] as const;
export const KEM = "ML-KEM-768";

/** Between hosts of their own, so that policies have names of their own too. */
export const tunnelOf = (number: number): Tunnel => {
  const [a, b] = NETS.map((net) => `${net}.${number >> 8}.${number & 255}/32`) as [string, string];
  return { a, b, reqid: String(number + 1), spis: [1000 + 2 * number, 1001 + 2 * number], cipher: "aes-gcm-16-256" };
};

type Both<T> = readonly [T, T];
interface Parts {
  readonly edge: OwnEdge;
  readonly hosts: Both<Netconfd>;
  readonly agents: Both<OwnAgent>;
  readonly proxies: Both<string>;
}
type Ends = (() => Promise<unknown>)[];

export class IpsecRig {
  readonly hosts: Both<Netconfd>;
  readonly readers: Both<Reader>;
  readonly #parts: Parts;
  readonly #ends: Ends;

  private constructor(parts: Parts, ends: Ends) {
    this.#parts = parts;
    this.#ends = ends;
    this.hosts = parts.hosts;
    this.readers = [new Reader(parts.hosts[0].config), new Reader(parts.hosts[1].config)];
  }

  /** @param modules folder of the YANG modules; null: where the tests have them */
  static async start(modules: string | null): Promise<IpsecRig> {
    const ends: Ends = [];
    try {
      const rig = new IpsecRig(await startParts(modules, ends), ends);
      ends.push(...rig.readers.map((reader) => () => reader.close()));
      await rig.#setKeys();
      return rig;
    } catch (thrown) {
      await endAll(ends);
      throw thrown;
    }
  }

  async stop(): Promise<void> {
    await endAll(this.#ends);
  }

  /** CPU time taken so far. */
  cpu(): { readonly engineMs: number; readonly agentsMs: number } {
    const { edge, agents } = this.#parts;
    return { engineMs: cpuMs(edge.enginePid), agentsMs: cpuMs(...agents.map(({ pid }) => pid)) };
  }

  /** So much more key in the pool of both nodes. */
  async fill(bytes: number): Promise<void> {
    await prefill(this.#parts.edge, LINK, bytes);
  }

  /** To both proxy agents at once. @throws Error unless all of it comes to `wanted` */
  async both(
    method: "POST" | "DELETE",
    entries: (host: "a" | "b") => readonly (Entry | object)[],
    wanted: "installed" | "deleted",
  ): Promise<void> {
    const [a, b] = this.#parts.proxies;
    const answers = await Promise.all([send(a, method, entries("a")), send(b, method, entries("b"))]);
    for (const answer of answers) check(answer, wanted);
  }

  async #setKeys(): Promise<void> {
    const [endpoint1, endpoint2] = ADDRESSES;
    const body = JSON.stringify({ endpoint1, endpoint2, "use-qkd": "yes", "pqc-algorithm": KEM });
    const response = await fetch(`${this.#parts.proxies[0]}/createqkd`, { method: "POST", body });
    if (!response.ok) throw new Error(`/createqkd: ${response.status} ${await response.text()}`);
  }
}

async function endAll(ends: Ends): Promise<void> {
  for (const end of ends.toReversed()) await end();
}

/** @param ends gets what undoes each step */
async function startParts(modules: string | null, ends: Ends): Promise<Parts> {
  const startHost = async (): Promise<Netconfd> => {
    const host = await Netconfd.start({ target: "candidate", ...(modules === null ? {} : { modules }) });
    ends.push(() => host.stop());
    whenInterrupted(() => void host.kill());
    return host;
  };
  const hosts = [await startHost(), await startHost()] as const;
  const worker = join(import.meta.dirname, "..", "..", "workers", "index.ts");
  const edge = await startOwnEdge(worker, true, (demo) => withNets(pushedDemo()(demo)));
  ends.push(() => edge.stop());
  const ports = hosts.map(async ({ config: host }, at) => {
    const port = await freePort();
    const { node, sae } = ENDS[at === 0 ? 0 : 1];
    return { node, sae, port, address: `http://127.0.0.1:${port}`, host };
  });
  const ipsec = (await Promise.all(ports)) as [IpsecPort, IpsecPort];
  const startAgent = agentsAt(edge, ipsec);
  const agentOf = async (at: 0 | 1): Promise<OwnAgent> => {
    const agent = await startAgent(at);
    ends.push(() => agent.stop());
    return agent;
  };
  const agents = [await agentOf(0), await agentOf(1)] as const;
  return { edge, hosts, agents, proxies: [ipsec[0].address, ipsec[1].address] };
}

function check({ entries }: Answer, wanted: string): void {
  const other = entries.find(({ state }) => state !== wanted);
  if (other !== undefined) throw new Error(`${other.name} is ${other.state}: ${other.reason} ${other.message ?? ""}`);
  const sources = entries.find((each) => each.sources !== undefined)?.sources ?? null;
  if (sources !== null && sources.join() !== `${KEM},QKD`) throw new Error(`keys are made of ${sources.join()}`);
}

type Network = ReturnType<ReturnType<typeof pushedDemo>>;
const withNets = (demo: Network): Network => ({
  ...demo,
  nodes: demo.nodes.map((node) => {
    const at = ENDS.findIndex(({ node: id }) => id === node.id);
    const [net, address] = [NETS[at], ADDRESSES[at]];
    return net === undefined || address === undefined
      ? { ...node, ipsec: undefined }
      : { ...node, ipsec: { prefixes: [`${net}.0.0/16`], addresses: [address] } };
  }),
});

/** Files as `npm start` writes them for the demo's agents. */
function agentsAt(edge: OwnEdge, ipsec: Both<IpsecPort>): (at: 0 | 1) => Promise<OwnAgent> {
  const hybrid = ENDS.map(({ site, node: id, uuid }) => ({ site, id, uuid }));
  const authority = createAuthority("bench CA");
  return async (at) => {
    const { site, node } = ENDS[at];
    const { certificate, keys } = await authority;
    const enrolsWith = `enrol-agent-${node}`;
    const around = {
      edge: edge.url,
      authority: { ca: "ca.crt", ca_key: "ca.key" },
      hybrid,
      agents: "",
      device: { a: "", b: "" },
    };
    const files = {
      "ca.crt": certificate.toString("pem"),
      "ca.key": await privateKeyPem(keys.privateKey),
      "agent.toml": agentToml({ site, node, tokenName: enrolsWith, feeds: [] }, around, { ipsec }),
    };
    return await startOwnAgent(edge, { site, enrolsWith, files, port: ipsec[at].port });
  };
}
