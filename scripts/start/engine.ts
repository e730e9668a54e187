/** workerd, the engine: configured, started, awaited. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { SECRET_PREFIX } from "../../shared/etsi020/secret-name.ts";
import { hostAndPort, reachedAt } from "../../tunnel/addresses.ts";
import type { GatewayConfig } from "../../tunnel/services/gateway/config.ts";
import { engineConfig, isModule, SOCKETS } from "./capnp.ts";
import { messageOf, StartFailure } from "./failure.ts";
import { readIfThere, writeAtomic } from "./files.ts";
import { HOST } from "./ports.ts";
import type { Secrets } from "./secrets.ts";
import type { Sockets } from "./sockets.ts";
import type { StateFolder } from "./state-folder.ts";

const READY_MS = 30_000;
/** On one's own machine to look at the objects costs little. */
const MONITOR_S = 10;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** They come by environment, and become bindings. */
const SECRETS = ["QKD_BOOTSTRAP_SHA256", "QKD_IDENTITY_SEED"] as const;

export interface Engine {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The edge's base URL, once it listens. Rejects when the engine ends first. */
  readonly listening: Promise<string>;
}

export interface EnginePlan {
  readonly folder: StateFolder;
  readonly bundle: string;
  /** Folder of the pages' files. */
  readonly pages: string;
  readonly secrets: Secrets;
  readonly sockets: Sockets;
  /** Of the deployment. */
  readonly generation: number;
  readonly demo: boolean;
  /** By which agents know this edge. */
  readonly hosts: readonly string[];
  /** Null, as by default: there is none. */
  readonly gateway?: GatewayConfig | null;
  /** Address of the edge; the loopback's where absent. */
  readonly bind?: string;
  readonly port: number;
}

/** Starts the engine in a process group of its own: Ctrl-C reaches the starter only, which ends things in order. */
export function startEngine(plan: EnginePlan): Engine {
  const { folder, secrets } = plan;
  const passedOn = { ...peerTokensOf(process.env), ...collectorOf(process.env) };
  const config = writeConfig(plan, [...SECRETS, ...Object.keys(passedOn)]);
  const ours: Readonly<Record<(typeof SECRETS)[number], string>> = {
    QKD_BOOTSTRAP_SHA256: secrets.bootstrapSha256,
    QKD_IDENTITY_SEED: secrets.identitySeed,
  };
  const env = { ...passedOn, ...ours };
  const child = spawn(workerdBinary(), ["serve", config, "--control-fd=3"], {
    cwd: folder.run,
    env,
    detached: true,
    // Its log joins ours on stderr; stdout is for what the user is told.
    stdio: ["ignore", 2, 2, "pipe"],
  });
  const reports = listening(child, plan.bind);
  if (child.pid === undefined) throw new StartFailure(`the engine cannot be run: ${child.spawnfile}`);
  return {
    process: child,
    pid: child.pid,
    listening: reports,
  };
}

/** What we show to KMSs of others is set by who starts us. */
const peerTokensOf = (environment: NodeJS.ProcessEnv): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, token]) =>
      name.startsWith(SECRET_PREFIX) && token !== undefined ? [[name, token] as const] : [],
    ),
  );

/** Where traces go, as OpenTelemetry calls it. All of it by environment: its headers are secret. */
const COLLECTOR = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_TRACES_SAMPLER_ARG",
  "OTEL_SERVICE_NAME",
] as const;
const collectorOf = (environment: NodeJS.ProcessEnv): Readonly<Record<string, string>> =>
  Object.fromEntries(
    COLLECTOR.flatMap((name) => {
      const value = environment[name];
      return value === undefined || value === "" ? [] : [[name, value] as const];
    }),
  );

function writeConfig(
  { folder, bundle, pages, sockets, generation, demo, hosts, gateway = null, bind = HOST, port }: EnginePlan,
  secrets: readonly string[],
): string {
  const modules = readdirSync(bundle).filter(isModule);
  for (const file of modules) copyFileSync(join(bundle, file), join(folder.run, file));
  const entryFirst = [
    ...modules.filter((file) => file === "index.js"),
    ...modules.filter((file) => file !== "index.js"),
  ];
  const file = join(folder.run, "engine.capnp");
  const config = engineConfig({
    storage: folder.storage,
    pages,
    epochKeysSocket: sockets.epochKeys,
    frontsSocket: sockets.fronts,
    edgeAddress: hostAndPort(bind, port),
    modules: entryFirst,
    vars: {
      QKD_MTLS: "front",
      QKD_GENERATION: String(generation),
      QKD_HOSTS: hosts.join(","),
      QKD_MONITOR_S: String(MONITOR_S),
      ...(demo ? { QKD_DEMO: "1" } : {}),
      ...(gateway === null ? {} : { QKD_GATEWAY: JSON.stringify(gateway) }),
    },
    secrets,
    authorities: readIfThere(folder.peerAuthorities)?.match(CERTIFICATE) ?? [],
  });
  writeAtomic(file, config);
  return file;
}

const PLATFORM_PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64": "@cloudflare/workerd-linux-64",
  "linux-arm64": "@cloudflare/workerd-linux-arm64",
  "darwin-x64": "@cloudflare/workerd-darwin-64",
  "darwin-arm64": "@cloudflare/workerd-darwin-arm64",
};

/** The binary itself: the package's own shim is a Node process that would stand between us and it. */
export function workerdBinary(): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = PLATFORM_PACKAGES[platform];
  if (name === undefined)
    throw new StartFailure(`workerd does not run on ${platform}: use linux or macOS, x64 or arm64`);
  try {
    const workerd = createRequire(import.meta.url).resolve("workerd/package.json");
    return createRequire(workerd).resolve(`${name}/bin/workerd`);
  } catch (thrown) {
    throw new StartFailure(`the package ${name} is missing: run npm ci`, { cause: thrown });
  }
}

/** The engine writes one line of JSON for each socket it listens on. */
function listening(child: ChildProcess, bind = HOST): Promise<string> {
  const ready = new Set<string>();
  const found = new Promise<string>((resolve, reject) => {
    let edge = "";
    const control = child.stdio[3] as Readable | null;
    if (control === null) throw new Error("unreachable: descriptor 3 is a pipe");
    createInterface({ input: control }).on("line", (line) => {
      const event: unknown = JSON.parse(line);
      if (typeof event !== "object" || event === null || !("socket" in event) || !("port" in event)) return;
      ready.add(String(event.socket));
      if (event.socket === SOCKETS.edge) edge = `http://${hostAndPort(reachedAt(bind), Number(event.port))}`;
      if (Object.values(SOCKETS).every((name) => ready.has(name))) resolve(edge);
    });
    child.once("error", (error) => reject(new StartFailure(`cannot start the engine: ${messageOf(error)}`)));
    child.once("exit", (code, signal) =>
      reject(new StartFailure(`the engine ended at once (${signal ?? `code ${code}`}); its reason is above`)),
    );
    setTimeout(
      () => reject(new StartFailure(`the engine does not listen after ${READY_MS / 1000} s`)),
      READY_MS,
    ).unref();
  });
  found.catch(() => undefined);
  return found;
}
