/** ETSI GS QKD 014: the routes of SAEs. */
import { KeyContainerSchema } from "../etsi014/key-container.ts";
import { KeyIdsSchema } from "../etsi014/key-ids.ts";
import { KeyRequestSchema } from "../etsi014/key-request.ts";
import { StatusSchema } from "../etsi014/status-schema.ts";
import { LIMITS } from "../limits.ts";
import { EXAMPLE_KEY_ID, json, jsonRequest, type Operation, type Parameter } from "./operation.ts";

const slave = { slave_SAE_ID: "The other SAE, URL-encoded; any text, decoded once." };
const master = { master_SAE_ID: "The SAE that called enc_keys, URL-encoded; any text, decoded once." };
const idempotencyKey: Record<string, Parameter> = {
  "Idempotency-Key": {
    type: "string",
    description: `Where the policy's delivery_grace_s is above 0: the same caller repeating the same request gets the same container again. At most ${LIMITS.idempotencyKeyChars} characters.`,
  },
};

const encErrors = [
  "size-not-octets",
  "extension-mandatory-unsupported",
  "extension-mandatory-unmet",
  "extension-optional-unhandled",
  "unknown-sae",
  "no-route",
  "idempotency-mismatch",
  "not-enough-keys",
  "no-path",
  "link-budget",
  "over-quota",
  "audit-full",
] as const;
const decErrors = ["key-not-found", "unknown-sae", "no-route", "idempotency-mismatch", "audit-full"] as const;

export const KEYS = {
  getStatus: {
    method: "get",
    path: "/api/v1/keys/{slave_SAE_ID}/status",
    tag: "Keys",
    summary: "Get status",
    description:
      "ETSI GS QKD 014 clause 5.2. status_extension.qkdedge tells where the pair's bits come from, in which state each of them is (conservation) and what the health tests found; where keys are relayed over other nodes its member relay tells the paths, their hops and costs, and what is cut.",
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
      'ETSI GS QKD 014 clause 5.3. No body asks for one key of the default size. The body is read as JSON whatever its Content-Type. Supported extensions: qkdedge_route_type ("direct": from a link between the two nodes), qkdedge_max_hops (1 to 64: links the key may have come over), qkdedge_disjoint_paths (1 to 4: shares over so many node-disjoint paths). They hold for additional slaves, too.',
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
