/** Reads `agent.toml`. Paths in it are relative to the file. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { parseToml } from "../../../shared/toml.ts";
import { messageOf } from "../../log.ts";
import { NETCONF_PATHS } from "../../services/netconf/config.ts";
import { AgentFailure } from "../failure.ts";
import { type AgentConfig, type AgentConfigInput, AgentConfigSchema } from "./schema.ts";

const TOP_PATHS = ["token_file", "state", "ca"] as const;
const HTTPS_PATHS = ["ca", "cert", "key"] as const;
const CERTIFICATE_PATHS = ["cert", "key", "ca", "ca_key"] as const;
const TLS_PATHS = ["cert", "key", "client_ca"] as const;
const MODULE_PATHS = ["cert", "key", "ca"] as const;
const FEED_PATHS = ["path", "done_path", "cert", "key", "ca", "peer_public_key_file"] as const;

/** @throws AgentFailure with a line for each fault */
export function loadConfig(file: string): AgentConfig {
  const parsed = parseToml(readText(file), AgentConfigSchema);
  if (parsed.ok) return withPathsFrom(path.dirname(path.resolve(file)), parsed.value);
  const faults = parsed.error.slice(0, LIMITS.faultsReported);
  const lines = faults.map(
    ({ line, field, message }) => `${file}:${line}: ${field === "" ? "" : `${field}: `}${message}`,
  );
  throw new AgentFailure(lines.join("\n"), 2);
}

/** What a command line came to. @throws AgentFailure */
export function checkConfig(input: AgentConfigInput): AgentConfig {
  const parsed = v.safeParse(AgentConfigSchema, input);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new AgentFailure(`${v.getDotPath(issue) ?? "options"}: ${issue.message}`, 2);
}

function readText(file: string): string {
  try {
    if (statSync(file).size > LIMITS.agentConfigBytes) {
      throw new Error(`has more than ${LIMITS.agentConfigBytes} bytes`);
    }
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new AgentFailure(`cannot read ${file}: ${messageOf(thrown)}`, 2);
  }
}

function withPathsFrom(folder: string, config: AgentConfig): AgentConfig {
  const resolve = <T extends object>(table: T, names: readonly string[]): T =>
    Object.fromEntries(
      Object.entries(table).map(([name, value]: [string, unknown]) => [
        name,
        names.includes(name) && typeof value === "string" ? path.resolve(folder, value) : value,
      ]),
    ) as T;
  const { certificate, hybrid, log } = config;
  return {
    ...resolve(config, TOP_PATHS),
    service: config.service.map((service) =>
      service.https === undefined ? service : { ...service, https: resolve(service.https, HTTPS_PATHS) },
    ),
    etsi004: config.etsi004.map((local) =>
      "tls" in local && local.tls !== undefined ? { ...local, tls: resolve(local.tls, TLS_PATHS) } : local,
    ),
    ...(hybrid === undefined
      ? {}
      : {
          hybrid: {
            ...hybrid,
            peer: hybrid.peer.map((peer) => resolve(peer, ["shared_seed_file"])),
            ...(hybrid.module === undefined ? {} : { module: resolve(hybrid.module, MODULE_PATHS) }),
          },
        }),
    open_qkd_network: config.open_qkd_network.map((kms) =>
      kms.sign_in === undefined ? kms : { ...kms, sign_in: resolve(kms.sign_in, ["secret_file"]) },
    ),
    ipsec: config.ipsec.map((host) => ({ ...host, netconf: resolve(host.netconf, NETCONF_PATHS) })),
    feed: config.feed.map((feed) => resolve(feed, FEED_PATHS)),
    ...(certificate === undefined ? {} : { certificate: resolve(certificate, CERTIFICATE_PATHS) }),
    log: { ...log, ...(log.file === undefined ? {} : { file: resolve(log.file, ["path"]) }) },
  };
}
