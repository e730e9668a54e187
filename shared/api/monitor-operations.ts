/** Routes of the monitor: the deployment at one glance, live, and of late. */
import { FIGURES_BY_KIND } from "../monitor/rings.ts";
import { MONITOR_PROTOCOL, MonitorHistorySchema, MonitorViewSchema } from "./monitor-schemas.ts";
import { json, type Operation } from "./operation.ts";

const figures = Object.entries(FIGURES_BY_KIND).map(([kind, names]) => `of a ${kind} ${names.join(", ")}`);

export const MONITOR_OPERATIONS = {
  getMonitor: {
    method: "get",
    path: "/api/v1/monitor",
    tag: "Monitor",
    summary: "See the deployment at one glance",
    description:
      "All objects are asked first, unless they have been within a second. One that does not answer is `unknown`, and takes nothing from the others.",
    action: "monitor.read",
    responses: { 200: json("The deployment", MonitorViewSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/monitor",
  },
  getMonitorLive: {
    method: "get",
    path: "/api/v1/monitor/live",
    tag: "Monitor",
    summary: "Watch the deployment",
    description: `A WebSocket of the subprotocol \`${MONITOR_PROTOCOL}\`. It sends JSON texts: a \`view\` as of \`/api/v1/monitor\`, then an \`update\` a second at most, with the entities that have changed, whole, and the ids of those that are gone. Each is to be acknowledged, \`{"type":"ack","n":N}\`: nothing more is sent until then, and then all that has changed at once.`,
    action: "monitor.read",
    responses: { 101: { description: "The WebSocket" } },
    errors: ["forbidden", "upgrade-required"],
    streams: true,
    curl: "/api/v1/monitor/live",
  },
  getMonitorHistory: {
    method: "get",
    path: "/api/v1/monitor/history",
    tag: "Monitor",
    summary: "Read how a figure was of late",
    description:
      "In steps of 10 s for an hour, of 60 s for a day: the first sample in a step counts. Steps without a sample are left out.",
    action: "monitor.read",
    query: {
      of: {
        type: "string",
        required: true,
        description: "`link:ID`, `pair:ID` with an id of the view's pairs, or `deployment`.",
      },
      figure: { type: "string", required: true, description: `Which: ${figures.join("; ")}.` },
      since: { type: "string", description: "Instant (ISO 8601); an hour ago where absent." },
    },
    responses: { 200: json("The figure, the oldest first", MonitorHistorySchema) },
    errors: ["forbidden"],
    curl: '"/api/v1/monitor/history?of=link:tn-1-tn-2&figure=available_bits"',
  },
} as const satisfies Record<string, Operation>;
