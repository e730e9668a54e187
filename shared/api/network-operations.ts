/** Routes of the network document, its versions and the list of what is revoked. */
import { LIMITS } from "../limits.ts";
import { json, jsonRequest, type Operation, type Parameter } from "./operation.ts";
import * as schemas from "./schemas.ts";

const ifMatch: Record<string, Parameter> = {
  "If-Match": { type: "string", required: true, description: 'The document version you saw, as its ETag: "7".' },
};
const documentRequest = jsonRequest("Network document", schemas.NetworkDocumentSchema, {
  required: true,
  maxBytes: LIMITS.networkBodyBytes,
  example: { nodes: [{ id: "tn-1" }], links: [], saes: [], operators: [] },
});

export const NETWORK = {
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
