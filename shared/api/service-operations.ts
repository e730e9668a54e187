/** Routes of the service itself: who the caller is, how it does, how to use it. */
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
  getMetrics: {
    method: "get",
    path: "/metrics",
    tag: "Service",
    summary: "Figures for Prometheus",
    description:
      "In its text format, or as OpenMetrics 1.0 where `Accept` would rather have that. Names and labels: docs/metrics.md.",
    action: "metrics.read",
    responses: { 200: { description: "Samples, at most ten seconds old", contentType: "text/plain" } },
    errors: ["forbidden"],
    curl: "/metrics",
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
    path: "/docs/api",
    tag: "Service",
    summary: "This document as a page",
    action: null,
    responses: { 200: { description: "HTML", contentType: "text/html" } },
    errors: [],
    curl: "/docs/api",
  },
} as const satisfies Record<string, Operation>;
