/**
 * `npm run dev`: wrangler dev on the project's wrangler.toml, with the demo network in it. No KME fronts: whoever
 * reaches wrangler's port could claim any certificate, so only bearer tokens count here.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { coupleOf, tokenLines } from "./start/banner.ts";
import { ensureDevVars } from "./start/dev-vars.ts";
import { loadDevSecrets } from "./start/epoch-keys.ts";
import { DEV_USAGE, type DevOptions, parseDevOptions } from "./start/dev-options.ts";
import { awaitHealth } from "./start/edge-client.ts";
import { StartFailure } from "./start/failure.ts";
import { writeAtomic } from "./start/files.ts";
import { runCommand } from "./start/main.ts";
import { putFirst, readByToken } from "./start/network.ts";
import { PROJECT } from "./start/paths.ts";
import { checkPort, HOST } from "./start/ports.ts";
import { prefill } from "./start/prefill.ts";
import { demoWanted, loadDemoTokens, loadSecrets } from "./start/secrets.ts";
import { type Lock, lockStateFolder, openStateFolder, type StateFolder } from "./start/state-folder.ts";
import { stopSignal } from "./start/stop-signal.ts";
import { tool, toolEnvironment } from "./start/tools.ts";

const PATIENCE_MS = 1000;
const READY_MS = 60_000;
const PREFILL_BYTES = 1024 * 1024;

/** In a process group of its own, to be ended as one: wrangler starts others. */
function startWrangler({ port, args }: DevOptions, folder: StateFolder): ChildProcess {
  const own = [
    "dev",
    "--ip",
    HOST,
    "--port",
    String(port),
    "--persist-to",
    folder.storage,
    "--show-interactive-dev-session=false",
  ];
  return spawn(tool("wrangler"), [...own, ...args], {
    cwd: PROJECT,
    env: toolEnvironment(),
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
  });
}

async function bringUp(port: number, folder: StateFolder, signal: AbortSignal): Promise<string[]> {
  const edge = `http://${HOST}:${port}`;
  await awaitHealth(edge, signal, READY_MS);
  const tokens = loadDemoTokens(folder.tokens);
  const { bootstrapToken } = loadSecrets(folder);
  const operatorToken = tokens["operator"] ?? "";
  const access = { edge, folder, bootstrapToken, operatorToken, signal };
  const found = await readByToken(access);
  const network = found?.document ?? (await putFirst(demoWanted(tokens), access));
  await prefill(network.links, PREFILL_BYTES, { edge, operatorToken, signal, isNew: found === null });
  // For the command line, as with `npm start`.
  writeAtomic(folder.ports, `${JSON.stringify({ edge, kme: {} }, null, 2)}\n`, 0o644);
  const couple = coupleOf(network);
  if (couple === null) return [`qkd-edge dev ready: ${edge}  (documentation: ${edge}/docs/)`];
  return [
    `qkd-edge dev ready: ${edge}  (documentation: ${edge}/docs/)`,
    "",
    `A key for ${couple.master.sae}, and the same key for ${couple.slave.sae}, with bearer tokens:`,
    ...tokenLines(edge, couple, folder.tokens),
  ];
}

async function endGroup(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => (isOver(child) ? resolve(undefined) : child.once("exit", resolve)));
  killGroup(child, "SIGTERM");
  await Promise.race([ended, sleep(PATIENCE_MS, undefined, { ref: false })]);
  killGroup(child, "SIGKILL");
  await ended;
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

async function dev(options: DevOptions, stop: AbortSignal): Promise<number> {
  const folder = openStateFolder(options.state, "dev");
  const lock: Lock = await lockStateFolder(folder);
  let wrangler: ChildProcess | undefined;
  try {
    await checkPort(options.port, "the edge");
    ensureDevVars(loadSecrets(folder), loadDevSecrets(folder));
    wrangler = startWrangler(options, folder);
    const child = wrangler;
    if (child.pid !== undefined) lock.noteEngine(child.pid);
    const died = new Promise<never>((_resolve, reject) => {
      child.once("error", (error) => reject(new StartFailure(`wrangler cannot be run: ${error.message}`)));
      child.once("exit", (code) => reject(new StartFailure(`wrangler dev ended (code ${code})`)));
    });
    const stopped = new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve()));
    const serve = async (): Promise<void> => {
      for (const line of await bringUp(options.port, folder, stop)) process.stdout.write(`${line}\n`);
      await stopped;
    };
    await Promise.race([serve(), died, stopped]);
    return 0;
  } finally {
    if (wrangler !== undefined) await endGroup(wrangler);
    rmSync(folder.ports, { force: true });
    lock.release();
  }
}

await runCommand("npm run dev", async () => {
  const stop = stopSignal();
  const options = parseDevOptions(process.argv.slice(2));
  if (!options.help) return await dev(options, stop);
  process.stdout.write(DEV_USAGE);
  return 0;
});
