/** Watches nodes that relay, in a simulation: what must never be is written down as soon as it is seen. */
import { toHex } from "../../shared/bytes/hex.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import { type NodeId, pairName, pairOf } from "../../shared/ids.ts";
import type { NodeSide } from "../../shared/relay/node-side.ts";
import type { RelayId, RelayStep, RelayTerms, StepAnswer } from "../../shared/relay/types.ts";
import type { Result } from "../../shared/result.ts";

/** A node from one crash to the next. */
export interface Life {
  readonly node: NodeId;
  readonly side: NodeSide;
  isOver: boolean;
}

/** Bits of a link in a node's memory. */
interface Given {
  readonly life: Life;
  readonly share: string;
  readonly bytes: Uint8Array;
}

const shareOf = ({ relay, share }: RelayTerms): string => `${relay}/${share[0]}`;

export class Watch {
  readonly violations: string[] = [];
  readonly #given: Given[] = [];
  /** By link and record: what was sealed with those bits. */
  readonly #sealed = new Map<string, string>();
  /** By life: shares that were let through, and relays that were given up. */
  readonly #letThrough = new WeakMap<Life, Set<string>>();
  readonly #givenUp = new WeakMap<Life, Set<RelayId>>();
  /** Steps under way, by node and share. */
  readonly #busy = new Map<string, number>();

  /** A link has given the node these bytes, which it is to wipe. */
  give(life: Life, terms: RelayTerms, bytes: Uint8Array): void {
    this.#given.push({ life, share: shareOf(terms), bytes });
  }

  /** The bits of one draw seal one message. @param position of the node that it goes to */
  seal({ terms }: RelayStep, position: number, { draw, ciphertext, tag }: RelayStep["message"]): void {
    const [from, to] = [terms.path[position - 1], terms.path[position]];
    if (from === undefined || to === undefined) throw new Error("a hop joins two nodes");
    const bits = `${pairName(pairOf(from, to))}#${draw.record}`;
    const message = [shareOf(terms), position, toHex(ciphertext), toHex(tag)].join(" ");
    const before = this.#sealed.get(bits);
    if (before !== undefined && before !== message) this.violations.push(`the bits ${bits} are used twice`);
    this.#sealed.set(bits, message);
  }

  /** A share is let through once, and not after its relay was given up; after its answer a node holds nothing of it. */
  async step(life: Life, step: RelayStep): Promise<Result<StepAnswer, Fault>> {
    const share = shareOf(step.terms);
    const name = `${life.node} ${share}`;
    this.#busy.set(name, (this.#busy.get(name) ?? 0) + 1);
    const wasGivenUp = this.#givenUp.get(life)?.has(step.terms.relay) === true;
    const answer = await life.side.step(step);
    const left = (this.#busy.get(name) ?? 1) - 1;
    this.#busy.set(name, left);
    if (left === 0) {
      const own = this.#given.filter((given) => given.life === life && given.share === share);
      this.#mustBeZero(own, "after its answer");
    }
    if (!answer.ok) return answer;
    const shares = this.#letThrough.get(life) ?? new Set();
    if (shares.has(share)) this.violations.push(`${life.node} lets a step through twice`);
    if (wasGivenUp) this.violations.push(`${life.node} goes on with a relay that was given up`);
    this.#letThrough.set(life, shares.add(share));
    if (answer.value.outcome === "onward") this.seal(step, step.position + 1, answer.value.message);
    return answer;
  }

  async giveUp(life: Life, terms: RelayTerms): Promise<Result<null, Fault>> {
    const voided = await life.side.voidRelay(terms);
    if (voided.ok) this.#givenUp.set(life, (this.#givenUp.get(life) ?? new Set()).add(terms.relay));
    return voided;
  }

  /** When all is over, nodes that live hold nothing at all. */
  end(lives: Iterable<Life>): void {
    this.#mustBeZero(this.#given, "in the end");
    for (const { side, node } of lives) {
      side.sweep();
      if (side.heldBytes > 0) this.violations.push(`${node} still holds shares`);
    }
  }

  #mustBeZero(given: readonly Given[], when: string): void {
    for (const { life, bytes } of given) {
      if (life.isOver || bytes.every((byte) => byte === 0)) continue;
      this.violations.push(`${life.node} still has bits of a link ${when}`);
    }
  }
}
