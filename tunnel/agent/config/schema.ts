/** `agent.toml`. The command line builds the same, so that there is one check for both. Units are in the names. */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { ServiceNameSchema, ServiceSchema } from "../../../shared/tunnel/services.ts";
import { choice, distinct, filePath, flag, isLoopback, plainId, text, wholeNumber } from "../../config-values.ts";
import { FeedsSchema } from "../../feeds/config.ts";
import { placeOf } from "../../place.ts";
import { Etsi004ListSchema } from "../../services/etsi004/config.ts";
import { hybridProblem, HybridSchema } from "../../services/hybrid/config.ts";
import { IpsecListSchema, ipsecProblem } from "../../services/ipsec/config.ts";
import { KMS_PORTS, OpenQkdNetworkListSchema, placeOfKms } from "../../services/open-qkd-network/config.ts";

const host = text(255);
const port = wholeNumber(1, 65_535);
const allow = v.array(text(64), "shall be a list of sites");

const service = v.strictObject({
  name: ServiceNameSchema,
  /** Where the agent connects to; nothing else is ever dialled. */
  host,
  port,
  /** Sites, "@linked" (those with a QKD link to this one), "@edge", "@gateway". Nobody else. */
  allow: v.optional(v.pipe(allow, v.maxLength(LIMITS.tunnelAllowEntries)), []),
  /** TLS between the two agents, inside the stream: see [certificate]. */
  tls: v.optional(flag, false),
  /** Where others shall listen for it by default. */
  listen_port: v.optional(port),
  /** The device speaks HTTPS: what the edge asks over HTTP is asked so, with this certificate. Bytes go as they are. */
  https: v.optional(
    v.strictObject({
      /** PEM of the authority behind the device's certificate, where it is not a public one. */
      ca: v.optional(filePath),
      /** By which the device knows us. */
      cert: v.optional(filePath),
      key: v.optional(filePath),
      /** In the device's certificate, where that is not `host`. */
      name: v.optional(host),
    }),
  ),
});

const listen = v.strictObject({
  bind: v.optional(host, "127.0.0.1"),
  /** 0: any free one; it stands in the log. */
  port: wholeNumber(0, 65_535),
  site: plainId,
  service: ServiceNameSchema,
  /** As the exposing agent has it. */
  tls: v.optional(flag, false),
  /** How long a new connection waits while the tunnel is down; 0: it is closed at once. */
  wait_ms: v.optional(wholeNumber(0, LIMITS.agentWaitMs), 0),
});

const certificate = v.strictObject({
  cert: filePath,
  key: filePath,
  /** Of the sites' authority: whom the other agents' certificates must be from. */
  ca: filePath,
  /** The authority's key, where it lies on this machine: it then signs what is missing. */
  ca_key: v.optional(filePath),
  /** For the request, where there is no certificate yet: UUID of the node, and addresses. */
  node: v.optional(v.pipe(v.string("shall be a text"), v.uuid("shall be a UUID"))),
  addresses: v.optional(v.pipe(v.array(host, "shall be a list of names and addresses"), v.maxLength(16)), []),
  /** By which DNS name a site's certificate is known, where it does not have the URI `qkd-site:SITE`. */
  dns: v.optional(v.record(v.string(), host), {}),
});

export const LOG_LEVELS = ["debug", "info", "warning", "error", "none"] as const;
export type LogThreshold = (typeof LOG_LEVELS)[number];
const sink = { level: v.optional(choice(...LOG_LEVELS), "info") };
const log = v.strictObject({
  console: v.optional(
    v.strictObject({
      ...sink,
      format: v.optional(choice("pretty", "json"), "pretty"),
      /** Absent: where it is a terminal. */
      color: v.optional(flag),
    }),
    {},
  ),
  file: v.optional(
    v.strictObject({
      ...sink,
      path: filePath,
      format: v.optional(choice("pretty", "json"), "json"),
      color: v.optional(flag, false),
      /** A file that would grow beyond is renamed to `path.1`, that to `path.2`, and so on up to `files`. */
      max_bytes: v.optional(wholeNumber(1024, LIMITS.agentLogFileBytes), 10 * 1024 * 1024),
      files: v.optional(wholeNumber(1, LIMITS.agentLogFiles), 5),
    }),
  ),
});

const edge = v.pipe(
  text(2048),
  v.url("shall be a URL, as in https://edge.example"),
  v.check((url) => !URL.canParse(url) || /^(?:https?|wss?):$/.test(new URL(url).protocol), "shall begin with https://"),
);

/** Of a listener. */
type Place = readonly [address: string, port: number];
const placeOfListen = ({ bind, port: number }: { readonly bind: string; readonly port: number }): Place => [
  bind,
  number,
];
const placeOfLocal = ({ address, port: number }: { readonly address: string; readonly port: number }): Place => [
  address,
  number,
];
const placeOfModules = ({ listen: written }: { readonly listen: string }): Place => {
  const { host: address = "", port: number = 0 } = placeOf(written) ?? {};
  return [address, number];
};
const SAME_PLACE = "two listeners have the same address";
/** Port 0 is any free one. */
const distinctPlaces = (places: readonly Place[]): boolean =>
  distinct(
    places.filter(([, number]) => number !== 0),
    (place) => place.join(" "),
  );

export const AgentConfigSchema = v.pipe(
  v.strictObject({
    edge,
    site: plainId,
    /** With the one-time token, for the first start. Its content never stands here or on a command line. */
    token_file: v.optional(filePath),
    /** Folder of the agent's own keys and spools. */
    state: v.optional(filePath),
    /** Waits while another instance serves the site, instead of being refused. */
    standby: v.optional(flag, false),
    /** PEM of the authority behind the edge's certificate, where it is not a public one. */
    ca: v.optional(filePath),
    /** http:// to other machines. Nobody on the way may be anybody. */
    insecure_http: v.optional(flag, false),
    service: v.optional(
      v.pipe(
        v.array(service, "shall be [[service]]"),
        v.maxLength(LIMITS.tunnelServices, `at most ${LIMITS.tunnelServices} services`),
        v.check((services) => distinct(services, ({ name }) => name), "two services have the same name"),
      ),
      [],
    ),
    listen: v.optional(
      v.pipe(
        v.array(listen, "shall be [[listen]]"),
        v.maxLength(LIMITS.agentListeners, `at most ${LIMITS.agentListeners} listeners`),
        v.check((listens) => distinctPlaces(listens.map(placeOfListen)), SAME_PLACE),
      ),
      [],
    ),
    /** Bindings of ETSI GS QKD 004 for applications at this site. */
    etsi004: v.optional(Etsi004ListSchema, []),
    /** Keys made of several sources, together with the agents of other sites. */
    hybrid: v.optional(HybridSchema),
    /** Hosts whose IPsec gets such keys, by NETCONF. */
    ipsec: v.optional(IpsecListSchema, []),
    /** The KMS API of Open-QKD-Network for applications at this site. */
    open_qkd_network: v.optional(OpenQkdNetworkListSchema, []),
    feed: v.optional(FeedsSchema, []),
    certificate: v.optional(certificate),
    log: v.optional(log, {}),
  }),
  v.forward(
    v.check(
      ({ edge: url, insecure_http: insecure }) => insecure || isSafe(url),
      "without TLS only to this machine, or with insecure_http = true",
    ),
    ["edge"],
  ),
  v.check(
    ({ listen: listens, etsi004: local, hybrid, ipsec, open_qkd_network: kms }) =>
      distinctPlaces([
        ...listens.map(placeOfListen),
        ...local.map(placeOfLocal),
        ...ipsec.flatMap(({ listen: own }) => (own === undefined ? [] : [placeOfLocal(own)])),
        ...kms.flatMap((entry) => KMS_PORTS.map((which) => placeOfLocal(placeOfKms(entry, which)))),
        ...(hybrid?.module === undefined ? [] : [placeOfModules(hybrid.module)]),
      ]),
    SAME_PLACE,
  ),
  v.forward(
    v.check(
      (config) => hybridProblem(config) === undefined,
      ({ input }) => hybridProblem(input) ?? "",
    ),
    ["hybrid"],
  ),
  v.forward(
    v.check(
      (config) => ipsecProblem(config) === undefined,
      ({ input }) => ipsecProblem(input) ?? "",
    ),
    ["ipsec"],
  ),
  v.check(
    ({ service: services }) =>
      services.every(({ https }) => (https?.cert === undefined) === (https?.key === undefined)),
    "https needs cert and key, or neither",
  ),
  v.check(
    ({ certificate: own, service: services, listen: listens }) =>
      own !== undefined || ![...services, ...listens].some(({ tls }) => tls),
    "tls = true needs [certificate]",
  ),
);

function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || protocol === "wss:" || isLoopback(hostname);
}

/** As written: defaults may be absent. */
export type AgentConfigInput = v.InferInput<typeof AgentConfigSchema>;
export type AgentConfig = v.InferOutput<typeof AgentConfigSchema>;
export type ServiceConfig = AgentConfig["service"][number];
export type ListenConfig = AgentConfig["listen"][number];
export type CertificateConfig = NonNullable<AgentConfig["certificate"]>;
export type LogConfig = AgentConfig["log"];

/** What the hub is told of a service: not where it lies. */
export const announced = ({ name, allow: sites, tls, listen_port: number }: ServiceConfig) =>
  ({ name, allow: sites, tls, port: number ?? null }) satisfies v.InferOutput<typeof ServiceSchema>;
