/** `npm start`, step by step; and the way back, whatever ends it. */
import type { ChildProcess } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkDocument } from "../../shared/network/document.ts";
import type { Tokens } from "../demo/network.ts";
import { coupleOf, mtlsLines, type Serving, tokenLines } from "./banner.ts";
import { ensureBundle } from "./bundle.ts";
import { ensureCertificates, nodesWithCertificates } from "./certificates.ts";
import { awaitHealth } from "./edge-client.ts";
import { type Engine, startEngine } from "./engine.ts";
import { messageOf, StartFailure } from "./failure.ts";
import { isThere, writeAtomic } from "./files.ts";
import { type Fronts, frontsConfig, startFronts } from "./fronts.ts";
import { applyNetwork, readConfig } from "./network.ts";
import type { StartOptions } from "./options.ts";
import { checkPorts, planPorts } from "./ports.ts";
import { prefill } from "./prefill.ts";
import { demoWanted, loadDemoTokens, loadSecrets, readTokens } from "./secrets.ts";
import { type Lock, lockStateFolder, openStateFolder, type StateFolder } from "./state-folder.ts";

/** Children that do not end by themselves within this time are killed; everything is over within 2 s. */
const PATIENCE_MS = 1000;
/** More fronts than anybody wants on one machine. */
const MAX_FRONTS = 64;

/** What has been started so far, and has to be ended. */
interface Running {
  folder?: StateFolder;
  lock?: Lock;
  fronts?: Fronts;
  engine?: Engine;
}

/** Runs until `stop` is aborted. Throws a StartFailure when it cannot start, or when a child ends unasked. */
export async function run(options: StartOptions, stop: AbortSignal, print: (line: string) => void): Promise<void> {
  const running: Running = {};
  const failed = Promise.withResolvers<never>();
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  const watch = (child: ChildProcess, name: string): void => {
    child.once("exit", (code, signal) =>
      failed.reject(new StartFailure(`${name} ended unexpectedly (${signal ?? `code ${code}`})`)),
    );
  };
  try {
    const serve = async (): Promise<void> => {
      for (const line of await start(options, running, stop, watch)) print(line);
      await stopped;
    };
    await Promise.race([serve(), stopped, failed.promise]);
  } finally {
    await end(running);
  }
}

async function start(
  options: StartOptions,
  running: Running,
  signal: AbortSignal,
  watch: (child: ChildProcess, name: string) => void,
): Promise<string[]> {
  const config = options.config === null ? null : readConfig(options.config);
  const folder = openStateFolder(options.state);
  running.folder = folder;
  running.lock = await lockStateFolder(folder);
  rmSync(folder.ports, { force: true });
  const secrets = loadSecrets(folder);
  const tokens = options.demo && config === null ? loadDemoTokens(folder.tokens) : readTokens(folder.tokens);
  const wanted = config ?? (options.demo ? demoWanted(tokens) : null);
  if (options.demo && wanted !== null)
    await ensureCertificates(folder.certs, wanted.document, frontNodes(wanted.document));
  const nodesNow = wanted === null ? [] : nodesWithCertificates(folder.certs, frontNodes(wanted.document));
  await checkPorts(planPorts(nodesNow, options.randomPorts));
  const bundle = await ensureBundle(signal);

  signal.throwIfAborted();
  // First the guard, then what it guards.
  const fronts = startFronts();
  running.fronts = fronts;
  watch(fronts.process, "the process of the KME fronts");
  const engine = startEngine({
    folder,
    bundle,
    secrets,
    demo: options.demo,
    port: planPorts([], options.randomPorts).edge,
  });
  running.engine = engine;
  fronts.guard(engine.pid);
  running.lock.noteEngine(engine.pid);
  watch(engine.process, "the engine");
  const edge = await engine.listening;
  await awaitHealth(edge, signal);

  const operatorToken = readOperatorToken(options, tokens);
  const network = await applyNetwork(wanted, {
    edge,
    folder,
    bootstrapToken: secrets.bootstrapToken,
    operatorToken,
    signal,
  });
  const notes = await prefillNetwork(options, network, edge, operatorToken, signal);
  const nodes = network === null ? [] : nodesWithCertificates(folder.certs, frontNodes(network));
  const ports = planPorts(nodes, options.randomPorts);
  const kme = await fronts.serve(frontsConfig(folder.certs, engine.frontsSocket, ports.kme));
  const serving = { edge, kme };
  const pids = { engine: engine.pid, fronts: [fronts.process.pid] };
  writeAtomic(folder.ports, `${JSON.stringify({ ...serving, pids }, null, 2)}\n`, 0o644);
  return [...notes, ...announcement(serving, network, folder)];
}

const frontNodes = (network: NetworkDocument): string[] => network.nodes.slice(0, MAX_FRONTS).map(({ id }) => id);

function readOperatorToken({ tokenFile }: StartOptions, tokens: Tokens): string | null {
  if (tokenFile === null) return tokens["operator"] ?? null;
  try {
    return readFileSync(tokenFile, "utf8").trim();
  } catch (thrown) {
    throw new StartFailure(`the token file ${tokenFile} cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}

async function prefillNetwork(
  options: StartOptions,
  network: NetworkDocument | null,
  edge: string,
  operatorToken: string | null,
  signal: AbortSignal,
): Promise<string[]> {
  if (!options.demo || network === null) return [];
  const { bytes, explicit } = options.prefill;
  const links = network.links.filter(({ source }) => explicit || source === "simulated");
  if (operatorToken !== null) await prefill(links, bytes, { edge, operatorToken, signal });
  else if (explicit && bytes > 0) return ["note: nothing prefilled: that takes an operator's token (--token-file)"];
  return [];
}

function announcement(serving: Serving, network: NetworkDocument | null, folder: StateFolder): string[] {
  const kmes = Object.entries(serving.kme).map(([node, url]) => `  KME ${node}  ${url}`);
  const lines = [
    `qkd-edge ready: ${network?.name ?? "no network yet"}`,
    `  edge      ${serving.edge}  (API: ${serving.edge}/docs)`,
    ...kmes,
    `  state     ${folder.root}`,
  ];
  const couple = network === null ? null : coupleOf(network);
  if (network === null) {
    lines.push(
      "",
      "No network document yet. Its first operator is whoever holds the bootstrap token, once, within an hour:",
      `  sed 's/^/Authorization: Bearer /' ${folder.bootstrapToken} | curl -sS -H @- -H 'If-Match: "0"' -T network.json ${serving.edge}/api/v1/network`,
    );
  }
  if (couple === null) return lines;
  const { master, slave } = couple;
  const has = (name: string): boolean => isThere(`${folder.certs}/${name}.crt`);
  if (
    serving.kme[master.node] !== undefined &&
    serving.kme[slave.node] !== undefined &&
    has(master.sae) &&
    has(slave.sae)
  ) {
    lines.push(
      "",
      `A key for ${master.sae}, and the same key for ${slave.sae}, each at its own KME (mutual TLS):`,
      ...mtlsLines(serving, couple, folder.certs),
    );
  }
  const tokens = readTokens(folder.tokens);
  if (tokens[master.sae] !== undefined && tokens[slave.sae] !== undefined) {
    lines.push("", "The same at the edge, with bearer tokens:", ...tokenLines(serving.edge, couple, folder.tokens));
  }
  return lines;
}

async function end({ folder, lock, fronts, engine }: Running): Promise<void> {
  const children = [fronts?.process, engine?.process].filter((child) => child !== undefined);
  fronts?.stop();
  engine?.process.kill("SIGTERM");
  const ended = Promise.all(children.map(exited));
  await Promise.race([ended, sleep(PATIENCE_MS, undefined, { ref: false })]);
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await ended;
  engine?.cleanUp();
  // Without the lock the folder is another's.
  if (lock === undefined || folder === undefined) return;
  rmSync(folder.ports, { force: true });
  lock.release();
}

function exited(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
