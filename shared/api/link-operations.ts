/** Routes of links and their pools: their state, the blocks pushed to them, their alarms. */
import { POOL_ALARMS } from "../keypool/alarms.ts";
import { LIMITS } from "../limits.ts";
import { MODULE_ALARMS } from "../qkd-module/alarms.ts";
import { json, jsonRequest, type Operation } from "./operation.ts";
import * as schemas from "./schemas.ts";

export const link = { link: "Link id of the network document." };

export const LINKS = {
  getLinks: {
    method: "get",
    path: "/api/v1/links",
    tag: "Links",
    summary: "List the links",
    action: "links.read",
    responses: { 200: json("Links, as configured", schemas.LinksSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/links",
  },
  getLink: {
    method: "get",
    path: "/api/v1/links/{link}",
    tag: "Links",
    summary: "Read a link and the state of its key pool",
    description: "A link whose source is `bb84` or `fake` has a `module` too: its sender's and its receiver's.",
    action: "links.read",
    pathParameters: link,
    responses: { 200: json("The link and its pool", schemas.LinkSchema) },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/links/tn-1-tn-2",
  },
  putBlock: {
    method: "put",
    path: "/api/v1/links/{link}/blocks/{block}",
    tag: "Links",
    summary: "Push a block of key material",
    description:
      "Idempotent: the same id with the same bytes is `already-ingested`, with other bytes a conflict. A block that fails its health tests is quarantined, with the figures, and answered 202; so is a block of a two-ended link that differs from its twin, or whose twin was given up before it came (`twin-late`).",
    action: "blocks.push",
    pathParameters: { ...link, block: "Block id, the same at both ends: `<file name>:<byte offset>`." },
    query: { node: { type: "string", required: true, description: "The end of the link that pushes." } },
    request: {
      description: `The block's bytes, 1 to ${LIMITS.blockBytes}`,
      contentType: "application/octet-stream",
      required: true,
      maxBytes: LIMITS.blockBytes,
    },
    responses: {
      200: json("Already taken in", schemas.IngestSchema),
      201: json("Taken in", schemas.IngestSchema),
      202: json("Kept, not usable: waits for its twin, or is quarantined", schemas.IngestSchema),
    },
    errors: ["forbidden", "not-found", "conflict", "body-too-large", "pool-full", "audit-full"],
    curl: '"/api/v1/links/tn-1-tn-2/blocks/keys.cor:0?node=tn-1" -X PUT --data-binary @block.bin',
  },
  deleteAlarms: {
    method: "delete",
    path: "/api/v1/links/{link}/alarms/{code}",
    tag: "Links",
    summary: "Clear a link's alarms of one code",
    description: "They have been looked into. What is still wrong raises them again. Audited.",
    action: "alarms.clear",
    pathParameters: { ...link, code: `One of ${Object.keys({ ...POOL_ALARMS, ...MODULE_ALARMS }).join(", ")}.` },
    responses: { 200: json("How many there were", schemas.AlarmsClearedSchema) },
    errors: ["forbidden", "not-found", "audit-full"],
    curl: "/api/v1/links/tn-1-tn-2/alarms/twin-missing -X DELETE",
  },
  postPrefill: {
    method: "post",
    path: "/api/v1/links/{link}/prefill",
    tag: "Links",
    summary: "Demo only: simulated material at once",
    description: "Exists in the demo network only. The pool is marked `simulated` from then on.",
    action: "links.prefill",
    pathParameters: link,
    request: jsonRequest("How much", schemas.PrefillRequestSchema, { required: true, example: { bytes: 1_048_576 } }),
    responses: { 200: json("What the pool has now", schemas.PrefillSchema) },
    errors: ["forbidden", "not-found", "body-too-large", "pool-full"],
    curl: `/api/v1/links/tn-1-tn-2/prefill -d '{"bytes":1048576}'`,
  },
} as const satisfies Record<string, Operation>;
