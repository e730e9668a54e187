/**
 * Two IPsec hosts (real NETCONF servers, netconfd behind sshd), the edge and the site agents of `npm start` as their proxy
 * agents, and a controller: a tunnel is set up, read back from both hosts, made anew, and deleted.
 *
 *   node examples/ipsec/run.ts [--state .qkd/ipsec] [--modules DIR]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { StartFailure } from "../../scripts/start/failure.ts";
import { runCommand } from "../../scripts/start/main.ts";
import { readTokens } from "../../scripts/start/secrets.ts";
import { stopSignal } from "../../scripts/start/stop-signal.ts";
import { Netconfd, netconfdMissing, YANG } from "../../test/support/netconf.ts";
import { endAll } from "../end-all.ts";
import { startEdge } from "../start-edge.ts";
import { type Answer, deletionOf, entriesOf, saName, send, type Tunnel } from "./controller.ts";
import { hostsToml } from "./hosts-file.ts";
import { compared, type Installed, Reader } from "./installed.ts";

const TUNNEL: Tunnel = {
  a: "10.0.0.11/32",
  b: "10.0.0.20/32",
  reqid: "1",
  spis: [1001, 1002],
  cipher: "aes-gcm-16-256",
};
const NODES = ["tn-1", "tn-2"] as const;
const LOOK_MS = 200;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface Chain {
  readonly edge: string;
  readonly operator: string;
  /** Of the proxy agents of a and b. */
  readonly proxies: readonly [a: string, b: string];
  readonly readers: readonly [a: Reader, b: Reader];
}

function tell(node: string, { entries }: Answer): void {
  for (const { kind, name, state, reason, message, sources } of entries) {
    const why = reason === undefined ? "" : `: ${reason}, ${message}`;
    say(`  ${node}  ${kind} ${name}  ${state}${sources === undefined ? "" : `, key of ${sources.join(" + ")}`}${why}`);
  }
}

async function both(chain: Chain, method: "POST" | "DELETE", entries: (host: "a" | "b") => readonly object[]) {
  const [a, b] = chain.proxies;
  const startMs = performance.now();
  const answers = await Promise.all([send(a, method, entries("a")), send(b, method, entries("b"))]);
  const tookMs = Math.round(performance.now() - startMs);
  say(`the controller: ${method} to both proxy agents, ${tookMs} ms`);
  for (const [at, answer] of answers.entries()) tell(NODES[at] ?? "", answer);
}

async function readBoth({ readers: [a, b] }: Chain): Promise<readonly [Installed, Installed]> {
  return await Promise.all([a.read(), b.read()]);
}

/** @returns names of the SAs */
async function show(chain: Chain): Promise<readonly string[]> {
  const [a, b] = await readBoth(chain);
  const names = [...new Set([...a.sas.keys(), ...b.sas.keys()])].toSorted();
  say(`the hosts: ${a.policies.length} and ${b.policies.length} policies, ${a.sas.size} and ${b.sas.size} SAs`);
  for (const name of names) say(`  ${compared(name, a, b)}`);
  return names;
}

/** Resolves once the new SAs are there, and the old ones are gone. */
async function rekey(chain: Chain, olds: readonly string[], signal: AbortSignal): Promise<void> {
  const [name] = olds;
  const response = await fetch(`${chain.edge}/api/v1/nodes/${NODES[0]}/ipsec/rekey`, {
    method: "POST",
    headers: { authorization: `Bearer ${chain.operator}`, "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  if (response.status !== 202) throw new StartFailure(`no rekey: ${response.status} ${await response.text()}`);
  say("the operator: a rekey of the tunnel");
  for (let seen = ""; ; await sleep(LOOK_MS, undefined, { signal })) {
    const sas = (await readBoth(chain)).map((each) => [...each.sas.keys()]);
    const state = sas.map((each) => `${each.filter((one) => olds.includes(one)).length} old`).join(" and ");
    const news = sas.map((each) => `${each.filter((one) => !olds.includes(one)).length} new`).join(" and ");
    if (`${state}, ${news}` !== seen) say(`  at the hosts ${state} SAs, ${news}`);
    seen = `${state}, ${news}`;
    if (sas.every((each) => each.length === olds.length && !each.some((one) => olds.includes(one)))) return;
  }
}

async function tour(chain: Chain, signal: AbortSignal): Promise<void> {
  await both(chain, "POST", (host) => entriesOf(TUNNEL, host));
  await show(chain);
  const { a, b, spis } = TUNNEL;
  await rekey(chain, [saName(a, b, spis[0]), saName(b, a, spis[1])], signal);
  const now = await show(chain);
  const { reqid } = TUNNEL;
  const policies = (host: "a" | "b") => deletionOf(entriesOf(TUNNEL, host).filter((entry) => "spd-entry" in entry));
  await both(chain, "DELETE", (host) => [...policies(host), ...now.map((name) => ({ "sad-entry": { name, reqid } }))]);
  await show(chain);
}

await runCommand("examples/ipsec", async () => {
  const stop = stopSignal();
  const options = {
    state: { type: "string", default: ".qkd/ipsec" },
    modules: { type: "string", default: YANG },
  } as const;
  const { values } = parseArgs({ options });
  const missing = netconfdMissing(values.modules);
  if (missing !== null) throw new StartFailure(`${missing} (examples/ipsec/README.md)`);
  const state = resolve(values.state);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const ends: (() => Promise<unknown>)[] = [];
  try {
    const start = async (): Promise<Netconfd> => {
      const host = await Netconfd.start({ target: "candidate", modules: resolve(values.modules) });
      ends.push(() => host.stop());
      return host;
    };
    const hosts = [await start(), await start()] as const;
    const hostsFile = join(state, "ipsec-hosts.toml");
    writeFileSync(hostsFile, hostsToml({ "tn-1": hosts[0], "tn-2": hosts[1] }), { mode: 0o600 });
    say(`IPsec hosts: ${hosts.map(({ port }, at) => `${NODES[at]} behind netconfd at port ${port}`).join(", ")}`);
    const edge = startEdge(["--state", state, "--random-ports", "--ipsec-hosts", hostsFile]);
    ends.push(() => endAll([edge.child]));
    await edge.ready;
    const readers = [new Reader(hosts[0].config), new Reader(hosts[1].config)] as const;
    ends.push(...readers.map((reader) => () => reader.close()));
    const ports = JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as {
      edge: string;
      ipsec: Record<(typeof NODES)[number], string>;
    };
    say(`proxy agents: ${NODES.map((node) => `${node} at ${ports.ipsec[node]}`).join(", ")}`);
    const chain: Chain = {
      edge: ports.edge,
      operator: readTokens(join(state, "tokens.json"))["operator"] ?? "",
      proxies: [ports.ipsec["tn-1"], ports.ipsec["tn-2"]],
      readers,
    };
    await tour(chain, stop);
  } finally {
    for (const end of ends.toReversed()) await end();
  }
  return 0;
});
