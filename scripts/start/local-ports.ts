/**
 * On which ports the demo's site agents serve applications that speak ETSI GS QKD 004: a QKD module, the hybridization
 * module's JSON, and the binary frames, each for one SAE of its site.
 */
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkDocument } from "../../shared/network/document.ts";
import type { Etsi004Config } from "../../tunnel/services/etsi004/config.ts";
import { StartFailure } from "./failure.ts";
import { checkPort, freePort, HOST } from "./ports.ts";

type Capability = "qkdModule" | "etsi004Json" | "etsi004Binary";

/** Something of an agent that listens, once the agent runs. */
export interface Listens {
  readonly port: number;
  /** As people are told. */
  readonly address: string;
}

export interface LocalPort {
  readonly capability: Capability;
  readonly node: string;
  readonly sae: string;
  readonly port: number;
}

interface Kind {
  readonly kind: Etsi004Config["kind"];
  /** As the banner calls it. */
  readonly name: string;
  /** Before host and port in ports.json. */
  readonly scheme: string;
}

const KINDS: Readonly<Record<Capability, Kind>> = {
  qkdModule: { kind: "qkd-module", name: "QKD module", scheme: "http://" },
  etsi004Json: { kind: "json-tcp", name: "JSON", scheme: "" },
  etsi004Binary: { kind: "binary", name: "binary", scheme: "" },
};

const USUAL: readonly LocalPort[] = [
  { capability: "qkdModule", node: "tn-1", sae: "sae-a", port: 5000 },
  { capability: "qkdModule", node: "tn-2", sae: "sae-c", port: 5001 },
  { capability: "etsi004Json", node: "tn-1", sae: "sae-a", port: 65_430 },
  { capability: "etsi004Json", node: "tn-2", sae: "sae-c", port: 65_431 },
  { capability: "etsi004Json", node: "tn-3", sae: "sae-d", port: 65_432 },
  { capability: "etsi004Binary", node: "tn-1", sae: "sae-a", port: 25_575 },
  { capability: "etsi004Binary", node: "tn-2", sae: "sae-c", port: 25_576 },
];

export interface LocalPlan {
  readonly local: readonly LocalPort[];
  readonly notes: readonly string[];
}

const isThere = ({ saes }: NetworkDocument, { node, sae }: LocalPort): boolean =>
  saes.some((each) => each.id === sae && each.node === node);

/** Nodes at which applications are served. */
export const servingNodes = (network: NetworkDocument): readonly string[] =>
  USUAL.filter((usual) => isThere(network, usual)).map(({ node }) => node);

/**
 * A port that is taken is left out, with a note: nothing else depends on it.
 * @param nodes of the sites whose agents run
 */
export async function localPorts(
  network: NetworkDocument,
  nodes: readonly string[],
  random: boolean,
): Promise<LocalPlan> {
  const local: LocalPort[] = [];
  const notes: string[] = [];
  for (const usual of USUAL.filter((each) => nodes.includes(each.node) && isThere(network, each))) {
    const taken = await portOrNote(usual.port, `the ${KINDS[usual.capability].name} of ${usual.node}`, random);
    if ("note" in taken) notes.push(taken.note);
    else local.push({ ...usual, ...taken });
  }
  return { local, notes };
}

/** The usual port or a random one; or why it cannot be had. */
export async function portOrNote(
  usual: number,
  use: string,
  random: boolean,
): Promise<{ readonly port: number } | { readonly note: string }> {
  try {
    if (random) return { port: await freePort() };
    await checkPort(usual, use);
    return { port: usual };
  } catch (thrown) {
    if (thrown instanceof StartFailure) return { note: `note: ${thrown.message}` };
    throw thrown;
  }
}

/** As it stands in agent.toml. The other module runs on this machine as well. */
export const localTable = ({ capability, sae, node, port }: LocalPort) => ({
  kind: KINDS[capability].kind,
  address: HOST,
  port,
  sae,
  node,
  ...(capability === "qkdModule" ? { peer_modules: [HOST] } : {}),
});

export const addressOf = ({ capability, port }: LocalPort): string => `${KINDS[capability].scheme}${HOST}:${port}`;

/** For ports.json: capability -> node -> address. */
export const portsFile = (local: readonly LocalPort[]): Readonly<Record<string, Readonly<Record<string, string>>>> =>
  Object.fromEntries(
    [...Map.groupBy(local, ({ capability }) => capability)].map(([capability, ports]) => [
      capability,
      Object.fromEntries(ports.map((each) => [each.node, addressOf(each)])),
    ]),
  );

/** A line a node. */
export const localLines = (local: readonly LocalPort[]): string[] =>
  [...Map.groupBy(local, ({ node }) => node)].map(([node, ports]) => {
    const places = ports.map((each) => `${KINDS[each.capability].name} ${addressOf(each)}`);
    return `  ETSI 004  ${node}, for ${ports[0]?.sae}: ${places.join(", ")}`;
  });

const LISTEN_MS = 10_000;
const LOOK_MS = 50;

/** @returns a note for each that nobody listens on after a while */
export async function awaitListening(local: readonly Listens[], signal: AbortSignal): Promise<readonly string[]> {
  const untilMs = performance.now() + LISTEN_MS;
  const notes = await Promise.all(
    local.map(async ({ port, address }) => {
      while (!(await answers(port))) {
        signal.throwIfAborted();
        if (performance.now() >= untilMs) return [`note: the agent does not listen on ${address} yet`];
        await sleep(LOOK_MS);
      }
      return [];
    }),
  );
  return notes.flat();
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect({ port, host: HOST });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
