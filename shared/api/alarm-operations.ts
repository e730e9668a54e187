/** Routes of the deployment's alarms: all that stand, whoever raised them, and those of the last day. */
import { LIMITS } from "../limits.ts";
import { ALARM_STATES } from "../monitor/alarm-rpc.ts";
import { AcknowledgementSchema, AlarmsSchema, WebhooksSchema } from "./alarm-schemas.ts";
import { MonitorAlarmSchema } from "./monitor-schemas.ts";
import { json, jsonRequest, type Operation } from "./operation.ts";

const PATH = "/api/v1/alarms/{alarm}/acknowledge";
const alarm = { alarm: "Id of the alarm." };

export const ALARM_OPERATIONS = {
  getAlarms: {
    method: "get",
    path: "/api/v1/alarms",
    tag: "Alarms",
    summary: "List the deployment's alarms",
    description: `The latest first, at most ${LIMITS.alarmsListed}. Those of links, pairs, nodes, IPsec hosts and sites, and what the Monitor sees by itself: docs/alarms.md has all codes.`,
    action: "monitor.read",
    query: {
      state: { type: "string", description: `Which: ${ALARM_STATES.join(", ")}. Those that stand where absent.` },
    },
    responses: { 200: json("The alarms", AlarmsSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/alarms",
  },
  postAcknowledgement: {
    method: "post",
    path: PATH,
    tag: "Alarms",
    summary: "Acknowledge an alarm",
    description:
      "Somebody looks into it: it goes on standing until its cause is gone. Again replaces the note. Audited.",
    action: "alarms.acknowledge",
    pathParameters: alarm,
    request: jsonRequest("What there is to say", AcknowledgementSchema, {
      required: true,
      example: { note: "Ada is on her way to the site" },
    }),
    responses: { 200: json("The alarm", MonitorAlarmSchema) },
    errors: ["forbidden", "not-found", "conflict", "body-too-large"],
    curl: '/api/v1/alarms/17/acknowledge -d \'{"note":"on my way"}\'',
  },
  deleteAcknowledgement: {
    method: "delete",
    path: PATH,
    tag: "Alarms",
    summary: "Take an acknowledgement back",
    action: "alarms.acknowledge",
    pathParameters: alarm,
    responses: { 200: json("The alarm", MonitorAlarmSchema) },
    errors: ["forbidden", "not-found", "conflict"],
    curl: "/api/v1/alarms/17/acknowledge -X DELETE",
  },
  getWebhooks: {
    method: "get",
    path: "/api/v1/webhooks",
    tag: "Alarms",
    summary: "How the webhooks fare, and the keys that their messages are signed by",
    action: "monitor.read",
    responses: { 200: json("Those of the network document", WebhooksSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/webhooks",
  },
} as const satisfies Record<string, Operation>;
