/** What the agent counts of itself, as log lines: one a link, a feed, an IPsec host. */
import type { RunningFeed } from "../feeds/feed.ts";
import type { Log, LogFields } from "../log.ts";
import type { Link } from "./link/link.ts";

export function logGauges(
  log: Log,
  level: "debug" | "info",
  links: readonly Pick<Link, "site" | "role" | "gauges">[],
  feeds: readonly Pick<RunningFeed, "name" | "gauges">[],
  hosts: readonly LogFields[],
): void {
  for (const { site, role, gauges } of links) {
    const { rttMs, ...counts } = gauges;
    log(level, "gauges", {
      hub: site,
      as: role,
      ...counts,
      rttMs: rttMs === null ? null : Math.round(rttMs * 100) / 100,
    });
  }
  for (const { name, gauges } of feeds) {
    const { device, ...counts } = gauges;
    log(level, "gauges", { feed: name, ...counts, ...device });
  }
  for (const fields of hosts) log(level, "gauges", fields);
}
