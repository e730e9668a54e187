/**
 * QKD modules in site agents: two agents as processes, the classical channels through the tunnel of a running edge, key
 * into the pool from both ends.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, onTestFailed, test } from "vitest";
import { drainKeys } from "../support/drain-keys.ts";
import { KeyScan } from "../support/key-scan.ts";
import { pushedDemo } from "../support/network-document.ts";
import { eventually, linkState } from "../support/operator.ts";
import { ownPort } from "../support/own-port.ts";
import { type RunningNetwork, runNetwork } from "../support/run-network.ts";
import { AgentProcess } from "../support/tunnel-net.ts";

const LINK = "tn-1-tn-2";
const PATIENCE_MS = 40_000;
const KILLS = process.env["QKD_TEST_LONG"] === undefined ? 3 : 6;
/** Blocks take some 300 ms: a kill comes in the middle of one, or of starting, or of neither. */
const LONGEST_LIFE_MS = 2500;
const SCANNED_KEYS = 300;

/** Short blocks that give some key all the same: a clear line, and many pulses in the test basis. */
const FEEDS = {
  bb84: { loss_db: 0, misalignment: 0.0005, key_basis_probability: 0.4, key_basis_detections: 20_000 },
  fake: { key_rate_bps: 500_000 },
};
type Sim = keyof typeof FEEDS;
const SIMS = Object.keys(FEEDS) as readonly Sim[];
type Settings = Readonly<Record<string, number>>;

const ENDS = {
  sender: { site: "site-a", node: "tn-1" },
  receiver: { site: "site-b", node: "tn-2" },
} as const;
type Role = keyof typeof ENDS;
const ROLES = Object.keys(ENDS) as readonly Role[];

let network: RunningNetwork;
let folder: string;
/** By simulation: where the sender's module listens, and where the receiver's agent listens for it. */
const ports = new Map<string, number>();
const outputs: AgentProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "qkd-modules-"));
  network = await runNetwork({ args: ["--prefill", "0"], network: pushedDemo({ [LINK]: { feed: "two-ended" } }) });
  for (const role of ROLES) for (const sim of SIMS) ports.set(`${role} ${sim}`, await ownPort());
});
afterAll(async () => {
  await network.stop();
  rmSync(folder, { recursive: true, force: true });
});

const toml = (table: string, members: Readonly<Record<string, unknown>>): string =>
  [`\n[[${table}]]`, ...Object.entries(members).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)].join(
    "\n",
  );

function tablesOf(role: Role, sim: Sim, settings: Settings): string[] {
  const [there, here] = ROLES.map((each) => ports.get(`${each} ${sim}`) ?? 0);
  const feed = {
    type: "qkd-module",
    name: sim,
    link: LINK,
    node: ENDS[role].node,
    role,
    sim,
    peer_public_key: "as-told",
    ...FEEDS[sim],
    ...settings,
  };
  return role === "sender"
    ? [
        toml("service", { name: sim, host: "127.0.0.1", port: there, allow: ["site-b"] }),
        toml("feed", { ...feed, listen: `127.0.0.1:${there}` }),
      ]
    : [
        toml("listen", { port: here, site: "site-a", service: sim, wait_ms: 10_000 }),
        toml("feed", { ...feed, connect: `127.0.0.1:${here}` }),
      ];
}

/** On the state that it had before. */
function startAgent(role: Role, settings: Settings = {}): AgentProcess {
  const { site, node } = ENDS[role];
  const own = join(folder, site);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  writeFileSync(join(own, "token"), network.tokens[`enrol-agent-${node}`] ?? "", { mode: 0o600 });
  const head = [`edge = "${network.edge}"`, `site = "${site}"`, 'token_file = "token"', 'state = "state"'];
  const log = ["\n[log.console]", 'format = "json"'];
  const tables = SIMS.flatMap((sim) => tablesOf(role, sim, settings));
  writeFileSync(join(own, "agent.toml"), [...head, ...log, ...tables, ""].join("\n"));
  const agent = new AgentProcess(["run", join(own, "agent.toml")]);
  outputs.push(agent);
  onTestFailed(() => {
    const notable = agent.output.split("\n").filter((line) => !line.includes("released"));
    // oxlint-disable-next-line no-console -- what it said, without its many blocks that went well
    console.log(notable.join("\n"));
  });
  return agent;
}

type Fields = Readonly<Record<string, string | number | boolean | null>>;
interface Line {
  readonly message: string;
  readonly fields: Fields;
}
const linesOf = (agent: AgentProcess, message: string): readonly Fields[] =>
  agent.output
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.message === message)
    .map(({ fields }) => fields);

const untilLine = async (agent: AgentProcess, message: string, good: (fields: Fields) => boolean): Promise<Fields> =>
  (
    await eventually(
      async () => await Promise.resolve(linesOf(agent, message).filter((fields) => good(fields))),
      (found) => found.length > 0,
      PATIENCE_MS,
    )
  )[0] ?? {};

type Gauges = Readonly<Record<Sim, Fields>>;
const sum = (of: string, each: Gauges): number => SIMS.reduce((all, sim) => all + Number(each[sim][of]), 0);

/** Of both feeds, as the agent logs them when it is asked to. */
async function gauges(agent: AgentProcess): Promise<Gauges> {
  // Before, it has not got as far as to know the signal.
  for (const sim of SIMS) await untilLine(agent, "qkd module", ({ feed }) => feed === sim);
  const before = linesOf(agent, "gauges").length;
  agent.process.kill("SIGUSR2");
  const now = await eventually(
    async () => await Promise.resolve(linesOf(agent, "gauges").slice(before)),
    (lines) => SIMS.every((sim) => lines.some(({ feed }) => feed === sim)),
    PATIENCE_MS,
  );
  const [bb84 = {}, fake = {}] = SIMS.map((sim) => now.find(({ feed }) => feed === sim));
  return { bb84, fake };
}

const isReleased =
  (sim: Sim) =>
  ({ feed, outcome }: Fields): boolean =>
    feed === sim && outcome === "released";

test(
  "key of both simulations arrives in the pool; QBER and rates stand in the log and the gauges",
  async () => {
    const agents = ROLES.map((role) => startAgent(role));
    for (const agent of agents) {
      const report = await untilLine(agent, "qkd block", isReleased("bb84"));
      expect(report["qberX"]).toBeGreaterThan(0);
      expect(report["qberX"]).toBeLessThan(0.003);
      expect(report["keyBits"]).toBeGreaterThan(0);
      expect(report["siftedKeyBits"]).toBe(FEEDS.bb84.key_basis_detections);
      await untilLine(agent, "qkd block", isReleased("fake"));
    }
    const first = await eventually(
      async () => await linkState(network, LINK),
      ({ ledger_bits: ledger }) => (ledger["available"] ?? 0) > 0,
      PATIENCE_MS,
    );
    await eventually(
      async () => await linkState(network, LINK),
      ({ ledger_bits: ledger }) => (ledger["available"] ?? 0) > (first.ledger_bits["available"] ?? 0),
      PATIENCE_MS,
    );
    for (const agent of agents) {
      const { bb84, fake } = await gauges(agent);
      expect(bb84["qberX"]).toBeGreaterThan(0);
      for (const each of [bb84, fake]) {
        expect(each["keyRateBps"]).toBeGreaterThan(0);
        expect(each["blocksReleased"]).toBeGreaterThan(0);
      }
      expect(agent.output).not.toContain("feed alarm");
    }
  },
  3 * PATIENCE_MS,
);

/** Blocks that are not in the pool yet. */
const UNDER_WAY = ["spoolBlocks", "finishedBlocks", "unsettledBlocks"];

test(
  "either agent killed at any moment: what both ends made is in the pool, once, and equal",
  async () => {
    const seed = Number(process.env["QKD_TEST_SEED"] ?? 20_261_121);
    // oxlint-disable-next-line no-console -- to repeat a run
    console.log(`qkd-module-agents: seed ${seed}`);
    const life = fc.record({ role: fc.constantFrom(...ROLES), lifeMs: fc.integer({ min: 0, max: LONGEST_LIFE_MS }) });
    const agents = { sender: startAgent("sender"), receiver: startAgent("receiver") };
    for (const { role, lifeMs } of fc.sample(life, { seed, numRuns: KILLS })) {
      await new Promise((resolve) => setTimeout(resolve, lifeMs));
      await agents[role].kill();
      agents[role] = startAgent(role);
    }
    for (const role of ROLES) await untilLine(agents[role], "qkd block", isReleased("bb84"));
    // Nothing new from here on: what is there comes in.
    for (const role of ROLES) {
      await agents[role].stop();
      agents[role] = startAgent(role, { max_key_count: 1 });
    }
    const total = async (): Promise<{ made: readonly number[]; rest: number; ingested: number; unmatched: number }> => {
      const shown = [await gauges(agents.sender), await gauges(agents.receiver)];
      const { ledger_bits: ledger, ingested_bits: ingested } = await linkState(network, LINK);
      return {
        made: shown.map((each) => sum("keyBits", each)),
        rest: shown.reduce((all, each) => all + UNDER_WAY.reduce((count, of) => count + sum(of, each), 0), 0),
        ingested,
        unmatched: ledger["unmatched"] ?? 0,
      };
    };
    await eventually(
      total,
      ({ made, rest, ingested, unmatched }) => made.every((bits) => bits === ingested) && rest + unmatched === 0,
      PATIENCE_MS,
    );
    const { conserved, ledger_bits: ledger } = await linkState(network, LINK);
    expect(conserved).toBe(true);
    expect(ledger).toMatchObject({ unmatched: 0, quarantined: 0 });

    const keys = await drainKeys(network, { sae: "sae-a", node: "tn-1" }, { sae: "sae-c", node: "tn-2" });
    expect(new Set(keys.map((key) => key.toString("latin1"))).size).toBe(keys.length);
    const scan = new KeyScan();
    for (const key of keys.slice(0, SCANNED_KEYS)) scan.add(key);
    for (const { output } of outputs) expect(scan.find(output)).toBeNull();
    for (const role of ROLES) {
      for (const sim of SIMS) {
        const journal = readFileSync(join(folder, ENDS[role].site, "state", "spool", sim, "module.journal"));
        expect(scan.find(journal.toString("latin1"))).toBeNull();
      }
    }
  },
  3 * PATIENCE_MS,
);

test(
  "Eve on a third of the pulses is an alarm at both ends, and no key of that module comes in",
  async () => {
    const agents = {
      sender: startAgent("sender", { eve_share: 0.3, misalignment: 0.02 }),
      receiver: startAgent("receiver"),
    };
    for (const role of ROLES) {
      const alarm = await untilLine(
        agents[role],
        "feed alarm",
        ({ feed, code }) => feed === "bb84" && code === "qber-above-bound",
      );
      expect(alarm["detail"]).toContain("QBER");
      const report = await untilLine(
        agents[role],
        "qkd block",
        ({ feed, outcome }) => feed === "bb84" && outcome === "aborted",
      );
      expect(report["keyBits"]).toBe(0);
      expect(linesOf(agents[role], "qkd block").filter(isReleased("bb84"))).toEqual([]);
    }
  },
  3 * PATIENCE_MS,
);
