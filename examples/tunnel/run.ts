/**
 * Two devices that never accept a connection from outside, and a SiteAgent in the cloud that controls both; device B
 * reaches device A as well. Against a running `npm start`:
 *
 *   node examples/tunnel/run.ts [--state .qkd]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { addSites, type Operator, removeSites } from "./network.ts";
import { Processes } from "./processes.ts";

const SITES = { one: "example-a", other: "example-b", cloud: "example-cloud" } as const;
const CONTROL = "control";
const ALL_SITES = Object.values(SITES);

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function operatorOf(state: string): Operator {
  const read = (file: string): Record<string, string> => {
    try {
      return JSON.parse(readFileSync(join(state, file), "utf8")) as Record<string, string>;
    } catch (thrown) {
      throw new Error(`is npm start running in ${state}?`, { cause: thrown });
    }
  };
  const { edge = "" } = read("ports.json");
  const { operator: token = "" } = read("tokens.json");
  return { edge, token };
}

/** An agent.toml; see the one beside this file for what else may stand in it. */
const head = (edge: string, site: string): string => `
edge = "${edge}"
site = "${site}"
token_file = "token"
state = "state"
[log.console]
format = "json"
`;
const service = (address: string, allow: readonly string[]): string => `
[[service]]
name = "${CONTROL}"
host = "${address.split(":")[0]}"
port = ${address.split(":")[1]}
allow = ${JSON.stringify(allow)}
`;
const listen = (site: string): string => `
[[listen]]
port = 0
site = "${site}"
service = "${CONTROL}"
wait_ms = 10000
`;

async function show(operator: Operator, folder: string, processes: Processes): Promise<number | null> {
  const { edge } = operator;
  const { one, other, cloud } = SITES;
  const tokens = await addSites(operator, ALL_SITES);
  const start = async (site: string, ...tables: string[]) =>
    await processes.agent(join(folder, site), head(edge, site) + tables.join(""), tokens[site] ?? "");

  const [deviceA, deviceB] = [await processes.device("device A"), await processes.device("device B")];
  say(`device A listens at ${deviceA}, device B at ${deviceB}: each for its own site only`);
  await start(one, service(deviceA, [other, cloud]));
  const atB = await start(other, service(deviceB, [cloud]), listen(one));
  const atCloud = await start(cloud, listen(one), listen(other));
  const [aFromB = "", a = "", b = ""] = [
    atB[`${one}/${CONTROL}`],
    atCloud[`${one}/${CONTROL}`],
    atCloud[`${other}/${CONTROL}`],
  ];
  say(`site B finds device A at ${aFromB}; the cloud finds device A at ${a} and device B at ${b}`);
  return await processes.siteAgent([a, b, aFromB]);
}

// Ctrl-C reaches the others too: they end, and what was changed is put back.
process.on("SIGINT", () => undefined);
const { values } = parseArgs({ options: { state: { type: "string", default: ".qkd" } } });
const folder = mkdtempSync(join(tmpdir(), "qkd-tunnel-"));
const processes = new Processes();
try {
  const operator = operatorOf(values.state);
  try {
    process.exitCode = (await show(operator, folder, processes)) ?? 1;
  } finally {
    await processes.end();
    await removeSites(operator, ALL_SITES);
  }
} catch (thrown) {
  process.stderr.write(`examples/tunnel: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
