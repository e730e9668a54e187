/**
 * The demo's sites: its devices, and the agents that feed its links from them. The edge serves without them; what ends
 * by itself is started again.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { siteOf } from "../../shared/auth/policy.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import type { DevicesPlan } from "../demo/devices.ts";
import { enrolmentOf } from "../demo/network.ts";
import { agentToml, type HybridNode, inboxes, type SitePlan, sitePlans } from "./agent-files.ts";
import { certificateFiles } from "./certificates.ts";
import { ensureFolder, writeAtomic } from "./files.ts";
import type { Fronts } from "./fronts.ts";
import type { IpsecHosts } from "./ipsec-hosts.ts";
import { type IpsecPort, ipsecPorts } from "./ipsec-ports.ts";
import { kmsListens, type KmsPorts, kmsPorts } from "./kms-ports.ts";
import { addressOf, awaitListening, type LocalPort, localPorts, servingNodes } from "./local-ports.ts";
import { PROJECT } from "./paths.ts";
import { freePort, HOST, localUrl } from "./ports.ts";
import { readTokens } from "./secrets.ts";
import type { StateFolder } from "./state-folder.ts";
import { Supervised } from "./supervised.ts";

/** In order: an agent takes leave of its hub and closes its spools. */
const PATIENCE_MS = 600;

/** What is to run, and where; made before anything of it is started. */
export interface SitesPlan {
  readonly sites: readonly SitePlan[];
  readonly hybrid: readonly HybridNode[];
  readonly ports: DevicesPlan["ports"];
  /** On which agents serve applications of their sites. */
  readonly local: readonly LocalPort[];
  /** On which agents are proxy agents of IPsec hosts. */
  readonly ipsec: readonly IpsecPort[];
  /** On which agents serve the KMS API of Open-QKD-Network. */
  readonly kms: readonly KmsPorts[];
  /** Which ports cannot be had. */
  readonly notes: readonly string[];
}

/** No sites where agents feed no link of the network. */
export async function planSites(
  network: NetworkDocument,
  randomPorts: boolean,
  hosts: IpsecHosts = {},
): Promise<SitesPlan> {
  const sites = withServing(network, sitePlans(network));
  const nodes = sites.map(({ node }) => node);
  const { local, notes } = await localPorts(network, nodes, randomPorts);
  const { ipsec, notes: ofIpsec } = await ipsecPorts(network, nodes, hosts, randomPorts);
  const { kms, notes: ofKms } = await kmsPorts(network, nodes, randomPorts);
  return {
    sites,
    hybrid: hybridNodes(network, [...local.filter(({ capability }) => capability === "etsi004Json"), ...ipsec]),
    ports: { a: await freePort(), b: await freePort() },
    local,
    ipsec,
    kms,
    notes: [...notes, ...ofIpsec, ...ofKms],
  };
}

/** Those where hybrid keys are asked for: by JSON over TCP, as clients of the hybridization module do, or for SAs. */
const hybridNodes = ({ nodes }: NetworkDocument, asking: readonly { readonly node: string }[]): readonly HybridNode[] =>
  nodes
    .filter(({ id }) => asking.some(({ node }) => node === id))
    .flatMap((node) => (node.uuid === undefined ? [] : [{ site: siteOf(node), id: node.id, uuid: node.uuid }]));

/** Where anything is fed at all, sites that feed nothing have agents too if applications there are to be served. */
function withServing(network: NetworkDocument, fed: readonly SitePlan[]): readonly SitePlan[] {
  const serving = new Set(fed.length === 0 ? [] : servingNodes(network));
  return network.nodes.flatMap((node) => {
    const plan = fed.find((each) => each.node === node.id);
    if (plan !== undefined) return [plan];
    return serving.has(node.id)
      ? [{ site: siteOf(node), node: node.id, tokenName: enrolmentOf(node.id), feeds: [] }]
      : [];
  });
}

export interface DemoSitesOptions {
  readonly folder: StateFolder;
  readonly edge: string;
  readonly plan: SitesPlan;
  readonly guard: Pick<Fronts, "guard" | "release">;
  readonly say: (line: string) => void;
  /** A process was started again. */
  readonly onChange: () => void;
}

export interface DemoPids {
  readonly agents: readonly number[];
  /** Null while it waits to be started again. */
  readonly device: number | null;
}

export class DemoSites {
  /** Whose agents run. */
  readonly names: readonly string[];
  /** What they serve to applications of their sites. */
  readonly local: readonly LocalPort[];
  readonly ipsec: readonly IpsecPort[];
  readonly kms: readonly KmsPorts[];
  readonly #device: Supervised;
  readonly #agents: readonly Supervised[];

  /** Waits for none of them. @throws StartFailure where their files cannot be written */
  constructor(options: DemoSitesOptions) {
    const { folder, plan } = options;
    this.names = plan.sites.map(({ site }) => site);
    this.local = plan.local;
    this.ipsec = plan.ipsec;
    this.kms = plan.kms;
    const folders = inboxes(folder.agents, plan.sites);
    for (const each of [...this.names.map((site) => join(folder.agents, site)), ...folders]) ensureFolder(each);
    const configs = writeConfigs(options);
    const devices: DevicesPlan = { host: HOST, ports: plan.ports, folders };
    this.#device = supervise(options, "the process of the demo's devices", [DEVICES, JSON.stringify(devices)]);
    this.#agents = configs.map(({ site, file }) => supervise(options, `the agent of ${site}`, [AGENT, "run", file]));
  }

  get pids(): DemoPids {
    return { agents: this.#agents.flatMap(({ pid }) => pid ?? []), device: this.#device.pid };
  }

  /** Resolves once what agents serve can be reached, or with a note of what cannot, after a while. */
  async listening(signal: AbortSignal): Promise<readonly string[]> {
    const local = this.local.map((each) => ({ port: each.port, address: addressOf(each) }));
    return await awaitListening([...local, ...this.ipsec, ...kmsListens(this.kms)], signal);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#device, ...this.#agents].map((each) => each.stop(PATIENCE_MS)));
  }
}

const DEVICES = join(PROJECT, "scripts", "demo", "devices.ts");
const AGENT = join(PROJECT, "tunnel", "main.ts");

function writeConfigs({ folder, edge, plan: { sites, hybrid, ports, local, ipsec, kms } }: DemoSitesOptions) {
  const { cert: ca, key } = certificateFiles(folder.certs, "ca");
  const tokens = readTokens(folder.tokens);
  const device = { a: localUrl(ports.a), b: localUrl(ports.b) };
  return sites.map((plan) => {
    const own = join(folder.agents, plan.site);
    const file = join(own, "agent.toml");
    writeAtomic(
      file,
      agentToml(
        plan,
        { edge, authority: { ca, ca_key: key }, hybrid, agents: folder.agents, device },
        { local, ipsec, kms },
      ),
    );
    // Used up by the first start. It stays: where the edge has another port, the same keys enrol with it again.
    writeAtomic(join(own, "token"), `${tokens[plan.tokenName] ?? ""}\n`);
    return { site: plan.site, file };
  });
}

/** In a process group of its own: Ctrl-C reaches the starter only. */
function supervise({ guard, say, onChange }: DemoSitesOptions, name: string, args: readonly string[]): Supervised {
  return new Supervised({
    name,
    spawn: () => spawn(process.execPath, args, { detached: true, stdio: ["ignore", 2, 2] }),
    say,
    onStarted: (pid) => guard.guard(pid),
    onEnded: (pid) => guard.release(pid),
    onRestarted: onChange,
  });
}
