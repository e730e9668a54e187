/** The metered Worker, bundled and served as `npm start` does it, with a network of two nodes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { demoNetwork } from "../../scripts/demo/network.ts";
import { awaitHealth } from "../../scripts/start/edge-client.ts";
import { startEngine } from "../../scripts/start/engine.ts";
import { openEpochKeys } from "../../scripts/start/epoch-keys.ts";
import { startFronts } from "../../scripts/start/fronts.ts";
import { keepKeys } from "../../scripts/start/key-keeper.ts";
import { loadDemoTokens, loadSecrets } from "../../scripts/start/secrets.ts";
import { placeSockets } from "../../scripts/start/sockets.ts";
import { openStateFolder, type StateFolder } from "../../scripts/start/state-folder.ts";
import { runTool, tool } from "../../scripts/start/tools.ts";
import { pushedDemo } from "../../test/support/network-document.ts";
import { METER_PATH, type Meter, metered } from "./meter.ts";

/** Pools ship their audit events within a second; a reading that has not changed for longer is final. */
const QUIET_MS = 1500;
const POLL_MS = 100;

export interface MeteredEdge {
  /** As somebody of the demo network, whose links have no source of their own. */
  call(who: string, path: string, init?: RequestInit): Promise<Response>;
  /** Once all that follows from earlier calls is done. */
  read(): Promise<Meter>;
  stop(): Promise<void>;
}

export async function startMeteredEdge(): Promise<MeteredEdge> {
  const root = mkdtempSync(join(tmpdir(), "qkd-metered-"));
  const ends: (() => unknown)[] = [() => rmSync(root, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    const bundle = join(root, "bundle");
    await bundleInto(bundle);
    const folder = openStateFolder(join(root, "state"));
    const tokens = loadDemoTokens(folder.tokens);
    const { edge, bootstrapToken } = await serve(folder, bundle, ends);
    const call = async (token: string, path: string, init: RequestInit = {}): Promise<Response> => {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${token}`);
      return await fetch(edge + path, { ...init, headers });
    };
    const document = JSON.stringify(pushedDemo()(demoNetwork(tokens)));
    const first = { method: "PUT", body: document, headers: { "If-Match": '"0"' } };
    const put = await call(bootstrapToken, "/api/v1/network", first);
    if (put.status !== 200) throw new Error(`the metered edge refuses its network: ${await put.text()}`);
    const read = async (): Promise<Meter> => (await (await fetch(edge + METER_PATH)).json()) as Meter;
    return {
      call: (who, path, init) => call(tokens[who] ?? "", path, init),
      read: () => untilQuiet(read),
      stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** @param ends gets what undoes each step */
async function serve(folder: StateFolder, bundle: string, ends: (() => unknown)[]) {
  const secrets = loadSecrets(folder);
  const sockets = placeSockets(folder);
  ends.push(() => sockets.remove());
  const keeper = await keepKeys(openEpochKeys(folder, false), sockets.epochKeys);
  ends.push(() => keeper.close());
  // The engine ends with this process, however that ends.
  const guard = startFronts();
  ends.push(() => guard.stop());
  const engine = startEngine({ folder, bundle, secrets, sockets, generation: 1, demo: false, hosts: [], port: 0 });
  guard.guard(engine.pid);
  const ended = new Promise((resolve) => engine.process.once("exit", resolve));
  ends.push(async () => {
    engine.process.kill("SIGKILL");
    await ended;
  });
  const edge = await engine.listening;
  await awaitHealth(edge, new AbortController().signal);
  return { edge, bootstrapToken: secrets.bootstrapToken };
}

async function untilQuiet(read: () => Promise<Meter>): Promise<Meter> {
  let [last, sinceMs] = [await read(), performance.now()];
  while (performance.now() - sinceMs < QUIET_MS) {
    await sleep(POLL_MS);
    const now = await read();
    if (metered(last, now).objectRequests > 0) sinceMs = performance.now();
    last = now;
  }
  return last;
}

async function bundleInto(folder: string): Promise<void> {
  const entry = join(import.meta.dirname, "worker", "index.ts");
  const args = ["deploy", entry, "--dry-run", "--outdir", folder];
  const { code, output } = await runTool(tool("wrangler"), args, new AbortController().signal, false);
  if (code !== 0) throw new Error(`cannot bundle the metered Worker: ${output.slice(-2000)}`);
}
