/**
 * `npm run bench:audit`: round trips (enc_keys and dec_keys) at the edge itself, in turns with the audit log and without:
 * the same engine, whose objects are told to write no events. No KME front stands before it: there the share would be less.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, connectToEdge } from "../load/connection.ts";
import { keyIdsOf, sameKeys } from "../load/containers.ts";
import { runWorkers } from "../load/workers.ts";
import { factsOf, runBench } from "../command.ts";
import { fillUp, type OwnEdge, startOwnEdge } from "../own-edge.ts";
import { cpuMs } from "../processes/child.ts";
import { progress } from "../progress.ts";
import { publish } from "../publish.ts";
import { type AuditOptions, CONNECTIONS, parseOptions, type Part, PARTS, USAGE } from "./options.ts";
import { figuresOf, type Measured, type Round, sectionOf } from "./report.ts";
import { SWITCH_PATH } from "./switch.ts";

const LINK = "tn-1-tn-2";
const KEY_BYTES = 32;
/** Above what any machine so far does in a second. */
const TRIPS_PER_S = { "1": 6000, "100": 1500 } as const satisfies Record<Part, number>;
const WARM_UP_MS = 500;
/** Events that are left over are shipped within a second or so: not at the other's cost. */
const SETTLE_MS = 1500;

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  progress("starting the edge");
  const edge = await startOwnEdge(join(import.meta.dirname, "worker", "index.ts"), true);
  const results: Record<string, Round[]> = {};
  try {
    for (const part of options.parts) {
      progress(`${part} keys a request`);
      await measure(edge, part, true, options);
      const rounds: Round[] = [];
      for (let round = 0; round < options.rounds; round++) rounds.push(await measureRound(edge, part, round, options));
      results[part] = rounds;
    }
  } finally {
    await edge.stop();
  }
  publish({
    section: sectionOf(results, factsOf("bench:audit", argv)),
    figures: figuresOf(results),
    json: options.json,
    mark: options.quick || options.parts.length < PARTS.length ? null : "audit",
  });
}

/** Each is first in its turn. */
async function measureRound(edge: OwnEdge, part: Part, round: number, options: AuditOptions): Promise<Round> {
  const measured = new Map<boolean, Measured>();
  for (const isOn of round % 2 === 0 ? [true, false] : [false, true]) {
    measured.set(isOn, await measure(edge, part, isOn, options));
  }
  const [on, off] = [measured.get(true), measured.get(false)];
  if (on === undefined || off === undefined) throw new Error("a round has two runs");
  return { with: on, without: off };
}

async function measure(edge: OwnEdge, part: Part, isOn: boolean, { measureMs }: AuditOptions): Promise<Measured> {
  const switched = await fetch(edge.url + SWITCH_PATH, { method: "POST", body: isOn ? "on" : "off" });
  if (switched.status !== 204) throw new Error("the bench's Worker cannot be switched");
  const seconds = (WARM_UP_MS + measureMs) / 1000;
  await fillUp(edge, LINK, TRIPS_PER_S[part] * seconds * Number(part) * KEY_BYTES);
  await sleep(SETTLE_MS);
  const endpoint = (sae: string, other: string) => ({
    url: `${edge.url}/api/v1/keys/${other}`,
    token: edge.tokens[sae] ?? "",
  });
  const workers = Array.from({ length: CONNECTIONS }, () => {
    const [master, slave] = [connectToEdge(endpoint("sae-a", "sae-c")), connectToEdge(endpoint("sae-c", "sae-a"))];
    const step = async () => await roundTrip(master, slave, Number(part));
    return { prepare: step, step, close: () => [master, slave].forEach((connection) => connection.close()) };
  });
  const before = cpuMs(edge.enginePid);
  const ran = await runWorkers(workers, { warmUpMs: WARM_UP_MS, measureMs });
  if (ran.problems.length > 0) throw new Error(`under load: ${ran.problems.join("; ")}`);
  return { perS: ran.perS, cpuMs: (cpuMs(edge.enginePid) - before) / ran.turns };
}

async function roundTrip(master: Connection, slave: Connection, keys: number): Promise<string | null> {
  const enc = await master.request("GET", `/enc_keys?number=${keys}&size=${8 * KEY_BYTES}`);
  if (enc.status !== 200) return `enc_keys answered ${enc.status}: ${enc.body.slice(0, 200)}`;
  const ids = keyIdsOf(enc.body);
  const body = JSON.stringify({ key_IDs: ids.map((key_ID) => ({ key_ID })) });
  const dec = await slave.request("POST", "/dec_keys", body);
  if (dec.status !== 200) return `dec_keys answered ${dec.status}: ${dec.body.slice(0, 200)}`;
  return sameKeys(enc.body, dec.body) ? null : "the two ends got unequal keys";
}

await runBench(USAGE, main);
