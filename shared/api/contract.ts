/**
 * Every route, once. The Worker registers its routes from this table (workers/app.ts), `scripts/generate.ts` writes
 * the OpenAPI document from it, and a test holds the three equal.
 */
import type { ErrorCode } from "../errors/errors.ts";
import { KeyContainerSchema } from "../etsi014/key-container.ts";
import { KeyIdsSchema } from "../etsi014/key-ids.ts";
import { KeyRequestSchema } from "../etsi014/key-request.ts";
import { StatusSchema } from "../etsi014/status.ts";
import { POOL_ALARMS } from "../keypool/alarms.ts";
import { LIMITS } from "../limits.ts";
import { EPOCHS } from "./epoch-operations.ts";
import { HAND_OVER } from "./hand-over-operations.ts";
import { type Body, json, type Operation, type Parameter, type RequestBody } from "./operation.ts";
import * as schemas from "./schemas.ts";
import { SITES } from "./site-operations.ts";

const jsonRequest = (
  description: string,
  schema: NonNullable<Body["schema"]>,
  more: { readonly required: boolean; readonly maxBytes?: number; readonly example: unknown },
): RequestBody => ({ ...json(description, schema), maxBytes: LIMITS.jsonBodyBytes, ...more });

/** What any route may answer, and any authenticated one besides. */
export const COMMON_ERRORS = {
  all: ["bad-request", "uri-too-long", "headers-too-large", "internal"],
  authenticated: ["unauthorised", "rate-limited", "directory-unavailable", "unavailable"],
} as const satisfies Record<string, readonly ErrorCode[]>;

const slave = { slave_SAE_ID: "The other SAE, URL-encoded; any text, decoded once." };
const master = { master_SAE_ID: "The SAE that called enc_keys, URL-encoded; any text, decoded once." };
const link = { link: "Link id of the network document." };
const idempotencyKey: Record<string, Parameter> = {
  "Idempotency-Key": {
    type: "string",
    description: `Where the policy's delivery_grace_s is above 0: the same caller repeating the same request gets the same container again. At most ${LIMITS.idempotencyKeyChars} characters.`,
  },
};
const ifMatch: Record<string, Parameter> = {
  "If-Match": { type: "string", required: true, description: 'The document version you saw, as its ETag: "7".' },
};

const EXAMPLE_KEY_ID = "bc490419-7d60-487f-adc1-4ddcc177c139";
const encErrors = [
  "size-not-octets",
  "extension-mandatory-unsupported",
  "extension-mandatory-unmet",
  "extension-optional-unhandled",
  "unknown-sae",
  "no-route",
  "idempotency-mismatch",
  "not-enough-keys",
  "audit-full",
] as const;
const decErrors = ["key-not-found", "unknown-sae", "no-route", "idempotency-mismatch", "audit-full"] as const;

const KEYS = {
  getStatus: {
    method: "get",
    path: "/api/v1/keys/{slave_SAE_ID}/status",
    tag: "Keys",
    summary: "Get status",
    description:
      "ETSI GS QKD 014 clause 5.2. status_extension.qkdedge tells where the pair's bits come from, in which state each of them is (conservation) and what the health tests found.",
    action: "keys.status",
    pathParameters: slave,
    responses: { 200: json("Status", StatusSchema) },
    errors: ["unknown-sae", "no-route"],
    curl: "/api/v1/keys/sae-c/status",
  },
  getEncKeys: {
    method: "get",
    path: "/api/v1/keys/{slave_SAE_ID}/enc_keys",
    tag: "Keys",
    summary: "Get key (simple form)",
    description: "ETSI GS QKD 014 clause 5.3, with number and size only. Unknown query parameters are ignored.",
    action: "keys.enc",
    pathParameters: slave,
    query: {
      number: { type: "integer", description: "How many keys; 1 where absent." },
      size: { type: "integer", description: "Bits a key, a multiple of 8; the status's key_size where absent." },
    },
    headers: idempotencyKey,
    responses: { 200: json("Key container: exactly as many keys as asked for", KeyContainerSchema) },
    errors: encErrors,
    curl: '"/api/v1/keys/sae-c/enc_keys?number=1&size=256"',
  },
  postEncKeys: {
    method: "post",
    path: "/api/v1/keys/{slave_SAE_ID}/enc_keys",
    tag: "Keys",
    summary: "Get key",
    description:
      'ETSI GS QKD 014 clause 5.3. No body asks for one key of the default size. The body is read as JSON whatever its Content-Type. Supported mandatory extension: {"qkdedge_route_type":"direct"}.',
    action: "keys.enc",
    pathParameters: slave,
    headers: idempotencyKey,
    request: jsonRequest("Key request", KeyRequestSchema, {
      required: false,
      example: { number: 2, size: 256, extension_mandatory: [{ qkdedge_route_type: "direct" }] },
    }),
    responses: { 200: json("Key container: exactly as many keys as asked for", KeyContainerSchema) },
    errors: [...encErrors, "body-too-large"],
    curl: `/api/v1/keys/sae-c/enc_keys -d '{"number":2,"size":256}'`,
  },
  getDecKeys: {
    method: "get",
    path: "/api/v1/keys/{master_SAE_ID}/dec_keys",
    tag: "Keys",
    summary: "Get key with key IDs (one key)",
    description: "ETSI GS QKD 014 clause 5.4, with exactly one key_ID. Each recipient gets a key once.",
    action: "keys.dec",
    pathParameters: master,
    query: { key_ID: { type: "string", required: true, description: "UUID of the key, in any case." } },
    headers: idempotencyKey,
    responses: { 200: json("Key container", KeyContainerSchema) },
    errors: decErrors,
    curl: `"/api/v1/keys/sae-a/dec_keys?key_ID=${EXAMPLE_KEY_ID}"`,
  },
  postDecKeys: {
    method: "post",
    path: "/api/v1/keys/{master_SAE_ID}/dec_keys",
    tag: "Keys",
    summary: "Get key with key IDs",
    description:
      "ETSI GS QKD 014 clause 5.4. All the keys asked for, in that order, or none. Each recipient gets a key once.",
    action: "keys.dec",
    pathParameters: master,
    headers: idempotencyKey,
    request: jsonRequest("Key IDs", KeyIdsSchema, {
      required: true,
      example: { key_IDs: [{ key_ID: EXAMPLE_KEY_ID }] },
    }),
    responses: { 200: json("Key container", KeyContainerSchema) },
    errors: [...decErrors, "body-too-large"],
    curl: `/api/v1/keys/sae-a/dec_keys -d '{"key_IDs":[{"key_ID":"${EXAMPLE_KEY_ID}"}]}'`,
  },
} as const satisfies Record<string, Operation>;

const documentRequest = jsonRequest("Network document", schemas.NetworkDocumentSchema, {
  required: true,
  maxBytes: LIMITS.networkBodyBytes,
  example: { nodes: [{ id: "tn-1" }], links: [], saes: [], operators: [] },
});

const NETWORK = {
  getNetwork: {
    method: "get",
    path: "/api/v1/network",
    tag: "Network",
    summary: "Read the network document",
    description: "The ETag is the document's version.",
    action: "network.read",
    query: { version: { type: "integer", description: "An older version; the current one where absent." } },
    responses: { 200: json("Network document", schemas.NetworkDocumentSchema) },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/network",
  },
  putNetwork: {
    method: "put",
    path: "/api/v1/network",
    tag: "Network",
    summary: "Replace the network document",
    description:
      "Validated as a whole, applied atomically, without a restart. A bad document changes nothing; the error's details hold every fault with its JSON pointer.",
    action: "network.write",
    headers: ifMatch,
    request: documentRequest,
    responses: { 200: json("The new version, also as ETag", schemas.VersionSchema) },
    errors: ["forbidden", "body-too-large", "conflict", "precondition-failed", "precondition-required"],
    curl: `/api/v1/network -X PUT -H 'If-Match: "7"' --data-binary @network.json`,
  },
  getNetworkVersions: {
    method: "get",
    path: "/api/v1/network/versions",
    tag: "Network",
    summary: "List the versions kept",
    action: "network.read",
    responses: { 200: json("Versions, with who made them and when", schemas.NetworkVersionsSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/network/versions",
  },
  postNetworkDiff: {
    method: "post",
    path: "/api/v1/network/diff",
    tag: "Network",
    summary: "Tell what a document would change",
    description:
      "Changes nothing. Counts the pending keys that would be voided after the drain time, and the unused bits of links that go.",
    action: "network.read",
    request: documentRequest,
    responses: { 200: json("What would change", schemas.NetworkDiffSchema) },
    errors: ["forbidden", "body-too-large"],
    curl: "/api/v1/network/diff --data-binary @network.json",
  },
  postNetworkRestore: {
    method: "post",
    path: "/api/v1/network/restore",
    tag: "Network",
    summary: "Make an older version the current one",
    description: "Becomes a new version. Revocations stay: no restore un-revokes.",
    action: "network.write",
    headers: ifMatch,
    request: jsonRequest("The version to restore", schemas.RestoreRequestSchema, {
      required: true,
      example: { version: 6 },
    }),
    responses: { 200: json("The new version, also as ETag", schemas.VersionSchema) },
    errors: ["forbidden", "not-found", "body-too-large", "conflict", "precondition-failed", "precondition-required"],
    curl: `/api/v1/network/restore -H 'If-Match: "7"' -d '{"version":6}'`,
  },
  getNetworkSchema: {
    method: "get",
    path: "/api/v1/network/schema",
    tag: "Network",
    summary: "JSON Schema of the network document",
    action: null,
    responses: { 200: { description: "JSON Schema (2020-12)", contentType: "application/schema+json" } },
    errors: [],
    curl: "/api/v1/network/schema",
  },
  getRevocations: {
    method: "get",
    path: "/api/v1/revocations",
    tag: "Network",
    summary: "List what is revoked",
    action: "revocations.read",
    responses: { 200: json("Revocations, oldest first", schemas.RevocationsSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/revocations",
  },
  postRevocations: {
    method: "post",
    path: "/api/v1/revocations",
    tag: "Network",
    summary: "Revoke a certificate, a token or a principal",
    description:
      "For ever: the list only grows. In force within a second everywhere, on open connections to the KMEs too: they are closed. The last credential by which an operator can write the network is a conflict, unless `force` is true.",
    action: "revocations.write",
    request: jsonRequest("What to revoke", schemas.RevocationRequestSchema, {
      required: true,
      example: { kind: "principal", value: "sae:sae-a", reason: "laptop lost" },
    }),
    responses: { 201: json("The revocation", schemas.RevocationSchema) },
    errors: ["forbidden", "body-too-large", "conflict"],
    curl: `/api/v1/revocations -d '{"kind":"principal","value":"sae:sae-a","reason":"laptop lost"}'`,
  },
} as const satisfies Record<string, Operation>;

const LINKS = {
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
    pathParameters: { ...link, code: `One of ${Object.keys(POOL_ALARMS).join(", ")}.` },
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

const SERVICE = {
  getWhoami: {
    method: "get",
    path: "/api/v1/whoami",
    tag: "Service",
    summary: "Who am I here?",
    description:
      "What became of the caller's certificate or token, and 401 where it counts for nobody. A KME front asks it for the certificates of its open connections, and closes those answered 401.",
    action: "authenticated",
    snapshotAgeMs: LIMITS.whoamiSnapshotAgeMs,
    responses: { 200: json("The caller", schemas.WhoamiSchema) },
    errors: [],
    curl: "/api/v1/whoami",
  },
  getAudit: {
    method: "get",
    path: "/api/v1/audit",
    tag: "Audit",
    summary: "Read the audit log of a node",
    description: "Append-only and hash-chained. `deployment` is the log of acts that belong to no node.",
    action: "audit.read",
    query: {
      node: { type: "string", description: "Node id; `deployment` where absent." },
      after: { type: "integer", description: "Read on after this index." },
      limit: {
        type: "integer",
        description: `At most so many records, 1 to ${LIMITS.auditReadRecords}; fewer where a page would cut those of one hash.`,
      },
    },
    responses: { 200: json("Records, oldest first", schemas.AuditSchema) },
    errors: ["forbidden", "not-found"],
    curl: '"/api/v1/audit?node=tn-1&limit=100"',
  },
  getHealthz: {
    method: "get",
    path: "/healthz",
    tag: "Service",
    summary: "Is the Worker serving?",
    action: null,
    responses: { 200: json("It is", schemas.HealthzSchema) },
    errors: [],
    curl: "/healthz",
  },
  getOpenapi: {
    method: "get",
    path: "/openapi.json",
    tag: "Service",
    summary: "This document",
    action: null,
    responses: { 200: { description: "OpenAPI 3.1", contentType: "application/json" } },
    errors: [],
    curl: "/openapi.json",
  },
  getDocs: {
    method: "get",
    path: "/docs",
    tag: "Service",
    summary: "This document as a page",
    action: null,
    responses: { 200: { description: "HTML", contentType: "text/html" } },
    errors: [],
    curl: "/docs",
  },
} as const satisfies Record<string, Operation>;

export const CONTRACT = { ...KEYS, ...NETWORK, ...LINKS, ...HAND_OVER, ...SITES, ...EPOCHS, ...SERVICE } as const;
export type OperationId = keyof typeof CONTRACT;
export const OPERATION_IDS = Object.keys(CONTRACT) as OperationId[];
/** The same table with the details of each entry widened, for those who walk it. */
export const OPERATIONS: Readonly<Record<OperationId, Operation>> = CONTRACT;
/** Operations that answer by themselves. */
export type StreamingId = {
  [Id in OperationId]: (typeof CONTRACT)[Id] extends { readonly streams: true } ? Id : never;
}[OperationId];
