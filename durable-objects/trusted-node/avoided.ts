/** Links and nodes that failed a relay a moment ago: the next ones go around them, until they have had time to recover. */
import type { LinkId, NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Avoidance } from "../../shared/relay/node-status.ts";

/** A link without key has some again soon; a node that did not answer is away for longer. */
const LINK_MS = 1000;
const NODE_MS = 3000;

/** The oldest go first where there are too many. */
class Until<Id> {
  readonly #untilMs = new Map<Id, number>();

  put(id: Id, untilMs: number): void {
    this.#untilMs.delete(id);
    this.#untilMs.set(id, untilMs);
    if (this.#untilMs.size <= LIMITS.links) return;
    for (const oldest of this.#untilMs.keys()) {
      this.#untilMs.delete(oldest);
      return;
    }
  }

  leftMs(id: Id, nowMs: number): number {
    return Math.max(0, (this.#untilMs.get(id) ?? 0) - nowMs);
  }

  now(nowMs: number): { readonly id: Id; readonly leftMs: number }[] {
    return [...this.#untilMs.keys()]
      .map((id) => ({ id, leftMs: this.leftMs(id, nowMs) }))
      .filter(({ leftMs }) => leftMs > 0);
  }
}

export class Avoided {
  readonly #links = new Until<LinkId>();
  readonly #nodes = new Until<NodeId>();

  link(link: LinkId, nowMs: number): void {
    this.#links.put(link, nowMs + LINK_MS);
  }

  node(node: NodeId, nowMs: number): void {
    this.#nodes.put(node, nowMs + NODE_MS);
  }

  hasLink(link: LinkId, nowMs: number): boolean {
    return this.#links.leftMs(link, nowMs) > 0;
  }

  hasNode(node: NodeId, nowMs: number): boolean {
    return this.#nodes.leftMs(node, nowMs) > 0;
  }

  list(nowMs: number): readonly Avoidance[] {
    return [
      ...this.#links.now(nowMs).map(({ id: link, leftMs }) => ({ link, leftMs })),
      ...this.#nodes.now(nowMs).map(({ id: node, leftMs }) => ({ node, leftMs })),
    ];
  }
}
