/**
 * `npm run bench`: the demo network under load, against a server that does nothing. Absolute figures depend on the
 * machine and its neighbours; the ratios hold.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type as osType } from "node:os";
import { join } from "node:path";
import { runNetwork, type RunningNetwork } from "../test/support/run-network.ts";
import { residentBytes, startLoadTool, startNoop, type LoadTool, type Noop } from "./children.ts";
import type { Endpoint, LoadResult, LoadSpec } from "./load.ts";
import { KEY_SIZE_BITS, parseOptions, scenariosOf, USAGE, type BenchOptions, type Scenario } from "./options.ts";
import { measuredSection, ratiosOf, replaceMeasured, tableOf, type ScenarioResult } from "./report.ts";

const RESULTS = join(import.meta.dirname, "results.md");
const WARM_UP_MS = 500;
/** Above what any machine so far takes in a second: keys of 256 bits, a hundred a request. */
const PREFILL_MB_PER_MEASURED_SECOND = 2;

interface Bench {
  readonly options: BenchOptions;
  readonly demo: RunningNetwork;
  readonly noop: Noop;
  readonly load: LoadTool;
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const scenarios = scenariosOf(options.connections);
  const ends: (() => Promise<unknown>)[] = [];
  try {
    // Only the bulk scenario takes much key.
    const prefillMb = Math.min(192, 8 + PREFILL_MB_PER_MEASURED_SECOND * options.rounds * (options.seconds + 1));
    console.log(`starting the demo network with ${prefillMb} MB of key in each link ...`);
    const demo = await runNetwork({ args: ["--prefill", String(prefillMb)] });
    ends.push(() => demo.stop());
    const noop = await startNoop({
      ...serverFiles(certsOf(demo)),
      keyCounts: [...new Set(scenarios.map(({ keysPerRequest }) => keysPerRequest))],
      sizeBits: KEY_SIZE_BITS,
    });
    ends.push(() => noop.stop());
    const load = startLoadTool();
    ends.push(() => load.stop());
    const results = await measureAll({ options, demo, noop, load }, scenarios);
    publish(options, argv, results);
    return 0;
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

const certsOf = ({ state }: RunningNetwork): string => join(state, "certs");
const serverFiles = (certs: string) => ({
  cert: join(certs, "tn-1.crt"),
  key: join(certs, "tn-1.key"),
  ca: join(certs, "ca.crt"),
});

async function measureAll(bench: Bench, scenarios: readonly Scenario[]): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    const rounds = [];
    let checkedKeys = 0;
    for (let round = 1; round <= bench.options.rounds; round++) {
      console.log(`${scenario.connections} connections, ${scenario.keysPerRequest} keys a request, round ${round} ...`);
      const noop = await measure(bench, noopSpec(bench, scenario));
      const kme = await measure(bench, kmeSpec(bench, scenario));
      rounds.push({ noop, kme });
      checkedKeys += kme.checkedKeys;
    }
    results.push({ scenario, rounds, checkedKeys, engineRssBytes: residentBytes(bench.demo.pids.engine) });
  }
  return results;
}

/** @throws Error when anything went wrong: a bench of failures means nothing */
async function measure({ load }: Bench, spec: LoadSpec): Promise<LoadResult> {
  const result = await load.run(spec);
  if (result.problems.length > 0) throw new Error(`under load: ${result.problems.join("; ")}`);
  return result;
}

const common = ({ options }: Bench, { connections, keysPerRequest }: Scenario) => ({
  connections,
  keysPerRequest,
  sizeBits: KEY_SIZE_BITS,
  warmUpMs: WARM_UP_MS,
  measureMs: options.seconds * 1000,
});

function kmeSpec(bench: Bench, scenario: Scenario): LoadSpec {
  const { demo } = bench;
  return {
    ...common(bench, scenario),
    master: endpoint(demo, "sae-a", `${demo.kme["tn-1"]}/api/v1/keys/sae-c`),
    slave: endpoint(demo, "sae-c", `${demo.kme["tn-2"]}/api/v1/keys/sae-a`),
    keysAreUnique: true,
  };
}

/** A no-op round trip is two no-op requests of the same sizes. */
function noopSpec(bench: Bench, scenario: Scenario): LoadSpec {
  const url = (sae: string): string => `${bench.noop.url}/${scenario.keysPerRequest}/api/v1/keys/${sae}`;
  return {
    ...common(bench, scenario),
    master: endpoint(bench.demo, "sae-a", url("sae-c")),
    slave: endpoint(bench.demo, "sae-c", url("sae-a")),
    keysAreUnique: false,
  };
}

function endpoint(demo: RunningNetwork, sae: string, url: string): Endpoint {
  const read = (name: string): string => readFileSync(join(certsOf(demo), name), "utf8");
  return { url, cert: read(`${sae}.crt`), key: read(`${sae}.key`), ca: read("ca.crt") };
}

function publish(options: BenchOptions, argv: readonly string[], results: readonly ScenarioResult[]): void {
  const ratios = ratiosOf(results);
  console.log(`\n${tableOf(results)}\n`);
  for (const [name, value] of Object.entries(ratios)) console.log(`${name}: ${value}`);
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(ratios, null, 2)}\n`);
  if (options.quick) return;
  const command = ["npm run bench", ...(argv.length === 0 ? [] : ["--", ...argv])].join(" ");
  const section = measuredSection(results, { command, machine: machine() });
  writeFileSync(RESULTS, replaceMeasured(readFileSync(RESULTS, "utf8"), section));
  console.log(`written to ${RESULTS}`);
}

function machine(): string {
  const cores = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cores.length} cores (${cores[0]?.model.trim() ?? "unknown"}), ${memory}, ${osType()} ${release().split("-")[0]}, Node ${process.versions.node}`;
}

const argv = process.argv.slice(2);
if (argv.includes("--help") || argv.includes("-h")) console.log(USAGE);
else {
  try {
    process.exitCode = await main(argv);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
