/** Every case of part 7 over every binding that can say it; what cannot be said, and why, is in the README's table. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NetworkDocument } from "../../../shared/network/document.ts";
import { drainKeys } from "../../support/drain-keys.ts";
import { changeNetwork, eventually, linkState } from "../../support/operator.ts";
import { type RunningNetwork, runNetwork } from "../../support/run-network.ts";
import { A, B } from "./application.ts";
import { BINDINGS } from "./bindings/bindings.ts";
import { type Case, isRun, type Place } from "./cases/case.ts";
import { CASES } from "./cases/cases.ts";
import { expectSame, Stage } from "./stage.ts";

const LINK = "tn-1-tn-2";
/** Enough for all cases, and soon drained. */
const KEY_RATE_BPS = 8_000_000;
const FULL_BYTES = 128 * 1024;
const PATIENCE_MS = 30_000;
/** The longest there is: the tests wait for none of it to pass. */
const GRACE_SECONDS = 30;
/** Workers' copies of the network live up to a second. */
const SNAPSHOT_MS = 1100;
/** So small that less than a chunk is left. */
const SMALLEST_KEY_BITS = 64;

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork({ agents: true });
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

async function change(how: (document: NetworkDocument) => unknown): Promise<void> {
  await changeNetwork(network, how);
  await sleep(SNAPSHOT_MS);
}

const isAt = ({ place: at = "served" }: Case, place: Place): boolean => at === place;

function runAll(place: Place): void {
  for (const binding of BINDINGS) {
    const cases = CASES.filter((each) => isAt(each, place) && isRun(binding, each));
    describe.runIf(cases.length > 0)(binding.name, () => {
      for (const each of cases) {
        test(`${each.id} ${each.title}`, async () => await each.run(new Stage(network, binding)));
      }
    });
  }
}

describe("with key", () => {
  runAll("served");

  const naming = BINDINGS.filter(({ can }) => can.has("ksid"));
  test.each(naming)("one end by $name, the other by any: the same chunks", async (one) => {
    for (const other of naming) {
      const [a, b] = [await one.connect(network, A, B), await other.connect(network, B, A)];
      const ksid = (await a.open({})).ksid ?? expect.unreachable();
      new Stage(network, other).expectWord("open", (await b.open({ ksid })).word, "success");
      expectSame(await new Stage(network, one).chunk(a, ksid, 0), await new Stage(network, other).chunk(b, ksid, 0));
    }
  });
});

describe("with a period of grace", () => {
  beforeAll(async () => await change(withGrace(GRACE_SECONDS)));
  afterAll(async () => await change(withGrace(0)));

  const naming = BINDINGS.filter(({ can }) => can.has("index"));
  test.each(naming)("$name: the same end reads a chunk again, and gets the same", async (binding) => {
    const stage = new Stage(network, binding);
    const { a, b, ksid } = await stage.meet();
    const chunk = await stage.chunk(a, ksid, 0);
    expectSame(chunk, await stage.chunk(a, ksid, 0));
    expectSame(chunk, await stage.chunk(b, ksid, 0));
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
