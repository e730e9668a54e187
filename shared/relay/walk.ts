/**
 * The initiator's side of one relay over one path: it draws the key from its own link and asks one node after the other,
 * carrying what each answers to the next. Where it fails, it says where and why, and nothing of the key is left.
 */
import { type Fault, type ErrorCode, fault, fail } from "../errors/errors.ts";
import type { NodeId } from "../ids.ts";
import type { PoolResult } from "../keypool/types.ts";
import { LIMITS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { asked } from "./asked.ts";
import { sealFirstHop } from "./hop.ts";
import { flawOfMessage } from "./terms.ts";
import type { HopMessage, LinkDraw, RelayStep, RelayTerms, StepAnswer } from "./types.ts";

/** What an initiator needs of its surroundings. What throws counts as `unavailable`. */
export interface WalkReach {
  nowMs(): number;
  timer(ms: number): Timer;
  /** From the pool of its link to that neighbour, as `RelayLinkRpc`. The bytes are wiped here, or are the key. */
  drawHop(neighbour: NodeId, terms: RelayTerms): PoolResult<{ readonly draw: LinkDraw; readonly bytes: Uint8Array }>;
  stepAt(node: NodeId, step: RelayStep): Promise<Result<StepAnswer, Fault>>;
}

export interface Timer {
  readonly over: Promise<void>;
  /** It need not end any more. */
  cancel(): void;
}

export type Blame = { readonly link: readonly [NodeId, NodeId] } | { readonly node: NodeId };

/**
 * `dry`: a link gives no key for it now. `silent`: no answer, or none in time. `refused`: the node says no. `faulty`: its
 * answer is none. `late`: the relay's time is over. `given-up`: another share of the key has failed. `unequal`: the node
 * was on a way over which the ends have got different keys.
 */
export type WalkTrouble = "dry" | "silent" | "refused" | "faulty" | "late" | "given-up" | "unequal";

export interface WalkFailure {
  readonly why: WalkTrouble;
  /** What to keep off for now; null where it is nobody's. */
  readonly blamed: Blame | null;
  readonly fault: Fault;
  /** The target has been asked: it may have the key, or this share of it, or come to it yet. */
  readonly isTargetAsked: boolean;
}

export interface Walked {
  /** The caller's from now on, to be wiped. */
  readonly key: Uint8Array;
  readonly outcome: "held" | "stored";
  /** Key of some link of the path may be simulated. */
  readonly isSimulated: boolean;
}

const TROUBLES: Partial<Record<ErrorCode, WalkTrouble>> = {
  "link-budget": "dry",
  "not-enough-keys": "dry",
  unavailable: "silent",
  "directory-unavailable": "silent",
  internal: "silent",
  "rate-limited": "silent",
  "no-path": "silent",
};

/** @param isGivenUp asked before each hop */
export async function walkPath(
  reach: WalkReach,
  terms: RelayTerms,
  isGivenUp: () => boolean = () => false,
): Promise<Result<Walked, WalkFailure>> {
  const begun = await begin(reach, terms);
  if (!begun.ok) return begun;
  const { key } = begun.value;
  const carried = await carry(reach, terms, begun.value.message, isGivenUp);
  if (carried.ok) return ok({ key, ...carried.value });
  key.fill(0);
  return carried;
}

/** The first hop, of the initiator's own link. */
async function begin(
  reach: WalkReach,
  terms: RelayTerms,
): Promise<Result<{ key: Uint8Array; message: HopMessage }, WalkFailure>> {
  const [, neighbour] = terms.path;
  if (neighbour === undefined) return failed(terms, 0, "faulty", fault("internal", "a path has two nodes"));
  const drawn = await inTime(reach, terms, () => reach.drawHop(neighbour, terms), { late: wipeDrawn });
  if (!drawn.ok) return failed(terms, 0, troubleOf(drawn.error), drawn.error);
  const sealed = sealFirstHop(terms, drawn.value.draw, drawn.value.bytes);
  if (sealed.ok) return sealed;
  return failed(terms, 0, "faulty", fault("internal", "a link has given another number of bits than it was asked"));
}

/** From node to node. @returns what the target says */
async function carry(
  reach: WalkReach,
  terms: RelayTerms,
  first: HopMessage,
  isGivenUp: () => boolean,
): Promise<Result<Omit<Walked, "key">, WalkFailure>> {
  let message = first;
  for (const [position, node] of terms.path.entries()) {
    if (position === 0) continue;
    const stop = stopOf(reach, terms, isGivenUp);
    if (stop !== null) return failed(terms, position - 1, stop.why, stop.fault);
    const step = { terms, position, message };
    const answer = await inTime(reach, terms, () => reach.stepAt(node, step));
    if (!answer.ok) return failed(terms, position, troubleOf(answer.error), answer.error);
    const flaw = flawOfAnswer(terms, position, answer.value);
    if (flaw !== null) return failed(terms, position, "faulty", fault("unavailable", flaw));
    if (answer.value.outcome !== "onward") {
      return ok({ outcome: answer.value.outcome, isSimulated: message.draw.simulated === true });
    }
    ({ message } = answer.value);
  }
  throw new Error("a path ends with its target");
}

function stopOf(
  reach: WalkReach,
  terms: RelayTerms,
  isGivenUp: () => boolean,
): Pick<WalkFailure, "why" | "fault"> | null {
  if (isGivenUp()) return { why: "given-up", fault: fault("unavailable", "another share of the key has failed") };
  if (reach.nowMs() < terms.expiresMs) return null;
  return { why: "late", fault: fault("unavailable", "the relay has taken too long") };
}

/** What the answer lacks that the node at this position owes, or null. */
function flawOfAnswer({ path, share, bytes }: RelayTerms, position: number, answer: StepAnswer): string | null {
  const isTarget = position === path.length - 1;
  if (answer.outcome === "onward") {
    return isTarget ? "the target sends the key on" : flawOfMessage(answer.message, bytes);
  }
  if (!isTarget) return "a node between says that it keeps the key";
  return answer.outcome === "held" && share[1] === 1 ? "the target waits for shares of a key without" : null;
}

/** What was drawn for nobody. */
export const wipeDrawn = ({ bytes }: { readonly bytes: Uint8Array }): unknown => bytes.fill(0);

/** @param late what to do with an answer that nobody waits for any more */
export async function inTime<T>(
  reach: Pick<WalkReach, "nowMs" | "timer">,
  { expiresMs }: RelayTerms,
  question: () => Promise<Result<T, Fault>>,
  { late, withinMs = LIMITS.relayStepMs }: { readonly late?: (value: T) => unknown; readonly withinMs?: number } = {},
): Promise<Result<T, Fault>> {
  const timer = reach.timer(Math.max(0, Math.min(withinMs, expiresMs - reach.nowMs())));
  const answer = asked(question);
  const first = await Promise.race([answer, timer.over]);
  timer.cancel();
  if (first !== undefined) return first;
  if (late !== undefined) void disposed(answer, late);
  return fail("unavailable", "no answer in time");
}

async function disposed<T>(answer: Promise<Result<T, Fault>>, late: (value: T) => unknown): Promise<void> {
  const result = await answer;
  if (result.ok) late(result.value);
}

export const troubleOf = ({ code }: Fault): WalkTrouble => TROUBLES[code] ?? "refused";

/** @param at position of whoever was asked; 0: the initiator's own link */
function failed(terms: RelayTerms, at: number, why: WalkTrouble, cause: Fault): Result<never, WalkFailure> {
  const isTargetAsked = at === terms.path.length - 1;
  return err({ why, blamed: blameOf(terms, at, why, cause), fault: cause, isTargetAsked });
}

/**
 * A node that is dry is so on its link onward, and so is one that answers `no-path` (node-side.ts); what is wrong with the
 * initiator's own draw is its link's.
 */
function blameOf({ path }: RelayTerms, at: number, why: WalkTrouble, { code }: Fault): Blame | null {
  const [node, next] = [path[at], path[at + 1]];
  if (node === undefined || why === "late" || why === "given-up") return null;
  const isOnward = why === "dry" || code === "no-path" || at === 0;
  return next !== undefined && isOnward ? { link: [node, next] } : { node };
}
