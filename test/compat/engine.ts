/**
 * One engine that runs its parts (the Worker, and each class of objects) in whichever version is asked for, as a deploy
 * in progress does. The storage folder outlives it, so that a deployment's life can go through several.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { COMPATIBILITY_DATE, OBJECT_CLASSES } from "../../scripts/start/capnp.ts";
import { workerdBinary } from "../../scripts/start/engine.ts";
import { BATCH_PATH } from "../../shared/batch/batch.ts";
import { type Version, writeBundles } from "./releases.ts";

type ClassName = (typeof OBJECT_CLASSES)[number]["className"];
/** Which version each part runs in. */
export type Versions = Readonly<Record<ClassName | "Worker", Version>>;

export const all = (version: Version): Versions => ({
  Worker: version,
  Directory: version,
  KeyPool: version,
  AuditLog: version,
  // The release before has none of these.
  TunnelHub: "present",
  KeyStream: "present",
  QkdModule: "present",
  LegacyNode: "present",
  TrustedNode: "present",
  KmsPeer: "present",
  ProxyAgent: "present",
  Room: "present",
  Monitor: "present",
  TokenIssuer: "present",
  OperatorSessions: "present",
});

export interface Deployment {
  readonly folder: string;
  readonly bootstrapToken: string;
  readonly epochKey: string;
  readonly bundles: Readonly<Record<Version, string>>;
  remove(): void;
}

export async function newDeployment(): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), "qkd-compat-"));
  mkdirSync(join(folder, "storage"));
  return {
    folder,
    bootstrapToken: randomBytes(32).toString("base64url"),
    epochKey: randomBytes(32).toString("base64"),
    bundles: await writeBundles(folder),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface RunningEngine {
  /** A request with a bearer token. */
  fetch(path: string, token: string, init?: RequestInit): Promise<Response>;
  /** A batch of key requests, as a KME front sends it. @returns its parts as they came */
  batch(batch: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Ends it where it is, as a deploy ends objects. */
  stop(): Promise<void>;
}

const SOCKETS = ["edge", "fronts"] as const;

export async function startEngine(deployment: Deployment, versions: Versions): Promise<RunningEngine> {
  const config = join(deployment.folder, "engine.capnp");
  const socketPath = join(deployment.folder, "fronts.sock");
  rmSync(socketPath, { force: true });
  writeFileSync(config, configOf(deployment, versions, socketPath));
  const child = spawn(workerdBinary(), ["serve", config, "--control-fd=3"], {
    env: {
      QKD_BOOTSTRAP_SHA256: createHash("sha256").update(deployment.bootstrapToken).digest("hex"),
      QKD_EPOCH_KEY_1: deployment.epochKey,
    },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const port = await listening(child, () => log);
  return {
    fetch: async (path, token, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${token}`);
      return await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers });
    },
    batch: async (batch) => {
      const request = http.request({
        socketPath,
        method: "POST",
        path: BATCH_PATH,
        headers: { "X-Cf-Blob": JSON.stringify({ qkd: { batch: true } }) },
      });
      request.end(batch);
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      return { status: response.statusCode ?? 0, body: await text(response) };
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function listening(child: ChildProcess, log: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    let port = 0;
    const ready = new Set<string>();
    createInterface({ input: child.stdio[3] as Readable }).on("line", (line) => {
      const event = JSON.parse(line) as { socket?: string; port?: number };
      if (event.socket === undefined) return;
      ready.add(event.socket);
      if (event.socket === "edge") port = event.port ?? 0;
      if (SOCKETS.every((name) => ready.has(name))) resolve(port);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the engine ended: ${log()}`)));
  });
}

const SECRETS = ["QKD_BOOTSTRAP_SHA256", "QKD_EPOCH_KEY_1"];

/** A service for each version, with the Worker or the classes of objects that run in it, over one storage folder. */
function configOf({ folder, bundles }: Deployment, versions: Versions, frontsSocket: string): string {
  const bindings = [
    '(name = "QKD_MTLS", text = "front")',
    ...SECRETS.map((name) => `(name = "${name}", fromEnvironment = "${name}")`),
    ...OBJECT_CLASSES.map(({ binding, className }) => {
      const where = `className = "${className}", serviceName = "${versions[className]}"`;
      return `(name = "${binding}", durableObjectNamespace = (${where}))`;
    }),
  ];
  const services = Object.entries(bundles).map(([version, modules]) => {
    const namespaces = OBJECT_CLASSES.filter(({ className }) => versions[className] === version).map(
      ({ className, uniqueKey }) => `(className = "${className}", uniqueKey = "${uniqueKey}", enableSql = true)`,
    );
    return `(name = "${version}", worker = (
      modules = [${modules}],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      bindings = [${bindings.join(", ")}],
      durableObjectNamespaces = [${namespaces.join(", ")}],
      durableObjectStorage = (localDisk = "disk"),
    )),`;
  });
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join("\n    ")}
    (name = "disk", disk = (path = "${join(folder, "storage")}", writable = true)),
    (name = "internet", network = (allow = [])),
  ],
  sockets = [
    (name = "edge", address = "127.0.0.1:0", http = (), service = "${versions.Worker}"),
    (name = "fronts", address = "unix:${frontsSocket}", http = (cfBlobHeader = "X-Cf-Blob"), service = "${versions.Worker}"),
  ],
);
`;
}
