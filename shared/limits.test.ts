/** Bounds of all parts stand in one table: two of one name would be one of them, silently. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ALARMS } from "./limits-alarms.ts";
import { BETWEEN_NODES } from "./limits-between-nodes.ts";
import { BROWSERS } from "./limits-browsers.ts";
import { CLIENT } from "./limits-client.ts";
import { DOCTOR } from "./limits-doctor.ts";
import { IPSEC_AGENT } from "./limits-ipsec-agent.ts";
import { IPSEC } from "./limits-ipsec.ts";
import { MONITOR } from "./limits-monitor.ts";
import { NETCONF } from "./limits-netconf.ts";
import { OPEN_QKD_NETWORK } from "./limits-open-qkd-network.ts";
import { PROXY_AGENT } from "./limits-proxy-agent.ts";
import { QKD_MODULES } from "./limits-qkd-modules.ts";
import { STREAMS } from "./limits-streams.ts";
import { FRONTS } from "./limits-fronts.ts";
import { FEEDS } from "./limits-feeds.ts";
import { TUNNEL } from "./limits-tunnel.ts";
import { SITE_AGENT } from "./limits-site-agent.ts";
import { HYBRID } from "./limits-hybrid.ts";
import { TELEMETRY } from "./limits-telemetry.ts";

const PARTS = {
  ALARMS,
  BETWEEN_NODES,
  BROWSERS,
  CLIENT,
  DOCTOR,
  IPSEC,
  IPSEC_AGENT,
  MONITOR,
  NETCONF,
  OPEN_QKD_NETWORK,
  PROXY_AGENT,
  QKD_MODULES,
  TELEMETRY,
  STREAMS,
  FRONTS,
  FEEDS,
  TUNNEL,
  SITE_AGENT,
  HYBRID,
};

test("each bound has a name of its own", () => {
  const source = readFileSync(join(import.meta.dirname, "limits.ts"), "utf8");
  const own = [...source.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
  expect(own.length).toBeGreaterThan(100);
  const composed = [...source.matchAll(/^ {2}\.\.\.(\w+),/gm)].map(([, name]) => name);
  expect(new Set(composed)).toEqual(new Set(Object.keys(PARTS)));
  const names = [...own, ...Object.values(PARTS).flatMap((part) => Object.keys(part))];
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});
