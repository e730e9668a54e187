/** What answers at once when it is asked, unless it stands still: the engine for its health, agents for nothing at all. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectToEdge } from "../../load/connection.ts";
import { quantile } from "../../statistics.ts";
import { JsonClient } from "./client.ts";
import type { Jobs, Stall, Stalls } from "./jobs.ts";

const PAUSE_MS = 2;
const HEALTH = "/healthz";
/** An agent answers that it does not know it. */
const NO_COMMAND = "PROBE";

interface Probe {
  readonly ask: () => Promise<unknown>;
  readonly close: () => void;
}

interface Running {
  isOver: boolean;
  readonly stalls: Promise<readonly (readonly [string, Stall])[]>;
}
let running: Running | null = null;

export async function startProbe({ url, agents }: Jobs["start-probe"]["takes"]): Promise<null> {
  const probes: [string, Probe][] = [["engine", engineProbe(url)]];
  for (const [name, port] of Object.entries(agents)) probes.push([name, agentProbe(await JsonClient.connect(port))]);
  // The first answer needs a connection.
  for (const [, { ask }] of probes) await ask();
  const run: Running = { isOver: false, stalls: Promise.resolve([]) };
  const all = probes.map(async ([name, probe]) => [name, await stallOf(probe, () => run.isOver)] as const);
  running = Object.assign(run, { stalls: Promise.all(all) });
  return null;
}

export async function stopProbe(): Promise<Stalls> {
  if (running === null) throw new Error("nothing is looked at");
  const { stalls } = Object.assign(running, { isOver: true });
  running = null;
  return Object.fromEntries(await stalls);
}

async function stallOf({ ask, close }: Probe, isOver: () => boolean): Promise<Stall> {
  const timesMs: number[] = [];
  try {
    while (!isOver()) {
      const startMs = performance.now();
      await ask();
      timesMs.push(performance.now() - startMs);
      await sleep(PAUSE_MS);
    }
  } finally {
    close();
  }
  const sorted = Float64Array.from(timesMs).sort();
  return { answers: sorted.length, p50Ms: quantile(sorted, 0.5), longestMs: quantile(sorted, 1) };
}

function engineProbe(url: string): Probe {
  const connection = connectToEdge({ url, token: "" });
  return {
    ask: async () => {
      const { status } = await connection.request("GET", HEALTH);
      if (status !== 200) throw new Error(`${HEALTH} answered ${status}`);
    },
    close: () => connection.close(),
  };
}

const agentProbe = (client: JsonClient): Probe => ({
  ask: async () => {
    if ((await client.ask(NO_COMMAND, {}))["status"] !== "error") throw new Error("an agent knows an unknown command");
  },
  close: () => client.close(),
});
