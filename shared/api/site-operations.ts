/** Routes of sites: enrolment of agents, the tunnel, and what is reached through it. */
import { LIMITS } from "../limits.ts";
import { HELLO_HEADER } from "../tunnel/messages.ts";
import { TUNNEL_ALARMS } from "../tunnel/types.ts";
import { json, jsonRequest, type Operation } from "./operation.ts";
import { AlarmsClearedSchema } from "./schemas.ts";
import {
  EnrolledSchema,
  EnrolmentSchema,
  ExpelledSchema,
  NonceSchema,
  SiteReportsSchema,
  SiteReportsTakenSchema,
  SiteSchema,
  SitesSchema,
} from "./site-schemas.ts";

const site = { site: "Site of the network document: where nodes or agents are." };
const PATH = "/api/v1/sites/{site}";

const REPORTS = {
  reports: [
    {
      act: "hybrid.source-dropped",
      ksid: "0f3a5c1e-6f2b-4d55-9f0e-3c1d2b4a5968",
      node: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
      peer: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
      count: 1,
      detail: { method: "qkdedge-hkdf-v1", sources: ["QKD"] },
    },
  ],
};

export const SITES = {
  getSites: {
    method: "get",
    path: "/api/v1/sites",
    tag: "Sites",
    summary: "List the sites",
    description:
      "Operators see all of every site; agents all of their own, and of others the services that they may open. A page may hold fewer than asked for.",
    action: "sites.read",
    query: {
      after: { type: "string", description: "Read on after this site." },
      limit: { type: "integer", description: `At most so many sites, 1 to ${LIMITS.sitesListed}.` },
    },
    responses: { 200: json("A page of sites, by name", SitesSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/sites",
  },
  getSite: {
    method: "get",
    path: PATH,
    tag: "Sites",
    summary: "Read a site: its agents, services and peers",
    action: "sites.read",
    pathParameters: site,
    responses: { 200: json("The site", SiteSchema) },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/sites/site-a",
  },
  postAgents: {
    method: "post",
    path: `${PATH}/agents`,
    tag: "Sites",
    summary: "Enrol an installation of an agent",
    description:
      "With the agent's token, which is good for one installation, once: the same enrolment again is answered as the first. From then on the installation proves itself by its keys.",
    action: "agents.enrol",
    pathParameters: site,
    request: {
      ...json("The installation and its public keys", EnrolmentSchema),
      required: true,
      maxBytes: LIMITS.jsonBodyBytes,
    },
    responses: { 201: json("It is known from now on", EnrolledSchema) },
    errors: ["forbidden", "not-found", "conflict", "body-too-large"],
    curl: "/api/v1/sites/site-a/agents -d @enrolment.json",
  },
  deleteAgent: {
    method: "delete",
    path: `${PATH}/agents/{instance}`,
    tag: "Sites",
    summary: "Expel an installation of an agent",
    description: "Its keys are forgotten and its connections closed, at the hubs of other sites too. Audited.",
    action: "agents.expel",
    pathParameters: { ...site, instance: "UUID of the installation." },
    responses: { 200: json("Expelled", ExpelledSchema) },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/sites/site-a/agents/0a000000-0000-4000-8000-000000000001 -X DELETE",
  },
  deleteSiteAlarms: {
    method: "delete",
    path: `${PATH}/alarms/{code}`,
    tag: "Sites",
    summary: "Clear a site's alarms of one code",
    description: "They have been looked into. What is still wrong raises them again. Audited.",
    action: "alarms.clear",
    pathParameters: { ...site, code: `One of ${Object.keys(TUNNEL_ALARMS).join(", ")}.` },
    responses: { 200: json("How many there were", AlarmsClearedSchema) },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/sites/site-a/alarms/too-much -X DELETE",
  },
  postSiteReports: {
    method: "post",
    path: `${PATH}/reports`,
    tag: "Sites",
    summary: "Report what an agent has seen of hybrid keys",
    description:
      "By an agent of the site itself: sources that were left out, keys that the two ends did not make alike, a shared seed in place of a second source. All of it is audited; the latter two raise the site's alarms. Of one act and pair, those that come soon after another are counted, and told with the next.",
    action: "sites.report",
    pathParameters: site,
    request: jsonRequest("What it has seen", SiteReportsSchema, { required: true, example: REPORTS }),
    responses: { 200: json("How many reports were taken", SiteReportsTakenSchema) },
    errors: ["forbidden", "not-found", "body-too-large"],
    curl: "/api/v1/sites/site-a/reports -d @reports.json",
  },
  postNonces: {
    method: "post",
    path: `${PATH}/tunnel/nonces`,
    tag: "Sites",
    summary: "Get a nonce for the tunnel",
    description: "An agent signs it to show who it is: see getTunnel. Good for one hello, for ten seconds.",
    action: null,
    pathParameters: site,
    responses: { 201: json("The nonce, base64", NonceSchema) },
    errors: ["not-found", "misdirected-request", "directory-unavailable", "unavailable"],
    curl: "/api/v1/sites/site-a/tunnel/nonces -X POST",
  },
  getTunnel: {
    method: "get",
    path: `${PATH}/tunnel`,
    tag: "Sites",
    summary: "The WebSocket of agents",
    description: `Agents prove themselves by a nonce that they sign with the keys they enrolled, in the header \`${HELLO_HEADER}\`: see docs/tunnel.md.`,
    action: null,
    pathParameters: site,
    responses: { 101: { description: "The hub's welcome comes first" } },
    errors: [
      "unauthorised",
      "forbidden",
      "not-found",
      "conflict",
      "misdirected-request",
      "upgrade-required",
      "rate-limited",
      "directory-unavailable",
      "unavailable",
    ],
    streams: true,
    curl: "/api/v1/sites/site-a/tunnel",
  },
  useService: {
    method: "any",
    path: `${PATH}/services/{service}/{+rest}`,
    tag: "Sites",
    summary: "HTTP to what a site's agent exposes",
    description: `Any method, path, query and body (up to ${LIMITS.tunnelHttpBodyBytes} bytes each way, streamed). The service has to allow \`@edge\`, and of agents the caller's site. Authorization and cookies are not passed on, nor cookies back; an operator's session does not count here.`,
    action: "services.use",
    takesSession: false,
    pathParameters: { ...site, service: "Name of the service.", rest: "Path at the service; may hold slashes." },
    responses: { 200: { description: "The service's own answer, whatever its status", contentType: "*/*" } },
    errors: ["forbidden", "not-found", "body-too-large", "upgrade-required"],
    streams: true,
    curl: "/api/v1/sites/site-a/services/kme/api/v1/keys/sae-b/status",
  },
} as const satisfies Record<string, Operation>;
