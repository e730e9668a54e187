/** An edge with a bench's own Worker, bundled and served as `npm start` does it, with the demo's nodes and nobody in front. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoNetwork, type Tokens } from "../scripts/demo/network.ts";
import { awaitHealth } from "../scripts/start/edge-client.ts";
import { startEngine } from "../scripts/start/engine.ts";
import { openEpochKeys } from "../scripts/start/epoch-keys.ts";
import { startFronts } from "../scripts/start/fronts.ts";
import { keepKeys } from "../scripts/start/key-keeper.ts";
import { ensurePages } from "../scripts/start/pages.ts";
import { availableBitsOf } from "../scripts/start/prefill.ts";
import { freePort, loopbackHosts } from "../scripts/start/ports.ts";
import { loadDemoTokens, loadSecrets } from "../scripts/start/secrets.ts";
import { placeSockets } from "../scripts/start/sockets.ts";
import { openStateFolder, type StateFolder } from "../scripts/start/state-folder.ts";
import { runTool, tool } from "../scripts/start/tools.ts";
import type { NetworkDocumentInput } from "../shared/network/document.ts";
import { pushedDemo } from "../test/support/network-document.ts";

export interface OwnEdge {
  readonly url: string;
  /** A folder of its own, removed by `stop`. */
  readonly root: string;
  readonly tokens: Tokens;
  readonly enginePid: number;
  /** As somebody of the demo network, whose links have no source of their own. */
  call(who: string, path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

/**
 * @param entry file of the Worker
 * @param demo pools may be prefilled
 * @param networkOf another network, with the demo's operator
 */
export async function startOwnEdge(
  entry: string,
  demo: boolean,
  networkOf: (demo: NetworkDocumentInput) => NetworkDocumentInput = pushedDemo(),
): Promise<OwnEdge> {
  const root = mkdtempSync(join(tmpdir(), "qkd-bench-"));
  const ends: (() => unknown)[] = [() => rmSync(root, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    const bundle = join(root, "bundle");
    await bundleInto(bundle, entry);
    const folder = openStateFolder(join(root, "state"));
    const tokens = loadDemoTokens(folder.tokens);
    const { url, enginePid, bootstrapToken } = await serve({ folder, bundle, demo }, ends);
    const call = async (token: string, path: string, init: RequestInit = {}): Promise<Response> => {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${token}`);
      return await fetch(url + path, { ...init, headers });
    };
    const document = JSON.stringify(networkOf(demoNetwork(tokens)));
    const first = { method: "PUT", body: document, headers: { "If-Match": '"0"' } };
    const put = await call(bootstrapToken, "/api/v1/network", first);
    const answer = await put.text();
    if (put.status !== 200) throw new Error(`the bench's edge refuses its network: ${answer}`);
    return { url, root, tokens, enginePid, call: (who, path, init) => call(tokens[who] ?? "", path, init), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

interface Serving {
  readonly folder: StateFolder;
  readonly bundle: string;
  readonly demo: boolean;
}

/** @param ends gets what undoes each step */
async function serve({ folder, bundle, demo }: Serving, ends: (() => unknown)[]) {
  const secrets = loadSecrets(folder);
  const sockets = placeSockets(folder);
  ends.push(() => sockets.remove());
  const keeper = await keepKeys(openEpochKeys(folder, false), sockets.epochKeys);
  ends.push(() => keeper.close());
  // The engine ends with this process, however that ends.
  const guard = startFronts();
  ends.push(() => guard.stop());
  const port = await freePort();
  const hosts = loopbackHosts(port);
  const pages = await ensurePages(folder);
  const engine = startEngine({ folder, bundle, pages, secrets, sockets, generation: 1, demo, hosts, port });
  guard.guard(engine.pid);
  const ended = new Promise((resolve) => engine.process.once("exit", resolve));
  ends.push(async () => {
    engine.process.kill("SIGKILL");
    await ended;
  });
  const url = await engine.listening;
  await awaitHealth(url, new AbortController().signal);
  return { url, enginePid: engine.pid, bootstrapToken: secrets.bootstrapToken };
}

async function bundleInto(folder: string, entry: string): Promise<void> {
  const args = ["deploy", entry, "--dry-run", "--outdir", folder];
  const { code, output } = await runTool(tool("wrangler"), args, new AbortController().signal, false);
  if (code !== 0) throw new Error(`cannot bundle the bench's Worker: ${output.slice(-2000)}`);
}

/** What one message of the prefilling makes, at most. */
const PREFILL_BYTES = 2 * 1024 * 1024;

/** So much more key in the pool of a link's nodes. @throws Error where it is refused */
export async function prefill(edge: OwnEdge, link: string, bytes: number): Promise<void> {
  const headers = { "content-type": "application/json" };
  for (let left = bytes; left > 0; left -= PREFILL_BYTES) {
    const body = JSON.stringify({ bytes: Math.min(Math.ceil(left), PREFILL_BYTES) });
    const answer = await edge.call("operator", `/api/v1/links/${link}/prefill`, { method: "POST", body, headers });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`link ${link} cannot be filled: ${text.slice(0, 200)}`);
  }
}

/** At least so much available key in the pool of a link's nodes. @throws Error where it is refused */
export async function fillUp(edge: OwnEdge, link: string, bytes: number): Promise<void> {
  const answer = await edge.call("operator", `/api/v1/links/${link}`);
  await prefill(edge, link, bytes - Math.floor(availableBitsOf({ body: await answer.json() }) / 8));
}
