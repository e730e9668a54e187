/** A pool's alarms as clients of the HTTP API see them: members in snake_case. */
import { instant } from "../instant.ts";
import { POOL_ALARMS } from "./alarms.ts";
import type { PoolStatus } from "./types.ts";

/** For those who run the link. */
export const alarmsInFull = (pools: readonly PoolStatus[]) =>
  pools.flatMap(({ shard, alarms = [] }) =>
    alarms.map(({ code, subject, firstMs, lastMs, count, detail }) => ({
      code,
      meaning: POOL_ALARMS[code],
      shard,
      subject,
      first: instant(firstMs),
      last: instant(lastMs),
      count,
      detail,
    })),
  );

/** For SAEs: codes and times. What an alarm is about is not for them. */
export function alarmsInBrief(pools: readonly PoolStatus[]) {
  const alarms = pools.flatMap((pool) => pool.alarms ?? []);
  return [...Map.groupBy(alarms, ({ code }) => code)].map(([code, ofCode]) => ({
    code,
    first: instant(Math.min(...ofCode.map(({ firstMs }) => firstMs))),
    last: instant(Math.max(...ofCode.map(({ lastMs }) => lastMs))),
  }));
}
