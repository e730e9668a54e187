/** Random networks for the tests of this folder, and slow plain answers to compare with. */
import fc from "fast-check";
import type { LinkId, NodeId } from "../ids.ts";
import { buildGraph, type Graph } from "./graph.ts";
import type { Path, RouteLink } from "./types.ts";

export interface Network {
  readonly nodes: readonly NodeId[];
  readonly links: readonly RouteLink[];
}

/** Ids whose order is not that of the numbers: "n10" comes before "n9". */
export const nodeNamed = (number: number): NodeId => `n${number}` as NodeId;

export const linkOf = (a: number, b: number, cost: number, name = `${a}-${b}`): RouteLink => ({
  link: `l${name}` as LinkId,
  nodes: [nodeNamed(a), nodeNamed(b)],
  cost,
});

export function networkOf(size: number, links: readonly (readonly [number, number, number])[]): Network {
  const nodes = Array.from({ length: size }, (_, i) => nodeNamed(i));
  return { nodes, links: links.map(([a, b, cost]) => linkOf(a, b, cost)) };
}

export const graphOf = ({ nodes, links }: Network): Graph => buildGraph(nodes, links);

const pairsOf = (size: number): (readonly [number, number])[] =>
  Array.from({ length: size }, (_, a) => Array.from({ length: a }, (_unused, b) => [b, a] as const)).flat();

/** Every network of so many nodes whose links cost one of `costs`. */
export function* allNetworks(size: number, costs: readonly number[]): Generator<Network> {
  const pairs = pairsOf(size);
  const kinds = costs.length + 1;
  for (let code = 0; code < kinds ** pairs.length; code++) {
    const links = pairs.map(([a, b], i) => [a, b, costs[Math.floor(code / kinds ** i) % kinds] ?? 0] as const);
    yield networkOf(
      size,
      links.filter(([, , cost]) => cost > 0),
    );
  }
}

/** Few costs, so that ties are many; far apart, so that cheap ways are often long ones. */
const someCost = fc.constantFrom(1, 1, 1, 2, 2.5, 3.0625, 6, 16);

/** Each two nodes joined or not: from sparse to full. */
export const smallNetwork = (maxNodes: number): fc.Arbitrary<Network> =>
  fc
    .integer({ min: 2, max: maxNodes })
    .chain((size) =>
      fc.record({
        size: fc.constant(size),
        fill: fc.integer({ min: 3, max: 10 }),
        links: fc.tuple(...pairsOf(size).map(() => fc.tuple(fc.integer({ min: 0, max: 9 }), someCost))),
      }),
    )
    .map(({ size, fill, links }) => {
      const drawn = pairsOf(size).map(([a, b], i) => {
        const [draw, cost] = links[i] ?? [10, 1];
        return [a, b, cost, draw] as const;
      });
      return networkOf(
        size,
        drawn.filter(([, , , draw]) => draw < fill).map(([a, b, cost]) => [a, b, cost]),
      );
    });

export const largeNetwork: fc.Arbitrary<Network> = fc
  .integer({ min: 20, max: 200 })
  .chain((size) =>
    fc
      .array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1), someCost), { minLength: size, maxLength: 4 * size })
      .map((drawn) => networkOf(size, [...new Map(drawn.map((link) => [`${link[0]}-${link[1]}`, link])).values()])),
  );

const otherEnd = ({ nodes: [a, b] }: RouteLink, node: NodeId): NodeId | null =>
  a === node ? b : b === node ? a : null;

/** All loopless paths, by trying every step; the best first: cost, then hops, then ids. Of parallel links none. */
export function everyPath(network: Network, from: NodeId, to: NodeId, maxHops: number): readonly Path[] {
  const found: Path[] = [];
  const goOn = (path: Path): void => {
    const last = path.nodes.at(-1) ?? from;
    if (last === to) found.push(path);
    if (last === to || path.links.length === maxHops) return;
    for (const link of network.links) {
      const next = otherEnd(link, last);
      if (next === null || path.nodes.includes(next)) continue;
      goOn({ nodes: [...path.nodes, next], links: [...path.links, link.link], cost: path.cost + link.cost });
    }
  };
  goOn({ nodes: [from], links: [], cost: 0 });
  return found.sort(comparePaths);
}

function comparePaths(a: Path, b: Path): number {
  if (a.cost !== b.cost) return a.cost - b.cost;
  if (a.links.length !== b.links.length) return a.links.length - b.links.length;
  // Ids hold no commas, and a comma comes before all that they hold.
  return a.nodes.join() < b.nodes.join() ? -1 : 1;
}

/** Bellman and Ford: row h has what a way of at most h hops costs to each node. */
export function costsByHops({ nodes, links }: Network, from: NodeId, maxHops: number): ReadonlyMap<NodeId, number>[] {
  let row = new Map<NodeId, number>(nodes.map((node) => [node, node === from ? 0 : Infinity]));
  const rows = [row];
  for (let hops = 1; hops <= maxHops; hops++) {
    const before = row;
    row = new Map(before);
    for (const { nodes: ends, cost } of links) {
      for (const [a, b] of [ends, [ends[1], ends[0]]] as const) {
        row.set(b, Math.min(row.get(b) ?? Infinity, (before.get(a) ?? Infinity) + cost));
      }
    }
    rows.push(row);
  }
  return rows;
}

const at = ({ nodes }: Path, i: number): NodeId => nodes[i] ?? nodeNamed(-1);

/** Whether the path is one of the network, loopless, and costs what it says. */
export function isPathOf({ links }: Network, path: Path, from: NodeId, to: NodeId): boolean {
  const steps = path.links.flatMap((id) => links.find(({ link }) => link === id) ?? []);
  const joins = steps.every(
    (step, i) => step.nodes.includes(at(path, i)) && otherEnd(step, at(path, i)) === at(path, i + 1),
  );
  const isLoopless = new Set(path.nodes).size === path.nodes.length && path.nodes.length === steps.length + 1;
  const cost = steps.reduce((sum, step) => sum + step.cost, 0);
  return joins && isLoopless && path.nodes[0] === from && path.nodes.at(-1) === to && cost === path.cost;
}

/** The same network told in another order, each link from either end. */
export const retold = (network: Network): fc.Arbitrary<Network> =>
  fc.record({
    nodes: fc.shuffledSubarray([...network.nodes], { minLength: network.nodes.length }),
    links: fc
      .shuffledSubarray([...network.links], { minLength: network.links.length })
      .map((links) => links.map((l, i) => (i % 2 === 0 ? l : { ...l, nodes: [l.nodes[1], l.nodes[0]] as const }))),
  });
