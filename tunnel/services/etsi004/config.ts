/**
 * The local services of ETSI GS QKD 004 as they stand in `agent.toml`: one `[[etsi004]]` each. What connects to them knows
 * no authentication of the edge's kind; they act for the SAE that is named here, and so bind to this machine unless told
 * otherwise.
 */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { filePath, flag, isLoopback, plainId, text, wholeNumber } from "../../config-values.ts";
import { type AllowList, isNetwork, withThisMachine } from "./allow-list.ts";

const network = v.pipe(text(64), v.check(isNetwork, "shall be an address or a network, as in 10.0.0.0/8"));
export const networks = v.optional(v.pipe(v.array(network), v.maxLength(LIMITS.localAllowEntries)), []);

const common = {
  address: v.optional(text(255), "127.0.0.1"),
  /** For which application streams are opened, and at which node it is attached. */
  sae: text(LIMITS.saeIdChars),
  node: plainId,
  /** Who may connect to an address of the local network: addresses and networks. This machine always may. */
  allow: networks,
  /** Nobody proves who they are, and keys cross the local network in clear text: an alarm stands while this is so. */
  insecure_lan: v.optional(flag, false),
};

const port = (usual: number) => v.optional(wholeNumber(0, 65_535), usual);

interface Place {
  readonly address: string;
  readonly allow: readonly string[];
  readonly insecure_lan: boolean;
}

/** Does it serve other machines without TLS? */
export const isInsecure = (config: Place & { readonly tls?: unknown }): boolean =>
  !isLoopback(config.address) && config.tls === undefined;

export const isAskedFor = (config: Place): boolean =>
  !isInsecure(config) || (config.insecure_lan && config.allow.length > 0);
export const ASK = "an address that other machines reach needs insecure_lan = true and allow = [...]";

const jsonTcp = v.pipe(
  v.strictObject({
    kind: v.literal("json-tcp"),
    port: port(65_430),
    ...common,
    /** For clients that ask for index 0 again and again, and mean the next chunk, as hybridization modules do. */
    index_zero_is_next: v.optional(flag, false),
  }),
  v.check((config) => isAskedFor(config), ASK),
);

const binary = v.pipe(
  v.strictObject({
    kind: v.literal("binary"),
    port: port(25_575),
    ...common,
    /** Mutual TLS: PEM of this end, and of the authority that clients' certificates are from. */
    tls: v.optional(v.strictObject({ cert: filePath, key: filePath, client_ca: filePath })),
  }),
  v.check((config) => isAskedFor(config), `${ASK}, or tls`),
);

const qkdModule = v.pipe(
  v.strictObject({
    kind: v.literal("qkd-module"),
    port: port(5000),
    ...common,
    /** Names by which clients call this listener, besides its address and those of this machine: `Host` headers. */
    hosts: v.optional(v.pipe(v.array(text(255)), v.maxLength(LIMITS.localHosts)), []),
    /** Addresses of the module at the other end of the link: nobody else may call `/sync` and `/start`. */
    peer_modules: networks,
  }),
  v.check((config) => isAskedFor(config), ASK),
);

const Etsi004Schema = v.variant("kind", [jsonTcp, binary, qkdModule]);

export const Etsi004ListSchema = v.pipe(
  v.array(Etsi004Schema, "shall be [[etsi004]]"),
  v.maxLength(LIMITS.localServices, `at most ${LIMITS.localServices} local services`),
);

export type Etsi004Config = v.InferOutput<typeof Etsi004Schema>;
export type JsonTcpConfig = v.InferOutput<typeof jsonTcp>;
export type BinaryConfig = v.InferOutput<typeof binary>;
export type QkdModuleConfig = v.InferOutput<typeof qkdModule>;

/** Whose addresses may connect: with mutual TLS everybody's, unless some are named. */
export const mayConnectTo = ({ allow, tls }: Pick<Place, "allow"> & { readonly tls?: unknown }): AllowList =>
  tls !== undefined && allow.length === 0 ? () => true : withThisMachine(allow);

/** As log lines and messages call it. */
export const placeOf = ({ kind, address, port: number }: Etsi004Config): string => `${kind}: ${address} port ${number}`;
