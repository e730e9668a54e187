/**
 * For tests: two IPsec hosts, the edge and the site agents of `npm start` between them and a controller, and what of it
 * ends and comes back.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Answer,
  entriesOf,
  type Entry,
  type Report,
  saName,
  send,
  type Tunnel,
} from "../../examples/ipsec/controller.ts";
import { hostsToml } from "../../examples/ipsec/hosts-file.ts";
import { type Installed, Reader } from "../../examples/ipsec/installed.ts";
import type { NodeEntry } from "../../shared/network/document.ts";
import { Netconfd } from "./netconf.ts";
import { changeNetwork, eventually } from "./operator.ts";
import { newStateFolder, type Pids, type RunningNetwork, runNetwork } from "./run-network.ts";

export const NODES = { a: "tn-1", b: "tn-2" } as const;
export type End = keyof typeof NODES;
const PATIENCE_MS = 60_000;

export const A = "10.0.0.11/32";
export const B = "10.0.0.20/32";
/** Between the demo's two hosts. */
export const tunnel = (spi: number, cipher: Tunnel["cipher"] = "aes-gcm-16-256"): Tunnel => ({
  a: A,
  b: B,
  reqid: String(spi),
  spis: [spi, spi + 1],
  cipher,
});
export const namesOf = ({ a, b, spis }: Tunnel): readonly [there: string, back: string] => [
  saName(a, b, spis[0]),
  saName(b, a, spis[1]),
];

/** State and reason of each, in the order of the call. */
export const statesOf = ({ entries }: Pick<Answer, "entries">): readonly string[] =>
  entries.map(({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`));

/** An end whose agent has been killed does not come for its keys: the other one gives it up sooner than is usual. */
const impatient = (node: NodeEntry): NodeEntry =>
  node.ipsec === undefined ? node : { ...node, ipsec: { ...node.ipsec, meet_ms: 10_000 } };

export class IpsecChain {
  readonly hosts: Readonly<Record<End, Netconfd>>;
  readonly readers: Readonly<Record<End, Reader>>;
  network: RunningNetwork;
  readonly #state: string;
  readonly #hostsFile: string;

  static async start(): Promise<IpsecChain> {
    const [a, b] = await Promise.all([
      Netconfd.start({ target: "candidate" }),
      Netconfd.start({ target: "candidate" }),
    ]);
    const state = newStateFolder();
    const hostsFile = join(state, "ipsec-hosts.toml");
    writeFileSync(hostsFile, hostsToml({ [NODES.a]: a, [NODES.b]: b }));
    const network = await run(state, hostsFile);
    await changeNetwork(network, (now) => ({ ...now, nodes: now.nodes.map(impatient) }));
    return new IpsecChain({ a, b }, state, hostsFile, network);
  }

  private constructor(hosts: IpsecChain["hosts"], state: string, hostsFile: string, network: RunningNetwork) {
    this.hosts = hosts;
    this.readers = { a: new Reader(hosts.a.config), b: new Reader(hosts.b.config) };
    this.#state = state;
    this.#hostsFile = hostsFile;
    this.network = network;
  }

  async stop(): Promise<void> {
    await this.network.stop();
    for (const end of ["a", "b"] as const) {
      await this.readers[end].close();
      await this.hosts[end].stop();
    }
    rmSync(this.#state, { recursive: true, force: true });
  }

  /** The engine is killed, which ends all of `npm start`; then it is started again. */
  async killEngine(): Promise<string> {
    process.kill(this.network.pids.engine, "SIGKILL");
    await this.network.stop({ keep: true });
    const printed = this.network.output();
    this.network = await run(this.#state, this.#hostsFile);
    return printed;
  }

  /** It is started again by itself, and connected then. */
  async killAgent(end: End): Promise<void> {
    const pids = (): readonly number[] =>
      (JSON.parse(readFileSync(join(this.#state, "ports.json"), "utf8")) as { pids: Pids }).pids.agents ?? [];
    const before = pids();
    const pid = before[end === "a" ? 0 : 1] ?? 0;
    process.kill(pid, "SIGKILL");
    await eventually(
      () => Promise.resolve(pids()),
      (now) => now.length === before.length && !now.includes(pid),
      PATIENCE_MS,
    );
    const asked = `${this.network.local.ipsec?.[NODES[end]] ?? ""}/ipsec-entries`;
    await eventually(
      async () => (await fetch(asked).catch(() => null))?.ok ?? false,
      (isConnected) => isConnected,
      PATIENCE_MS,
    );
  }

  async send(end: End, method: "POST" | "DELETE", entries: readonly object[]): Promise<Answer> {
    return await send(this.network.local.ipsec?.[NODES[end]] ?? "", method, entries);
  }

  /** To both at once, each its own. */
  async sendBoth(method: "POST" | "DELETE", entries: (end: End) => readonly object[]): Promise<Record<End, Answer>> {
    const [a, b] = await Promise.all([this.send("a", method, entries("a")), this.send("b", method, entries("b"))]);
    return { a, b };
  }

  async post(...tunnels: readonly Tunnel[]): Promise<Record<End, Answer>> {
    return await this.sendBoth("POST", (end) => tunnels.flatMap((each): readonly Entry[] => entriesOf(each, end)));
  }

  async read(): Promise<Record<End, Installed>> {
    const [a, b] = await Promise.all([this.readers.a.read(), this.readers.b.read()]);
    return { a, b };
  }

  /** As the edge has it. */
  async status(end: End): Promise<readonly Report[]> {
    const response = await this.network.fetch(`/api/v1/nodes/${NODES[end]}/ipsec/ipsec-entries`, "operator");
    if (response.status !== 200) throw new Error(`status of ${NODES[end]}: ${response.status}`);
    return ((await response.json()) as { entries: readonly Report[] }).entries;
  }

  /**
   * Waits until nothing of these SAs is under way any more: the edge knows of each at both ends what became of it, and the
   * hosts have those that it calls installed, and no others.
   * @param ends whose hosts have lost nothing
   * @returns the names of those that are
   */
  async settled(names: readonly string[], ends: readonly End[] = ["a", "b"]): Promise<readonly string[]> {
    const look = async () => {
      const there = await Promise.all([this.status("a"), this.status("b")]);
      const installed = there.map((reports) => stateIn(reports, names, "installed"));
      const underWay = there.flatMap((reports) => [
        ...stateIn(reports, names, "queued"),
        ...stateIn(reports, names, "deleting"),
      ]);
      const read = await this.read();
      const held = ends.map((end) => names.filter((name) => read[end].sas.has(name)));
      return { isSettled: underWay.length === 0 && [...installed, ...held].every(same(installed[0] ?? [])), installed };
    };
    const { installed } = await eventually(look, ({ isSettled }) => isSettled, PATIENCE_MS);
    return installed[0] ?? [];
  }
}

const stateIn = (reports: readonly Report[], names: readonly string[], wanted: string): readonly string[] =>
  names.filter((name) =>
    reports.some(({ kind, name: of, state }) => kind === "sad" && of === name && state === wanted),
  );

const same =
  (one: readonly string[]) =>
  (other: readonly string[]): boolean =>
    JSON.stringify(one) === JSON.stringify(other);

const run = (state: string, hostsFile: string): Promise<RunningNetwork> =>
  runNetwork({ state, agents: true, args: ["--ipsec-hosts", hostsFile] });
