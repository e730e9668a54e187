/** Where the keys of a request are asked for, in which order: at the link first, then at what came over other nodes. */
import type { Fault } from "../../shared/errors/errors.ts";
import { messageOf } from "../../shared/etsi014/error.ts";
import type { Wishes } from "../../shared/etsi014/extensions.ts";
import type { RankedWishes } from "../../shared/etsi014/key-request.ts";
import type { PairName } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import { type Route, shardsOf } from "../../shared/network/pairs.ts";
import { err, type Result } from "../../shared/result.ts";

/** Shards of a pair any of which will do. */
export interface Attempt {
  readonly pair: PairName;
  readonly shards: readonly number[];
  /** Links that the keys may have come over; null: any number. */
  readonly maxHops: number | null;
}

/**
 * What is preferred is tried before what will do.
 * @param others routes to further slaves of the same keys: what is for them lies in their pairs' pools, in the shard
 *   that made the keys
 */
export function attemptsFor(
  route: Route,
  { firm, preferred }: RankedWishes,
  others: readonly Route[] = [],
): readonly Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const attempt of [...attemptsOf(route, preferred, others), ...attemptsOf(route, firm, others)]) {
    const name = `${attempt.pair} ${attempt.shards.join()} ${attempt.maxHops}`;
    if (!attempts.has(name)) attempts.set(name, attempt);
  }
  return [...attempts.values()];
}

function attemptsOf(
  route: Route,
  { isDirect, maxHops, disjointPaths }: Wishes,
  others: readonly Route[],
): readonly Attempt[] {
  const { kind, pair, relayPaths } = route;
  const relayed = others.filter((other) => other.kind === "relay");
  const paths = Math.max(disjointPaths, ...relayed.map((other) => other.relayPaths ?? 1));
  const attempts: Attempt[] = [];
  const isOwn = kind !== "relay" && disjointPaths === 1;
  if (isOwn) {
    const [far] = relayed;
    // How key came is known in shards of relayed key only; to a neighbour's such shard its link lends what it needs.
    if (far !== undefined && (paths > 1 || maxHops !== null)) {
      return [{ pair: far.pair, shards: [relayShardOf(paths)], maxHops }];
    }
    attempts.push({ pair, shards: shardsOf(route), maxHops });
  }
  // What could come over one hop would come over the very link that has just been asked.
  if (relayPaths !== null && !isDirect && !(isOwn && maxHops === 1)) {
    attempts.push({ pair, shards: [relayShardOf(Math.max(paths, relayPaths))], maxHops });
  }
  return attempts;
}

/**
 * A pool has none for now; or gives none any more, as when its link has just gone. Who has had his share of a link gets
 * no more by another way: that would cost other links, and there would be no end to it.
 */
const NEXT_AFTER: ReadonlySet<string> = new Set<Fault["code"]>([
  "not-enough-keys",
  "no-path",
  "link-budget",
  "no-route",
]);

/**
 * One attempt after the other, as long as there is nothing to be had. What the client hears is why the first one failed,
 * unless its pool is none any more; with what became of the last.
 */
export async function firstToGive<T>(
  attempts: readonly Attempt[],
  ask: (attempt: Attempt) => Promise<Result<T, Fault>>,
): Promise<Result<T, Fault>> {
  let told: Fault | null = null;
  for (const attempt of attempts) {
    const answer = await ask(attempt);
    if (answer.ok) return answer;
    const { code } = answer.error;
    told = told === null || told.code === "no-route" ? answer.error : withReason(told, answer.error);
    if (!NEXT_AFTER.has(code)) break;
  }
  return err(told ?? { code: "no-route", message: "there is no way to these keys" });
}

const withReason = (first: Fault, relay: Fault): Fault => ({ ...first, details: [{ relay: messageOf(relay) }] });
