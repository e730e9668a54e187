/**
 * The network as `npm start` runs it, for end-to-end tests: on free ports, in a folder of its own, ended with the test.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { demoNetwork, type Tokens } from "../../scripts/demo/network.ts";
import { loadDemoTokens, readTokens } from "../../scripts/start/secrets.ts";
import { PARENT_VARIABLE } from "../../scripts/start/stop-signal.ts";
import { httpsRequest, type TlsAnswer } from "./front-bench.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const READY_MS = 90_000;

export interface NetworkOptions {
  /** A folder of an earlier run; a new one (removed by `stop`) where absent. */
  readonly state?: string;
  /** Changes the demo's document; its names and tokens stay valid as far as the result holds them. */
  readonly network?: (demo: NetworkDocumentInput) => NetworkDocumentInput;
  /** Further arguments, `--prefill 4` for instance. */
  readonly args?: readonly string[];
  /** With the demo's site agents; else its links are all simulated, and nothing but the test is going on. */
  readonly agents?: boolean;
}

export interface Pids {
  readonly engine: number;
  readonly fronts: readonly number[];
  /** These two only with the demo's site agents. */
  readonly agents?: readonly number[];
  readonly device?: number | null;
}

export const allPids = ({ engine, fronts, agents = [], device = null }: Pids): readonly number[] => [
  engine,
  ...fronts,
  ...agents,
  ...(device === null ? [] : [device]),
];

export interface LocalAddresses {
  /** Base URLs. */
  readonly qkdModule?: Readonly<Record<string, string>>;
  /** Of proxy agents. */
  readonly ipsec?: Readonly<Record<string, string>>;
  /** Host and port. */
  readonly etsi004Json?: Readonly<Record<string, string>>;
  readonly etsi004Binary?: Readonly<Record<string, string>>;
  /** Base URLs of the KMS API of Open-QKD-Network. */
  readonly openQkdNetwork?: Readonly<Record<string, { readonly token: string; readonly api: string }>>;
}

/** A deployment that runs, as its clients reach it. */
export interface ReachedNetwork {
  readonly state: string;
  /** Base URL of the edge: bearer tokens. */
  readonly edge: string;
  /** Base URLs of the KMEs by node: mutual TLS. */
  readonly kme: Readonly<Record<string, string>>;
  /** What its agents serve to applications of their sites, by node: none without agents. */
  readonly local: LocalAddresses;
  /** As they were when it said ready. */
  readonly pids: Pids;
  /** Bearer tokens by name: `sae-a`, `agent-tn-1`, `operator`. None where the network is not the demo's. */
  readonly tokens: Tokens;
  /** TLS options of an SAE, for requests to a KME. */
  tls(sae: string): https.RequestOptions;
  /** A request to a node's KME as an SAE, on a connection of its own unless `options` hold an agent. */
  request(
    node: string,
    sae: string,
    path: string,
    options?: https.RequestOptions,
    body?: string | Buffer,
  ): Promise<TlsAnswer>;
  /** A request to the edge with a token by name. */
  fetch(path: string, name: string, init?: RequestInit): Promise<Response>;
}

export interface RunningNetwork extends ReachedNetwork {
  readonly process: ChildProcess;
  /** All it has printed so far. */
  readonly output: () => string;
  /** Ends it and resolves with the exit code; `keep` leaves the folder. */
  stop(options?: { readonly signal?: NodeJS.Signals; readonly keep?: boolean }): Promise<number | null>;
}

export const newStateFolder = (): string => mkdtempSync(join(tmpdir(), "qkd-net-"));

export interface Started {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** Exit code, once all output has been read. */
  readonly ended: Promise<number | null>;
}

/** A program of the project. It ends when this process does. */
export function spawnProgram(path: string, args: readonly string[]): Started {
  const child = spawn(process.execPath, [join(PROJECT, path), ...args], {
    cwd: PROJECT,
    env: { ...process.env, [PARENT_VARIABLE]: String(process.pid) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { process: child, output: () => text, ended };
}

/** `npm start` with these arguments, without the installing. */
export const spawnStart = (args: readonly string[]): Started => spawnProgram("scripts/start.ts", args);

/** Resolves once ready; rejects with all it printed when it ends before. */
export async function runNetwork(options: NetworkOptions = {}): Promise<RunningNetwork> {
  const own = options.state === undefined;
  const state = options.state ?? newStateFolder();
  const config = options.network === undefined ? [] : ["--config", writeNetwork(state, options.network)];
  const quiet = options.agents === true ? [] : ["--no-agents"];
  const started = spawnStart(["--state", state, "--random-ports", ...config, ...quiet, ...(options.args ?? [])]);
  try {
    await untilReady(started, /^qkd-edge ready/m);
  } catch (thrown) {
    if (own) rmSync(state, { recursive: true, force: true });
    throw thrown;
  }
  return {
    ...reached(state),
    process: started.process,
    output: started.output,
    stop: async ({ signal = "SIGTERM", keep = !own } = {}) => {
      started.process.kill(signal);
      const code = await started.ended;
      if (!keep) rmSync(state, { recursive: true, force: true });
      return code;
    },
  };
}

/** By what it has written into its folder. */
export function reached(state: string): ReachedNetwork {
  const { edge, kme, pids, ...local } = JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as Pick<
    ReachedNetwork,
    "edge" | "kme" | "pids"
  > &
    LocalAddresses;
  const tokens = readTokens(join(state, "tokens.json"));
  const pem = (name: string): Buffer => readFileSync(join(state, "certs", name));
  const tls = (sae: string): https.RequestOptions => ({
    ca: pem("ca.crt"),
    cert: pem(`${sae}.crt`),
    key: pem(`${sae}.key`),
    agent: false,
  });
  return {
    state,
    edge,
    kme,
    local,
    pids,
    tokens,
    tls,
    request: (node, sae, path, more = {}, body) =>
      httpsRequest(`${kme[node] ?? ""}${path}`, { ...tls(sae), ...more }, body),
    fetch: (path, name, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${tokens[name] ?? ""}`);
      // A test that computes for long notices too late that an idle connection was closed, and would send into it.
      headers.set("Connection", "close");
      return fetch(edge + path, { ...init, headers });
    },
  };
}

function writeNetwork(state: string, change: (demo: NetworkDocumentInput) => NetworkDocumentInput): string {
  mkdirSync(state, { recursive: true });
  const file = join(state, "network.json");
  writeFileSync(file, JSON.stringify(change(demoNetwork(loadDemoTokens(join(state, "tokens.json")))), null, 2));
  return file;
}

/**
 * Resolves once it says so.
 * @throws Error with all it printed when it ends before or takes too long; then it has ended
 */
export async function untilReady({ process: child, output, ended }: Started, says: RegExp): Promise<void> {
  const ready = new Promise<void>((resolve) => {
    const look = (): void => {
      if (says.test(output())) resolve();
    };
    child.stdout?.on("data", look);
    look();
  });
  const failed = ended.then((code): never => {
    throw new Error(`it ended with code ${code}:\n${output()}`);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it is not ready after ${READY_MS / 1000} s:\n${output()}`)), READY_MS);
  });
  try {
    await Promise.race([ready, failed, late]);
  } catch (thrown) {
    child.kill("SIGTERM");
    await ended;
    throw thrown;
  } finally {
    clearTimeout(timer);
  }
}

/** What TAKEN does is of one moment, as a file system's snapshot is: with the journals of transactions under way. */
export function snapshot({ pids }: RunningNetwork, taken: () => void): void {
  process.kill(pids.engine, "SIGSTOP");
  try {
    taken();
  } finally {
    process.kill(pids.engine, "SIGCONT");
  }
}

/** Does a process of this id run? (Not as a zombie.) */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
