/** Every case of every binding, on the network that `npm start` runs: what the doctor says of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Application } from "../../../cli/doctor/etsi004/application.ts";
import { type Ports, type RunningTarget, runningTargets } from "../../../cli/doctor/etsi004/running.ts";
import { PLACES, type Place } from "../../../cli/doctor/etsi004/stage.ts";
import { BINDINGS, SUITES } from "../../../cli/doctor/etsi004/suites.ts";
import { runCase } from "../../../cli/doctor/runner.ts";
import type { NetworkDocument } from "../../../shared/network/document.ts";
import { drainKeys } from "../../support/drain-keys.ts";
import { changeAndWait, eventually, linkState } from "../../support/operator.ts";
import { type RunningNetwork, runNetwork } from "../../support/run-network.ts";

const LINK = "tn-1-tn-2";
const A = { sae: "sae-a", node: "tn-1" };
const B = { sae: "sae-c", node: "tn-2" };
/** Enough for all cases, and soon drained. */
const KEY_RATE_BPS = 8_000_000;
const FULL_BYTES = 128 * 1024;
const PATIENCE_MS = 30_000;
/** The longest there is: the tests wait for none of it to pass. */
const GRACE_SECONDS = 30;
/** So small that less than a chunk is left. */
const SMALLEST_KEY_BITS = 64;
/** Over all bindings together more than a thousand. */
const KSIDS = 150;

type Served = Pick<RunningTarget, "suite" | "by">;
const SERVED: readonly Served[] = [
  { suite: "native", by: "edge" },
  { suite: "client", by: "edge" },
  { suite: "websocket", by: "edge" },
  { suite: "qkd-module", by: "edge" },
  { suite: "qkd-module-0.9", by: "edge" },
  { suite: "qkd-module", by: "agent" },
  { suite: "qkd-module-0.9", by: "agent" },
  { suite: "json-tcp", by: "agent" },
  { suite: "binary", by: "agent" },
  { suite: "open-qkd-network", by: "agent" },
];
const nameOf = ({ suite, by }: Served): string => `${suite}, ${by}`;

let network: RunningNetwork;
let targets: readonly RunningTarget[];
beforeAll(async () => {
  network = await runNetwork({ agents: true });
  const ports = JSON.parse(readFileSync(join(network.state, "ports.json"), "utf8")) as Ports;
  targets = runningTargets(ports, network.tokens);
  await change(withRate(KEY_RATE_BPS));
  await eventually(
    () => linkState(network, LINK),
    ({ ledger_bits: bits }) => (bits["available"] ?? 0) >= FULL_BYTES * 4,
    PATIENCE_MS,
  );
});
afterAll(async () => await network?.stop());

const withRate = (bps: number) => (document: NetworkDocument) => ({
  ...document,
  policy: {
    ...document.policy,
    pool: { capacity_bytes: 8 * FULL_BYTES, high_bytes: FULL_BYTES, low_bytes: 4096 },
    // Where the link is dry or gone there is no other way.
    relay: { ...document.policy.relay, enabled: false },
  },
  links: document.links.map(({ module: _module, ...link }) =>
    link.id === LINK ? { ...link, source: "simulated", feed: "one-ended", key_rate_bps: bps } : link,
  ),
});
const withGrace = (seconds: number) => (document: NetworkDocument) => ({
  ...document,
  policy: { ...document.policy, delivery_grace_s: seconds },
});
const withoutLink = (document: NetworkDocument) => ({
  ...document,
  links: document.links.filter(({ id }) => id !== LINK),
});

const change = async (how: (document: NetworkDocument) => unknown): Promise<void> => await changeAndWait(network, how);

/** @param place the network is in it */
function stageOf({ suite, by }: Served, place: Place | null) {
  const found = targets.find((each) => each.suite === suite && each.by === by);
  const { target } = found ?? expect.unreachable();
  const places = place === null ? {} : { [place]: async (work: () => Promise<void>) => await work() };
  return SUITES[suite].stage({ ...target, places, ksids: KSIDS });
}

/** Those that a binding can say. */
function casesAt({ suite }: Served, place: Place | null) {
  const { reasons = {} } = BINDINGS.find(({ name }) => name === suite) ?? {};
  return SUITES[suite].cases.filter(({ needs = [] }) => {
    const where = PLACES.find((each) => needs.includes(each)) ?? null;
    return where === place && !needs.some((need) => Object.hasOwn(reasons, need));
  });
}

function runAll(place: Place | null): void {
  for (const served of SERVED) {
    const cases = casesAt(served, place);
    describe.runIf(cases.length > 0)(nameOf(served), () => {
      for (const each of cases) {
        test(`${each.id} ${each.title}`, async () => {
          const { result, why } = await runCase(each, stageOf(served, place));
          expect(result, why.join("; ")).toBe("pass");
        });
      }
    });
  }
}

test("what is served is all that `npm start` tells of", () => {
  expect(targets.map(nameOf)).toEqual(SERVED.map(nameOf));
});

describe("with key", () => {
  runAll(null);

  const naming = SERVED.filter(({ suite }) => BINDINGS.find(({ name }) => name === suite)?.can.has("ksid"));
  test.each(naming.map((one) => [nameOf(one), one] as const))(
    "one end by %s, the other by any: the same chunks",
    async (_name, one) => {
      for (const other of naming) {
        const a = await applicationAt(one, "a");
        const b = await applicationAt(other, "b");
        const ksid = (await a.open({})).ksid ?? expect.unreachable();
        await b.open({ ksid });
        const [ours, theirs] = [await firstChunk(one, a, ksid), await firstChunk(other, b, ksid)];
        expect(ours !== "" && ours === theirs, `the other by ${nameOf(other)}`).toBe(true);
      }
    },
  );
});

const bindingOf = ({ suite }: Served) => BINDINGS.find(({ name }) => name === suite) ?? expect.unreachable();

async function applicationAt(served: Served, end: "a" | "b"): Promise<Application> {
  const { parties } = stageOf(served, null);
  const application = await bindingOf(served).connect(parties[end], parties[end === "a" ? "b" : "a"]);
  onTestFinished(() => application.end());
  return application;
}

const firstChunk = async (served: Served, application: Application, ksid: Parameters<Application["getKey"]>[0]) =>
  (await application.getKey(ksid, bindingOf(served).can.has("index") ? { index: 0 } : {})).key;

describe("with a period of grace", () => {
  beforeAll(async () => await change(withGrace(GRACE_SECONDS)));
  afterAll(async () => await change(withGrace(0)));

  const twice = SERVED.flatMap((served) =>
    casesAt(served, null)
      .filter(({ id }) => id === "004-18")
      .map((each) => [nameOf(served), served, each] as const),
  );
  test.each(twice)("%s: the same end reads a chunk again, and gets the same", async (_name, served, each) => {
    const { result, why } = await runCase(each, stageOf(served, null));
    expect([result, why]).toEqual(["pass", ["the same end may read a chunk again"]]);
  });
});

describe("with an empty pool", () => {
  beforeAll(async () => {
    await change(withRate(0));
    await drainKeys(network, A, B, SMALLEST_KEY_BITS);
  });
  runAll("drained");
});

describe("without the link", () => {
  beforeAll(async () => await change(withoutLink));
  runAll("cut");
});
