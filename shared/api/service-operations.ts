/** Routes of the service itself: who the caller is, what was done here, how it does, how to use it. */
import { LIMITS } from "../limits.ts";
import { json, type Operation } from "./operation.ts";
import * as schemas from "./schemas.ts";

export const SERVICE = {
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
