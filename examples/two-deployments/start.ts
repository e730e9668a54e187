/**
 * Two deployments on one machine, each with two nodes of a chain: sae-a at one end of it and sae-b at the other exchange
 * keys. Ends with Ctrl-C, or with the process that started it.
 *
 *   node examples/two-deployments/start.ts [--state .qkd/two-deployments]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { runCommand } from "../../scripts/start/main.ts";
import { loadDemoTokens, readTokens } from "../../scripts/start/secrets.ts";
import { stopSignal } from "../../scripts/start/stop-signal.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { type Deployment, HOSTED, introduced, type NodeEntry, ownNetwork, saesOf } from "./documents.ts";
import { exchange } from "./exchange.ts";
import { type Operator, Processes, qkd } from "./processes.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface Running extends Operator {
  readonly deployment: Deployment;
  readonly own: NetworkDocumentInput;
}

/** With nodes of its own only. */
async function begin(deployment: Deployment, root: string, processes: Processes): Promise<Running> {
  const state = join(root, deployment);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const own = ownNetwork(deployment, loadDemoTokens(join(state, "tokens.json")));
  const config = join(state, "own-network.json");
  writeFileSync(config, JSON.stringify(own, null, 2));
  await processes.edge(state, config);
  const { edge } = JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as { edge: string };
  say(`deployment ${deployment} hosts ${HOSTED[deployment].join(" and ")} at ${edge}`);
  return { deployment, state, edge, own };
}

/** What the operator hands over to the other one: its nodes, their public keys, and their SAEs. */
async function identities(running: Running): Promise<readonly NodeEntry[]> {
  const { deployment, edge, own } = running;
  return await Promise.all(
    HOSTED[deployment].map(async (node) => {
      const printed = await qkd(running, "node", "identity", node, "--public-url", edge);
      const { id, remote } = JSON.parse(printed) as { id: string; remote: NonNullable<NodeEntry["remote"]> };
      return { id, remote: { ...remote, saes: [...saesOf(own, node)] } };
    }),
  );
}

/** What the other operator does with it. */
async function introduce(running: Running, others: readonly NodeEntry[]): Promise<void> {
  const file = join(running.state, "network.json");
  writeFileSync(file, JSON.stringify(introduced(running.own, others), null, 2));
  await qkd(running, "network", "apply", file);
}

await runCommand("examples/two-deployments", async () => {
  const stop = stopSignal();
  const { values } = parseArgs({ options: { state: { type: "string", default: ".qkd/two-deployments" } } });
  const root = resolve(values.state);
  const processes = new Processes();
  try {
    const [one, two] = await Promise.all([begin("one", root, processes), begin("two", root, processes)]);
    const [ofOne, ofTwo] = await Promise.all([identities(one), identities(two)]);
    await Promise.all([introduce(one, ofTwo), introduce(two, ofOne)]);
    processes.devices(one, two);
    say("each knows the other's nodes; the link tn-2 - tn-3 is fed at both ends");
    const tokens = { one: readTokens(join(one.state, "tokens.json")), two: readTokens(join(two.state, "tokens.json")) };
    const a = { sae: "sae-a", edge: one.edge, token: tokens.one["sae-a"] ?? "" };
    const b = { sae: "sae-b", edge: two.edge, token: tokens.two["sae-b"] ?? "" };
    for (const [master, slave] of [
      [a, b],
      [b, a],
    ] as const) {
      const ids = await exchange(master, slave, stop);
      if (ids !== null) say(`${master.sae} and ${slave.sae} have the same key: ${ids.join(", ")}`);
    }
    say("two deployments ready");
    if (!stop.aborted) {
      const stopped = new Promise<void>((done) => stop.addEventListener("abort", () => done()));
      await Promise.race([stopped, processes.oneEnded()]);
    }
  } finally {
    await processes.end();
  }
  return 0;
});
