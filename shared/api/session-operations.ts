/** Sessions of operators in browsers: see shared/auth/session.ts. */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";
import { json, type Operation } from "./operation.ts";

export const SessionSchema = v.object({
  /** Whose it is, as in the audit log: `operator:op`. */
  principal: v.string(),
  /** The actions its token is limited to; null: all that operators may do. */
  scopes: v.nullable(v.array(v.string())),
  /** To be sent as the header `QKD-CSRF` with all that is not a GET. Each answer has another; all of a session count. */
  csrf: v.string(),
  expires: v.pipe(v.string(), v.isoTimestamp()),
});

const path = "/api/v1/session";
const HOURS = LIMITS.sessionMs / 3_600_000;

export const SESSIONS = {
  postSession: {
    method: "post",
    path,
    tag: "Service",
    summary: "Sign in with a browser",
    description: `By an operator's bearer token. The answer sets the cookie \`__Host-qkd-session\` (Secure, HttpOnly, SameSite=Strict): for ${HOURS} hours at most it stands for that token wherever operators act, on requests of the edge's own pages; never where keys are handed out. The ${LIMITS.sessionsEach} sessions of an operator that began last count.`,
    action: "authenticated",
    responses: { 200: json("The session, whose id is in the cookie alone", SessionSchema) },
    errors: ["forbidden", "audit-full"],
    curl: "/api/v1/session -X POST -c cookies.txt",
  },
  getSession: {
    method: "get",
    path,
    tag: "Service",
    summary: "Who is signed in?",
    action: "authenticated",
    takesSession: true,
    responses: { 200: json("The session that the cookie tells of", SessionSchema) },
    errors: ["not-found"],
    curl: "/api/v1/session -b cookies.txt -H 'Sec-Fetch-Site: same-origin'",
  },
  deleteSession: {
    method: "delete",
    path,
    tag: "Service",
    summary: "Sign out",
    action: "authenticated",
    takesSession: true,
    responses: { 204: { description: "The session is over, and the cookie taken back" } },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/session -X DELETE -b cookies.txt -H 'Sec-Fetch-Site: same-origin' -H 'QKD-CSRF: ...'",
  },
} as const satisfies Record<string, Operation>;
