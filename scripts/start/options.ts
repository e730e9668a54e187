/** The command line of `npm start`. */
import { parseArgs } from "node:util";
import { LIMITS } from "../../shared/limits.ts";
import { misuseInWords } from "../../cli/lib/args.ts";
import { parseHost } from "../../shared/tunnel/hosts.ts";
import type { GatewayConfig } from "../../tunnel/services/gateway/config.ts";
import { StartFailure } from "./failure.ts";
import { bindOptions } from "./binds.ts";
import { gatewayOptions } from "./gateway.ts";

export const USAGE = `usage: npm start -- [options]

Runs qkd-edge on this machine: the engine (workerd), the edge on 127.0.0.1:8787 and one KME front with mutual TLS for
each node (127.0.0.1:9000, 9010, 9020 ...). Without options it is the demo network: the first link's key is made by BB84
on a simulated channel, the second is fed by site agents from demo devices.

  --state DIR         where everything is kept: certificates, tokens, ports.json, the engine's storage (default .qkd)
  --random-ports      take free ports instead; ports.json says which
  --prefill MB        MB (of 1,048,576 bytes) of simulated key in each link before it says ready (default 1)
  --config FILE       a network document of your own instead of the demo's. The first start applies it with the
                      bootstrap token; a later one, when the file has changed, with an operator's token: that of
                      --token-file, else of QKD_TOKEN_FILE, else "operator" in DIR/tokens.json. Without one, what is
                      in force stays. Nothing is added to it: who may operate the network is what it says.
                      Certificates for its nodes, and for SAEs known by CN or SAN, are made in DIR/certs unless they
                      are there. Only links with a simulated source are prefilled, unless --prefill is given.
  --token-file FILE   see --config
  --public-host HOST[:PORT]
                      what agents dial, where a TLS proxy stands in front of the edge; once for each name. A tunnel
                      that was dialled by any other name is refused (default: 127.0.0.1 and localhost, with its port)
  --kme-bind ADDR     where the KME fronts listen (default 127.0.0.1): an address of this machine, 0.0.0.0 or :: for all
  --edge-bind ADDR    where the edge listens, in plain HTTP: 0.0.0.0 or :: in a container, whose port is published on
                      loopback or to a TLS proxy only (default 127.0.0.1)
  --gateway-ports P,P TCP ports for sites' services: what an agent exposes with -R P:host:port --allow @gateway is
                      reached at port P here, by any TCP client (default: none)
  --gateway-bind ADDR where these listen (default 127.0.0.1): an address of this machine, or * for all
  --ipsec-hosts FILE  the IPsec hosts of tn-1 and tn-2, for the demo's agents: see examples/ipsec (default: none, and
                      entries that a controller posts to 127.0.0.1:3000 and 3001 fail with that reason)
  --no-agents         no site agents beside the demo: a new network's links are all simulated, and in one that agents
                      feed nothing feeds them
  --no-demo           no demo network, certificates or simulated key. Nodes with NODE.crt, NODE.key and ca.crt in
                      DIR/certs get a KME front
  --restored          the storage was put back in a way that leaves no trace (a snapshot of the disk or the machine):
                      void all key material in it. Put back file by file, it shows without
  --help              this text

Ctrl-C or SIGTERM ends everything. State survives: start again with the same --state.
`;

export interface StartOptions {
  readonly state: string;
  readonly randomPorts: boolean;
  readonly demo: boolean;
  /** Site agents and devices for the demo's own network. */
  readonly agents: boolean;
  readonly config: string | null;
  readonly tokenFile: string | null;
  /** Bytes a link. `explicit`: every link, not only those with a simulated source. */
  readonly prefill: { readonly bytes: number; readonly explicit: boolean };
  /** Names by which agents know the edge, besides those of this machine. */
  readonly publicHosts: readonly string[];
  /** Addresses that the edge and the KME fronts listen on. */
  readonly edgeBind: string;
  readonly kmeBind: string;
  /** Null: none. */
  readonly gateway: GatewayConfig | null;
  /** TOML file; null: none are named. */
  readonly ipsecHosts: string | null;
  /** Voids all key material: the storage is an old copy, says who starts it. */
  readonly restored: boolean;
  readonly help: boolean;
}

const MB = 1024 * 1024;
const MAX_PREFILL_MB = LIMITS.poolCapacityBytes / MB;

const OPTIONS = {
  state: { type: "string" },
  "random-ports": { type: "boolean" },
  config: { type: "string" },
  "token-file": { type: "string" },
  "public-host": { type: "string", multiple: true },
  "edge-bind": { type: "string" },
  "kme-bind": { type: "string" },
  "gateway-ports": { type: "string" },
  "gateway-bind": { type: "string" },
  "ipsec-hosts": { type: "string" },
  "no-agents": { type: "boolean" },
  "no-demo": { type: "boolean" },
  prefill: { type: "string" },
  restored: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws StartFailure naming the option */
export function parseOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): StartOptions {
  const values = parse(args);
  const text = (name: "state" | "config" | "token-file" | "ipsec-hosts"): string | null => {
    const value = values[name];
    if (value === "") throw new StartFailure(`--${name} is empty`);
    return value ?? null;
  };
  const ipsecHosts = text("ipsec-hosts");
  if (ipsecHosts !== null && (values["no-agents"] || values["no-demo"] || values.config !== undefined))
    throw new StartFailure(
      "--ipsec-hosts is for the demo's own network and agents: others' have [[ipsec]] in agent.toml",
    );
  return {
    state: text("state") ?? ".qkd",
    randomPorts: values["random-ports"] ?? false,
    demo: !(values["no-demo"] ?? false),
    agents: !(values["no-agents"] ?? false),
    config: text("config"),
    tokenFile: text("token-file") ?? (env["QKD_TOKEN_FILE"] || null),
    prefill: { bytes: prefillBytes(values.prefill), explicit: values.prefill !== undefined },
    publicHosts: (values["public-host"] ?? []).map(publicHost),
    ...bindOptions(values["edge-bind"], values["kme-bind"]),
    gateway: gatewayOptions(values["gateway-ports"], values["gateway-bind"]),
    ipsecHosts,
    restored: values.restored ?? false,
    help: values.help ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (thrown) {
    throw new StartFailure(`${misuseInWords(thrown)} (npm start -- --help lists the options)`, { cause: thrown });
  }
}

function publicHost(text: string): string {
  const host = parseHost(text);
  if (host === null) {
    throw new StartFailure(`--public-host takes a host, as in edge.example or edge.example:8443, not "${text}"`);
  }
  return host;
}

function prefillBytes(text = "1"): number {
  const mb = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(mb <= MAX_PREFILL_MB)) throw new StartFailure(`--prefill takes MB from 0 to ${MAX_PREFILL_MB}, not "${text}"`);
  return Math.ceil(mb * MB);
}
