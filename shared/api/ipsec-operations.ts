/** Routes of nodes with an IPsec host: what controllers of RFC 9061 send, and what its agent tells. */
import { PROXY_ALARMS } from "../ipsec/alarms.ts";
import { NotificationsSchema } from "../ipsec/notification-schema.ts";
import { LIMITS } from "../limits.ts";
import * as v from "valibot";
import * as ipsec from "./ipsec-schemas.ts";
import { json, jsonRequest, type Operation, type RequestBody } from "./operation.ts";
import { AlarmsClearedSchema } from "./schemas.ts";

const pathParameters = { node: "Node hosted by this deployment, with `ipsec` in the network document." };
const base = "/api/v1/nodes/{node}/ipsec";
const prefer = {
  Prefer: {
    type: "string",
    description: `RFC 7240. \`wait=N\`: wait N seconds for the hosts, at most ${LIMITS.ipsecAnswerWaitMs / 1000}; \`respond-async\`: do not wait, 202 and \`Location\`.`,
  },
} as const;
const entries: RequestBody = {
  description:
    "JSON objects with `spd-entry` or `sad-entry`, one after the other, comma separated or in an array; or XML, told by its first character",
  contentType: "*/*",
  required: true,
  maxBytes: LIMITS.ipsecBodyBytes,
};
const batch = {
  200: json("What became of each entry so far", ipsec.BatchSchema),
  202: json("The same, with `Location`: where it is told how it goes on", ipsec.BatchSchema),
};
const errors = ["forbidden", "not-found", "body-too-large", "audit-full"] as const;
const writing = { method: "post", tag: "IPsec", action: "ipsec.write", pathParameters, errors } as const;
const posting = {
  ...writing,
  description:
    "Each entry is told of by itself, and a bad one stops no other. Keys in SAD entries are dropped: the two ends' agents make them. The same again changes nothing.",
  headers: prefer,
  request: entries,
  responses: batch,
} as const;

export const IPSEC = {
  postIpsecEntries: {
    ...posting,
    path: `${base}/ipsec-entries`,
    summary: "Install SPD and SAD entries at a node's IPsec host",
    curl: "/api/v1/nodes/tn-1/ipsec/ipsec-entries --data-binary @entries.json",
  },
  postIpsecRegister: {
    ...posting,
    path: `${base}/register`,
    summary: "The same, by its older name",
    curl: "/api/v1/nodes/tn-1/ipsec/register --data-binary @entries.json",
  },
  deleteIpsecEntries: {
    ...posting,
    method: "delete",
    path: `${base}/ipsec-entries`,
    summary: "Delete SPD and SAD entries",
    description:
      "By name; what is not there is deleted. An SA that was made anew answers to the name it was posted by.",
    curl: `/api/v1/nodes/tn-1/ipsec/ipsec-entries -X DELETE -d '{"sad-entry":{"name":"out/a/in/b_300","reqid":1}}'`,
  },
  getIpsecEntries: {
    method: "get",
    path: `${base}/ipsec-entries`,
    tag: "IPsec",
    summary: "Read what became of a call's entries, or of all of a node",
    action: "ipsec.read",
    pathParameters,
    query: { batch: { type: "string", description: "Of a call. Absent: the node's state as a whole." } },
    responses: { 200: json("The batch, or the node's state", v.union([ipsec.BatchSchema, ipsec.IpsecStatusSchema])) },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/nodes/tn-1/ipsec/ipsec-entries",
  },
  postCreateQkd: {
    ...writing,
    path: `${base}/createqkd`,
    summary: "Set what the keys between two proxy agents are made of",
    description:
      "Kept for the pair, in whichever order, and told to the other end where it is hosted here. SAs that are installed keep their keys.",
    request: jsonRequest("As the original proxy agent takes it", ipsec.CreateQkdSchema, {
      required: true,
      example: {
        "use-qkd": "yes",
        "pqc-algorithm": "ML-KEM-768",
        "hybridization-method": "xoring",
        endpoint1: "192.168.1.11",
        endpoint2: "192.168.1.20",
      },
    }),
    responses: { 200: json("Set", ipsec.StatusOkSchema) },
    curl: `/api/v1/nodes/tn-1/ipsec/createqkd -d '{"endpoint1":"192.168.1.11","endpoint2":"192.168.1.20","use-qkd":"yes"}'`,
  },
  postIpsecRekey: {
    ...writing,
    path: `${base}/rekey`,
    summary: "Make the SAs of a tunnel anew now",
    description: "Of all SAs between the two prefixes of the one that is named, in both directions, make before break.",
    request: jsonRequest("One of its SAs", ipsec.RekeySchema, { required: true, example: { name: "out/a/in/b_300" } }),
    responses: { 202: json("Begun, or under way already", ipsec.RekeyBegunSchema) },
    errors: [...errors, "conflict"],
    curl: `/api/v1/nodes/tn-1/ipsec/rekey -d '{"name":"out/a/in/b_300"}'`,
  },
  postIpsecNotifications: {
    method: "post",
    path: `${base}/notifications`,
    tag: "IPsec",
    summary: "Tell what the IPsec host has told its agent",
    description: "For the agent of the node's site.",
    action: "ipsec.notify",
    pathParameters,
    request: jsonRequest("Notifications of RFC 9061", NotificationsSchema, {
      required: true,
      example: {
        notifications: [
          { kind: "sadb-expire", eventTime: "2026-11-22T12:00:00Z", saName: "out/a/in/b_300", soft: true, current: {} },
        ],
      },
    }),
    responses: { 200: json("How many were taken", ipsec.NotedSchema) },
    errors: ["forbidden", "not-found", "body-too-large"],
    curl: "/api/v1/nodes/tn-1/ipsec/notifications -d @notifications.json",
  },
  deleteIpsecAlarms: {
    method: "delete",
    path: `${base}/alarms/{code}`,
    tag: "IPsec",
    summary: "Clear the alarms of one code of a node's IPsec host",
    description: "They have been looked into. What is still wrong raises them again. Audited.",
    action: "alarms.clear",
    pathParameters: { ...pathParameters, code: `One of ${Object.keys(PROXY_ALARMS).join(", ")}.` },
    responses: { 200: json("How many there were", AlarmsClearedSchema) },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/nodes/tn-1/ipsec/alarms/rekey-failed -X DELETE",
  },
} as const satisfies Record<string, Operation>;
