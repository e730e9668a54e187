/**
 * A mesh of twelve nodes under the load of sixteen pairs of clients, while links are cut and healed, and the engine is
 * killed once: nobody is given the same bits twice, both ends get the same, and what was acknowledged is still there.
 */
import { rmSync } from "node:fs";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { KeyLedger, keysIn } from "../support/key-ledger.ts";
import { changeNetwork, eventually, linkState } from "../support/operator.ts";
import { newTally, reasonsIn, RELAY_REASONS, RelayClients } from "../support/relay-clients.ts";
import {
  cutLink,
  healLink,
  linkOf,
  type NodePair,
  PREFILL,
  relayNetwork,
  saeOf,
  simulatedLinks,
} from "../support/relay-network.ts";
import { newStateFolder, runNetwork, type RunningNetwork } from "../support/run-network.ts";

const NODES = Array.from({ length: 12 }, (_, at) => `n${String(at + 1).padStart(2, "0")}`);
const CHORDS = 8;
const CONNECTIONS = 16;
/** Before the engine is killed, and after: so long, and longer on a machine that is too busy for so many. */
const LOAD_MS = 4000;
const ROUND_TRIPS = 10 * CONNECTIONS;
const PATIENCE_MS = 40_000;
/** A link is cut for so long, and then another. */
const CUT_MS = 700;
/** Of so many keys one is not fetched until the engine is back. */
const LEAVES_EVERY = 5;
/** Of the requests. */
const MOST_REFUSED = 0.02;

interface Mesh {
  readonly links: readonly NodePair[];
  readonly pairs: readonly NodePair[];
  /** Which link is cut next. */
  readonly cuts: readonly number[];
}

const pairOfNodes = fc
  .tuple(fc.constantFrom(...NODES), fc.constantFrom(...NODES))
  .filter(([a, b]) => a !== b)
  .map(([a, b]): NodePair => (a < b ? [a, b] : [b, a]));

/** A ring in any order and chords: whichever link is cut, there is another way. */
const meshes: fc.Arbitrary<Mesh> = fc.record({
  links: fc
    .tuple(
      fc.shuffledSubarray(NODES, { minLength: NODES.length }),
      fc.uniqueArray(pairOfNodes, { minLength: CHORDS, maxLength: CHORDS, selector: linkOf }),
    )
    .map(([order, chords]) => {
      const ring = order.map((node, at): NodePair => {
        const next = order[(at + 1) % order.length] ?? node;
        return node < next ? [node, next] : [next, node];
      });
      return [...new Map([...ring, ...chords].map((pair) => [linkOf(pair), pair])).values()];
    }),
  pairs: fc.array(
    fc.tuple(pairOfNodes, fc.boolean()).map(([[a, b], isTurned]): NodePair => (isTurned ? [b, a] : [a, b])),
    { minLength: CONNECTIONS, maxLength: CONNECTIONS },
  ),
  cuts: fc.array(fc.nat(), { minLength: 64, maxLength: 64 }),
});

const state = newStateFolder();
let network: RunningNetwork | undefined;
afterAll(async () => {
  await network?.stop();
  rmSync(state, { recursive: true, force: true });
});

const ledger = new KeyLedger();
const tally = newTally();

/** Clients under way, and an operator who cuts one link after the other. */
class Load {
  readonly #network: RunningNetwork;
  readonly #clients: readonly RelayClients[];
  readonly #work: Promise<unknown>;
  #isOver = false;

  constructor(running: RunningNetwork, mesh: Mesh) {
    this.#network = running;
    this.#clients = mesh.pairs.map((pair) => new RelayClients(running, pair));
    const options = { ledger, tally, isOver: () => this.#isOver, leavesEvery: LEAVES_EVERY };
    this.#work = Promise.all([...this.#clients.map(async (client) => await client.draw(options)), this.#cut(mesh)]);
  }

  /** From then on requests may fail. Fails if one has before, or too few have been answered in good time. */
  async lasted(): Promise<void> {
    const wanted = tally.roundTrips + ROUND_TRIPS;
    const fromMs = performance.now();
    const enough = eventually(
      () => Promise.resolve(performance.now() > fromMs + LOAD_MS && tally.roundTrips >= wanted),
      (is) => is,
      PATIENCE_MS,
    );
    await Promise.race([enough, this.#work]);
    this.#isOver = true;
  }

  async ended(): Promise<void> {
    await this.#work;
    for (const client of this.#clients) client.close();
  }

  async #cut({ links, cuts }: Mesh): Promise<void> {
    try {
      for (let turn = 0; !this.#isOver; turn++) {
        const link = links[(cuts[turn % cuts.length] ?? 0) % links.length];
        if (link === undefined) return;
        const cut = await cutLink(this.#network, linkOf(link));
        await new Promise((resolve) => setTimeout(resolve, CUT_MS));
        await healLink(this.#network, cut);
      }
    } catch (error) {
      if (!this.#isOver) throw error;
    }
  }
}

/** What was acknowledged is as it was. */
async function check(running: RunningNetwork): Promise<void> {
  const each = async (fate: "pending" | "fetched" | "unknown", expected: (status: number) => boolean) =>
    await Promise.all(
      [...ledger.byOwners(fate).values()].map(async ({ pair, ids }) => {
        const client = new RelayClients(running, pair);
        for (const id of fate === "fetched" ? ids.slice(-10) : ids) {
          const answer = await client.dec(id);
          expect(expected(answer.status), `a key that is ${fate} answers ${answer.status}`).toBe(true);
          if (answer.status === 200) for (const key of keysIn(answer.body)) ledger.fetched(key);
          ledger.fates.set(id, "fetched");
        }
        client.close();
      }),
    );
  await each("fetched", (status) => status === 400);
  await each("unknown", (status) => status === 200 || status === 400);
  await each("pending", (status) => status === 200);
}

/** Every bit of links and of relayed pairs is in one state. */
async function expectConserved(running: RunningNetwork, { links, pairs }: Mesh): Promise<void> {
  let tagBits = 0;
  for (const link of links) {
    const { conserved, ledger_bits } = await linkState(running, linkOf(link));
    expect([linkOf(link), conserved]).toEqual([linkOf(link), true]);
    tagBits += ledger_bits["tag"] ?? 0;
  }
  expect(tagBits).toBeGreaterThan(0);
  for (const [from, to] of pairs) {
    const { body } = await running.request(from, saeOf(from), `/api/v1/keys/${saeOf(to)}/status`);
    expect(JSON.parse(body)).toMatchObject({ status_extension: { qkdedge: { conserved: true } } });
  }
}

const seed = Number(process.env["QKD_TEST_SEED"] ?? 20_261_121);

test("twelve nodes, sixteen connections, cut links and an engine that dies", { timeout: 120_000 }, async () => {
  const [mesh] = fc.sample(meshes, { numRuns: 1, seed });
  if (mesh === undefined) throw new Error("no mesh");
  const start = () => runNetwork({ state, network: relayNetwork(NODES, mesh.links), args: PREFILL });

  network = await start();
  const first = new Load(network, mesh);
  await first.lasted();
  const ended = new Promise((resolve) => network?.process.once("close", resolve));
  process.kill(network.pids.engine, "SIGKILL");
  await Promise.all([first.ended(), ended]);
  const before = tally.roundTrips;

  network = await start();
  // The operator may have been cut off between a cut and its healing.
  await changeNetwork(network, (document) => ({ ...document, links: simulatedLinks(mesh.links) }));
  await check(network);
  const second = new Load(network, mesh);
  await second.lasted();
  await second.ended();
  await check(network);
  await expectConserved(network, mesh);

  const asked = 2 * tally.roundTrips + tally.refusals.length;
  const share = tally.refusals.length / asked;
  // oxlint-disable-next-line no-console -- what a failure needs to be seen again, and figures to look at
  console.log(
    `QKD_TEST_SEED=${seed}: ${before} and ${tally.roundTrips - before} round trips, ${(share * 100).toFixed(2)} % refused`,
    reasonsIn(tally),
  );
  for (const { status, message } of tally.refusals)
    expect([status, message]).toEqual([503, expect.stringMatching(RELAY_REASONS)]);
  expect(share).toBeLessThan(MOST_REFUSED);
});
