/**
 * The initiator's side of a comparison (compare.ts): once, as soon as the target has the whole key. Without the word
 * that the keys are equal the initiator has none: the target may have put its own into the pool, where nothing is given of
 * what the other half does not have.
 */
import { type Fault, fault } from "../errors/errors.ts";
import type { NodeId } from "../ids.ts";
import { err, ok, type Result } from "../result.ts";
import { keyToStore, takeComparisonTag } from "./compare.ts";
import type { UnequalAlarm } from "./node-side.ts";
import type { CompareAnswer, CompareCall, RelayTerms } from "./types.ts";
import { inTime, troubleOf, type WalkFailure, type WalkReach } from "./walk.ts";

export interface CompareReach extends Pick<WalkReach, "nowMs" | "timer"> {
  /** CHALLENGE_BYTES at random. */
  newChallenge(): Uint8Array;
  compareAt(node: NodeId, call: CompareCall): Promise<Result<CompareAnswer, Fault>>;
  raise(alarm: UnequalAlarm): void;
}

/**
 * @param shares terms of all shares, over all of whose paths the key came
 * @param carried wiped but for what is returned: the part of it that the pools get
 */
export async function compareEnds(
  reach: CompareReach,
  shares: readonly RelayTerms[],
  carried: Uint8Array,
): Promise<Result<Uint8Array, readonly WalkFailure[]>> {
  const [terms] = shares;
  const target = terms?.path.at(-1);
  if (terms === undefined || target === undefined) throw new Error("a key has a share, and a path its target");
  const challenge = reach.newChallenge();
  const call = { terms, challenge, tag: takeComparisonTag(carried, challenge) };
  const answer = await inTime(reach, terms, () => reach.compareAt(target, call));
  if (answer.ok && answer.value.outcome === "equal") return ok(keyToStore(carried));
  carried.fill(0);
  if (!answer.ok) return err([{ ...failure(answer.error), why: troubleOf(answer.error), blamed: { node: target } }]);
  const paths = shares.map(({ path }) => path);
  reach.raise({ what: "unequal", relay: terms.relay, paths });
  const cause = failure(fault("unavailable", "the ends have got different keys"));
  // One of them: which, nobody can tell.
  const suspects = paths.flatMap((path) => path.slice(1, -1));
  return err(
    suspects.length === 0
      ? [{ ...cause, why: "unequal", blamed: null }]
      : suspects.map((node) => ({ ...cause, why: "unequal" as const, blamed: { node } })),
  );
}

const failure = (cause: Fault): Pick<WalkFailure, "fault" | "isTargetAsked"> => ({ fault: cause, isTargetAsked: true });
