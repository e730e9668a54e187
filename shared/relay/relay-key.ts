/**
 * The initiator's side of bringing one key: over one path, or in shares over several disjoint ones at once, whose XOR it
 * is. All shares arrive, or the whole is given up and another relay begun, with other bits, over other paths.
 *
 * The caller puts the key into its half of the pool only after the target has said that its own is there: so neither a
 * lost answer nor a crash leaves key at one end that the other might be given. Twins that differ, the pool quarantines;
 * where the ends are in different deployments there are two halves of a pool that see one key each, and the ends compare
 * them first (compare-ends.ts).
 */
import { type Fault, fault } from "../errors/errors.ts";
import type { BlockId, NodeId, PairName } from "../ids.ts";
import { disjointPathsOf } from "../keypool/relay-shard.ts";
import { LIMITS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { asked } from "./asked.ts";
import { blockOfRelay } from "./block.ts";
import { compareEnds, type CompareReach } from "./compare-ends.ts";
import { areAllDisjoint, SHARED_BETWEEN } from "./disjoint.ts";
import { xorInto } from "./hop.ts";
import { flawOfTerms } from "./terms.ts";
import { COMPARE_KEY_BYTES, type RelayedBy, type RelayId, type RelayTerms } from "./types.ts";
import { type Walked, type WalkFailure, walkPath, type WalkReach, type WalkTrouble } from "./walk.ts";

export interface Reach extends WalkReach, CompareReach {
  /** At random. */
  newRelayId(): RelayId;
  /** `voidRelay` of that node. */
  voidAt(node: NodeId, terms: RelayTerms): Promise<Result<null, Fault>>;
  /** For who watches: a path is walked from now on. @returns to be told how that has ended; null: well */
  walking?(terms: RelayTerms): (trouble: WalkTrouble | null) => void;
}

/** One path a share, each from the initiator to the target. */
export type PathSet = readonly (readonly NodeId[])[];
/** What to try next, after what has failed; null: nothing more. */
export type NextPaths = (failures: readonly WalkFailure[]) => PathSet | null | Promise<PathSet | null>;

export interface RelayOrder {
  readonly pair: PairName;
  readonly shard: number;
  readonly bytes: number;
  /** The target is in another deployment: see RelayTerms.compared. */
  readonly isCompared: boolean;
  /** Nothing is begun later than that, nor goes on. */
  readonly untilMs: number;
  readonly nextPaths: NextPaths;
}

export interface RelayedKey {
  /** The caller's from now on, to be ingested as `block` and wiped. */
  readonly key: Uint8Array;
  readonly block: BlockId;
  readonly relayedBy: RelayedBy;
  /** The caller could not keep it: the target shall not, either. Not waited for. */
  readonly takeBack: () => void;
  /** Of paths that were tried before. */
  readonly failures: readonly WalkFailure[];
}

/** Causes named in one message. */
const CAUSES_TOLD = 4;
const RETRY_AFTER_SECONDS = 1;

/** @returns why no path has brought it, in the order in which they were tried */
export async function relayKey(reach: Reach, order: RelayOrder): Promise<Result<RelayedKey, readonly WalkFailure[]>> {
  const failures: WalkFailure[] = [];
  for (let attempt = 0; attempt < LIMITS.relayAlternatives && reach.nowMs() < order.untilMs; attempt++) {
    const paths = await order.nextPaths(failures);
    if (paths === null) break;
    const relayed = await relayOver(reach, order, paths);
    if (relayed.ok) return ok({ ...relayed.value, failures });
    failures.push(...relayed.error);
  }
  return err(failures);
}

async function relayOver(
  reach: Reach,
  order: RelayOrder,
  paths: PathSet,
): Promise<Result<Omit<RelayedKey, "failures">, readonly WalkFailure[]>> {
  const relay = reach.newRelayId();
  const shares = termsOf(order, relay, paths, reach.nowMs());
  if (!shares.ok) return err([shares.error]);
  let isGivenUp = false;
  const walks = await Promise.all(
    shares.value.map(async (terms) => {
      const ended = reach.walking?.(terms);
      const walked = await walkPath(reach, terms, () => isGivenUp);
      ended?.(walked.ok ? null : walked.error.why);
      if (!walked.ok) isGivenUp = true;
      return walked;
    }),
  );
  const walked = walks.flatMap((walk) => (walk.ok ? [walk.value] : []));
  const failures = walks.flatMap((walk) => (walk.ok ? [] : [walk.error]));
  // A target that has forgotten a share waits for it for good.
  if (failures.length === 0 && !walked.some(({ outcome }) => outcome === "stored")) failures.push(forgotten());
  if (failures.length === 0) {
    const carried = keyOf(walked);
    const key = order.isCompared ? await compareEnds(reach, shares.value, carried) : ok(carried);
    if (key.ok) {
      const mark = walked.some(({ isSimulated }) => isSimulated) ? { simulated: true as const } : {};
      const takeBack = () => giveUp(reach, shares.value);
      return ok({ key: key.value, block: blockOfRelay(relay), relayedBy: { relay, paths, ...mark }, takeBack });
    }
    failures.push(...key.error);
  }
  for (const { key } of walked) key.fill(0);
  if (walked.length > 0 || failures.some(({ isTargetAsked }) => isTargetAsked)) giveUp(reach, shares.value);
  return err(failures);
}

function termsOf(
  { pair, shard, bytes, isCompared, untilMs }: RelayOrder,
  relay: RelayId,
  paths: PathSet,
  nowMs: number,
): Result<readonly RelayTerms[], WalkFailure> {
  const expiresMs = Math.min(nowMs + LIMITS.relayMs, untilMs);
  const shares = paths.map((path, index): RelayTerms => ({
    relay,
    pair,
    shard,
    path,
    share: [index, paths.length],
    bytes: isCompared ? bytes + COMPARE_KEY_BYTES : bytes,
    expiresMs,
    ...(isCompared ? { compared: true } : {}),
  }));
  const flaws = shares.map((terms) => flawOfTerms(terms, nowMs));
  if (paths.length !== disjointPathsOf(shard)) flaws.push("a key has as many shares as its shard says");
  if (!areAllDisjoint(paths)) flaws.push(SHARED_BETWEEN);
  const flaw = flaws.find((found) => found !== null);
  if (flaw === undefined) return ok(shares);
  return err({ why: "refused", blamed: null, fault: fault("internal", flaw ?? ""), isTargetAsked: false });
}

const forgotten = (): WalkFailure => ({
  why: "refused",
  blamed: null,
  fault: fault("unavailable", "the target has lost shares of the key"),
  isTargetAsked: true,
});

/** XOR of the shares; what they were is wiped. */
function keyOf([first, ...others]: readonly Walked[]): Uint8Array {
  if (first === undefined) throw new Error("a key has a share");
  for (const { key } of others) {
    xorInto(first.key, key);
    key.fill(0);
  }
  return first.key;
}

/**
 * Told once and not waited for: should it be lost, what the target has finds no twin, and goes after a minute. Until then
 * it takes room in the pool, and memory of the target's.
 */
function giveUp(reach: Reach, [terms]: readonly RelayTerms[]): void {
  const target = terms?.path.at(-1);
  if (terms !== undefined && target !== undefined) void asked(() => reach.voidAt(target, terms));
}

/** What to tell who wanted the key: `link-budget` where it may be there soon, else `no-path`. */
export function faultOfFailures(failures: readonly WalkFailure[]): Fault {
  const causes = new Set(failures.map(causeOf));
  const told = [...causes].slice(0, CAUSES_TOLD).join(", ");
  const dry = failures.filter(({ why }) => why === "dry");
  if (dry.length > 0) {
    const retryAfterSeconds = Math.max(...dry.map((failure) => failure.fault.retryAfterSeconds ?? RETRY_AFTER_SECONDS));
    return { ...fault("link-budget", `relays may take no more key for now: ${told}`), retryAfterSeconds };
  }
  return fault("no-path", told === "" ? "no path connects the two nodes" : `no path has brought the key: ${told}`);
}

const WORDS = {
  dry: "has no key for relays",
  silent: "does not answer",
  refused: "refuses",
  faulty: "answers what it should not",
  late: "the time was over",
  "given-up": "another share failed",
  unequal: "was on a way whose ends have got different keys",
} as const satisfies Record<WalkFailure["why"], string>;

function causeOf({ blamed, why }: WalkFailure): string {
  if (blamed === null) return WORDS[why];
  return `${"node" in blamed ? blamed.node : `link ${blamed.link.join("-")}`} ${WORDS[why]}`;
}
