/**
 * Flows of least cost in a network of arcs that carry one unit each: successive shortest augmenting paths, with
 * potentials that keep what is left of every arc at or above 0 (Suurballe and Tarjan, "A quick method for finding shortest
 * pairs of disjoint paths", 1984; Ahuja, Magnanti and Orlin, "Network Flows", section 9.7).
 */
import { NodeHeap } from "./heap.ts";

/** An arc and its way back, which is open while the arc carries its unit. */
interface FlowArc {
  readonly to: number;
  readonly weight: number;
  back: FlowArc | null;
  isOpen: boolean;
}

export interface FlowEdge {
  readonly from: number;
  readonly to: number;
  /** 0 or more. */
  readonly weight: number;
}

interface Residual {
  readonly arcs: readonly FlowArc[][];
  /** As the edges were given. */
  readonly forward: readonly FlowArc[];
}

function residualOf(nodes: number, edges: readonly FlowEdge[]): Residual {
  const arcs: FlowArc[][] = Array.from({ length: nodes }, () => []);
  const forward = edges.map(({ from, to, weight }) => {
    const arc: FlowArc = { to, weight, back: null, isOpen: true };
    arc.back = { to: from, weight: -weight, back: arc, isOpen: false };
    arcs[from]?.push(arc);
    arcs[to]?.push(arc.back);
    return arc;
  });
  return { arcs, forward };
}

/** Reduced distances from the source, exact up to the sink's; the arc by which each node was reached. */
interface Reached {
  readonly distances: readonly number[];
  readonly by: readonly (FlowArc | null)[];
  readonly steps: number;
}

function reach(residual: Residual, potentials: readonly number[], source: number, sink: number): Reached {
  const distances = potentials.map(() => Infinity);
  const by: (FlowArc | null)[] = potentials.map(() => null);
  const heap = new NodeHeap();
  let steps = 0;
  distances[source] = 0;
  heap.push(0, source);
  for (let top = heap.pop(); top !== null && top.node !== sink; top = heap.pop()) {
    const { node, weight: distance } = top;
    if (distance > (distances[node] ?? 0)) continue;
    for (const arc of residual.arcs[node] ?? []) {
      steps++;
      if (!arc.isOpen) continue;
      const longer = distance + arc.weight + (potentials[node] ?? 0) - (potentials[arc.to] ?? 0);
      if (longer >= (distances[arc.to] ?? 0)) continue;
      distances[arc.to] = longer;
      by[arc.to] = arc;
      heap.push(longer, arc.to);
    }
  }
  return { distances, by, steps };
}

/** Turns the arcs of the way found, from the sink back to the source. */
function augment(by: readonly (FlowArc | null)[], sink: number): void {
  for (let arc = by[sink] ?? null; arc !== null; arc = by[arc.back?.to ?? -1] ?? null) {
    arc.isOpen = false;
    if (arc.back !== null) arc.back.isOpen = true;
  }
}

export interface Flow {
  /** Units that flow: fewer than wanted where there is no room for more. */
  readonly units: number;
  /** Of each edge, as they were given. */
  readonly carries: readonly boolean[];
  /** How much work it was: arcs made and looked at. */
  readonly steps: number;
}

/** As many units as fit, `wanted` at most, at the least cost for so many. */
export function leastCostFlow(
  nodes: number,
  edges: readonly FlowEdge[],
  ask: { readonly source: number; readonly sink: number; readonly wanted: number },
): Flow {
  const residual = residualOf(nodes, edges);
  let potentials: readonly number[] = Array.from({ length: nodes }, () => 0);
  let units = 0;
  let steps = edges.length;
  while (units < ask.wanted) {
    const { distances, by, steps: more } = reach(residual, potentials, ask.source, ask.sink);
    const farthest = distances[ask.sink] ?? Infinity;
    steps += more;
    if (farthest === Infinity) break;
    potentials = potentials.map((potential, node) => potential + Math.min(distances[node] ?? farthest, farthest));
    augment(by, ask.sink);
    units++;
  }
  return { units, carries: residual.forward.map((arc) => !arc.isOpen), steps };
}
