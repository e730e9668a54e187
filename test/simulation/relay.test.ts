/**
 * Relay in networks at random, with every fault that carriers and nodes can have: what must hold whatever happens. The
 * seed is in the name of each test; QKD_TEST_SEED sets the first.
 */
import { describe, expect, test } from "vitest";
import { toHex } from "../../shared/bytes/hex.ts";
import type { NodeId } from "../../shared/ids.ts";
import { drawnBytesOf } from "../../shared/relay/hop.ts";
import { World, type WorldOptions } from "../support/relay-world.ts";

const FIRST_SEED = Number(process.env["QKD_TEST_SEED"] ?? 20_261_121);
const WORLDS = 8;
const RELAYS = 120;
const SPAN_MS = 20_000;

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const CALM: Omit<WorldOptions, "seed" | "nodes" | "moreLinks"> = {
  lost: 0,
  doubled: 0,
  late: 0,
  changed: 0,
  crashes: 0,
  liars: 0,
  deployments: 3,
  budgetBytes: Number.POSITIVE_INFINITY,
};
const STORMY = {
  ...CALM,
  lost: 0.03,
  doubled: 0.1,
  late: 0.03,
  changed: 0.04,
  crashes: 60,
  liars: 0,
  budgetBytes: 4000,
};

/** Relays and crashes at random times; then until nothing is left to happen. */
async function played(options: WorldOptions): Promise<World> {
  const world = new World(options, settle);
  const names = [...world.graph.keys()];
  const time = (): number => world.pick(Array.from({ length: SPAN_MS / 10 }, (_, i) => i * 10));
  for (let i = 0; i < RELAYS; i++) {
    const from = world.pick(names);
    const to = world.pick(names.filter((name) => name !== from));
    const shares = world.chance(0.3) ? 2 : 1;
    const atMs = time();
    world.relayAt(atMs, from, to, shares);
    // Both ends at once.
    if (world.chance(0.3)) world.relayAt(atMs, to, from, shares);
  }
  for (let i = 0; i < options.crashes; i++) world.crashAt(time(), world.pick(names));
  await world.clock.run(() => {
    if (world.watch.violations.length > 0) throw new Error(world.watch.violations.join(", "));
  });
  world.settle();
  return world;
}

const blocksOf = (world: World, outcome: string) =>
  [...world.blocks.values()].filter((block) => block.outcome === outcome);

/** What holds of every world, however stormy. */
function mustHold(world: World): void {
  expect(world.watch.violations).toEqual([]);
  onlyThePathHasTheKey(world);
  everyBitHasItsEnd(world);
  for (const { halves, relay, outcome } of world.blocks.values()) {
    const keys = new Set([...halves.values()].map(toHex));
    if (outcome === "delivered") {
      expect([halves.size, keys.size]).toEqual([2, 1]);
      expect(world.falsified.has(relay)).toBe(false);
    }
    if (outcome === "quarantined") expect(world.falsified.has(relay)).toBe(true);
  }
  const delivered = blocksOf(world, "delivered").map(({ halves }) =>
    toHex([...halves.values()][0] ?? new Uint8Array(0)),
  );
  expect(new Set(delivered).size).toBe(delivered.length);
}

/** A link's bits go to its two nodes, next to each other on the path; of two shares, between the ends, nobody has both. */
function onlyThePathHasTheKey(world: World): void {
  const shareOf = new Map<string, number>();
  const strangers = world.links.handedOut.filter(({ to, terms: { path, relay, share }, link }) => {
    const at = path.indexOf(to);
    const beside = [path[at - 1], path[at + 1]].filter((node) => node !== undefined);
    if (at === -1 || !beside.some((node) => world.links.between(to, node).name === link)) return true;
    if (beside.length === 1) return false;
    const name = `${to} ${relay}`;
    const known = shareOf.get(name) ?? share[0];
    shareOf.set(name, known);
    return known !== share[0];
  });
  expect(strangers).toEqual([]);
}

/** Drawn one after the other, each given out to one or two nodes, once, and in the end spent or expired. */
function everyBitHasItsEnd(world: World): void {
  for (const { hops, handedOut, drawnBytes } of world.links.links.values()) {
    const to = hops.map((): NodeId[] => []);
    for (const handed of handedOut) to[handed.record]?.push(handed.to);
    const wrong = hops.filter(({ state }, record) => {
      const nodes = new Set(to[record]);
      const isOnce = nodes.size === to[record]?.length;
      return state === "pending" || !isOnce || nodes.size !== (state === "spent" ? 2 : 1);
    });
    expect(wrong).toEqual([]);
    const ends = hops.map(({ from, terms }) => from + drawnBytesOf(terms));
    expect(hops.map(({ from }) => from)).toEqual([0, ...ends].slice(0, hops.length));
    expect(ends.at(-1) ?? 0).toBe(drawnBytes);
  }
}

describe("relay", () => {
  const seeds = Array.from({ length: WORLDS }, (_, i) => FIRST_SEED + i);

  test.each(seeds)("keeps its word in storms, seed %i", async (seed) => {
    const nodes = 4 + ((seed * 53) % 197);
    const world = await played({ ...STORMY, seed, nodes, moreLinks: nodes });
    mustHold(world);
    expect(world.falsified.size).toBe(0);
    expect(world.counts.crashes).toBe(STORMY.crashes);
    expect(world.counts.refusedChanges).toBeGreaterThan(0);
    expect(blocksOf(world, "delivered").length).toBeGreaterThan(0);
  });

  test.each(seeds.slice(0, 4))(
    "delivers no key that a node between has put in place of another, seed %i",
    async (seed) => {
      const nodes = 10 + (seed % 40);
      const world = await played({ ...STORMY, seed, nodes, moreLinks: nodes, liars: Math.ceil(nodes / 5) });
      mustHold(world);
    },
  );

  test.each(seeds.slice(0, 2))("brings everything, at its price, where nothing is wrong, seed %i", async (seed) => {
    const world = await played({ ...CALM, seed, nodes: 60, moreLinks: 60 });
    mustHold(world);
    const { begun, relayed, failed } = world.counts;
    expect(relayed + failed).toBe(begun);
    expect(blocksOf(world, "delivered")).toHaveLength(relayed);
    expect(world.blocks.size).toBe(relayed);
    expect(world.alarms).toEqual([]);
    const hops = [...world.links.links.values()].flatMap((link) => link.hops);
    expect(hops.every(({ state }) => state === "spent")).toBe(true);
  });
});
