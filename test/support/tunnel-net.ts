/**
 * Tunnels as their users have them, for end-to-end tests: the network of `npm start`, and agents as processes of
 * `qkd-agent`, with one-time tokens of their own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { freePort } from "../../scripts/start/ports.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { type NetworkOptions, runNetwork, type RunningNetwork } from "./run-network.ts";
import { temporaryFolder, tokenFile } from "./tunnel-agent.ts";

const AGENT = fileURLToPath(new URL("../../tunnel/main.ts", import.meta.url));
const TOKENS_EACH = 12;
const ENROLS = { scopes: ["agents.enrol"] };
/** For a line to appear: beyond it, the test fails with all that the agent wrote. */
const SEEN_MS = 30_000;

export interface TunnelNetwork extends RunningNetwork {
  /** Of this machine, for a proxy of the edge's: it knows itself by that name too. */
  readonly proxyPort: number;
  /** A one-time token of the site's agent that nothing has been enrolled with. */
  newToken(site: string): string;
  /** One whose time is over. */
  expiredToken(site: string): string;
}

const newToken = (): string => randomBytes(32).toString("base64url");

/** Arguments of an edge that is dialled through a proxy on this machine. */
export const behindProxy = (port: number): string[] => ["--public-host", `127.0.0.1:${port}`];

/** The demo's network: links site-a - site-b - site-c - site-d. Its agents have more tokens, as each enrols one. */
export async function tunnelNetwork(options: Pick<NetworkOptions, "args" | "state"> = {}): Promise<TunnelNetwork> {
  const unused = new Map<string, string[]>();
  const expired = new Map<string, string>();
  const proxyPort = await freePort();
  const network = await runNetwork({
    ...options,
    args: ["--prefill", "0", ...behindProxy(proxyPort), ...(options.args ?? [])],
    network: (demo: NetworkDocumentInput): NetworkDocumentInput => ({
      ...demo,
      agents: (demo.agents ?? []).map((agent) => {
        const tokens = Array.from({ length: TOKENS_EACH }, newToken);
        const old = newToken();
        unused.set(agent.site, tokens);
        expired.set(agent.site, old);
        const credentials = [
          ...tokens.map((token) => ({ type: "token" as const, sha256: tokenSha256(token), ...ENROLS })),
          { type: "token" as const, sha256: tokenSha256(old), expires: "2026-01-01T00:00:00Z", ...ENROLS },
        ];
        return { ...agent, credentials: [...agent.credentials, ...credentials] };
      }),
    }),
  });
  return {
    ...network,
    proxyPort,
    newToken: (site) => {
      const token = unused.get(site)?.pop();
      if (token === undefined) throw new Error(`no token of ${site} is left`);
      return token;
    },
    expiredToken: (site) => expired.get(site) ?? "",
  };
}

/** `npx qkd-agent ...`, ended with the test. */
export class AgentProcess {
  readonly process: ChildProcess;
  /** Exit code, once all it wrote has been read; null: by a signal. */
  readonly ended: Promise<number | null>;
  #output = "";
  readonly #listeners = new Set<() => void>();

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.process = spawn(process.execPath, [AGENT, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
        this.#changed();
      });
    }
    this.ended = new Promise((resolve) => {
      this.process.once("close", (code) => {
        resolve(code);
        this.#changed();
      });
    });
    onTestFinished(async () => void (await this.stop()));
  }

  get output(): string {
    return this.#output;
  }

  /** The first line with these words that comes after `after` lines; waits for it, but not beyond the agent's end. */
  async seen(words: string, after = 0): Promise<string> {
    const patience = AbortSignal.timeout(SEEN_MS);
    patience.addEventListener("abort", () => this.#changed());
    for (;;) {
      const line = this.#output
        .split("\n")
        .slice(after)
        .find((each) => each.includes(words));
      if (line !== undefined) return line;
      if (patience.aborted || this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`the agent ended, or took too long, without "${words}":\n${this.#output}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.add(resolve);
      await promise;
      this.#listeners.delete(resolve);
    }
  }

  /** Lines so far: what comes `after` them is new. */
  get lines(): number {
    return this.#output.split("\n").length - 1;
  }

  /** Where it listens for that service; waits for it. */
  async port(target: string): Promise<number> {
    const [site, service] = target.split("/");
    return portIn(await this.seen(`site=${site} service=${service}`));
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.process.kill(signal);
    await this.ended;
  }

  /** In order. */
  async stop(): Promise<number | null> {
    this.process.kill("SIGTERM");
    return await this.ended;
  }

  #changed(): void {
    for (const resolve of this.#listeners) resolve();
  }
}

/** What a device answers in tests: nothing that comes back by itself. */
export const reversed = (bytes: Uint8Array): Buffer => Buffer.from(bytes.toReversed());

export const portIn = (line: string): number => Number(/port[= ](\d+)/.exec(line)?.[1]);

export interface AgentOptions {
  readonly site: string;
  /** Where it dials; the edge itself where absent. */
  readonly url?: string;
  readonly token?: string;
  readonly state?: string;
}

/** One that is told by its command line, with a state folder of its own and a good token unless the options say else. */
export function startAgent(
  network: TunnelNetwork,
  { site, url = network.edge, token, state = temporaryFolder() }: AgentOptions,
  ...args: readonly string[]
): AgentProcess {
  const file = tokenFile(token ?? network.newToken(site));
  return new AgentProcess([...args, url, "--site", site, "--token-file", file, "--state", state]);
}

/** Site A exposes a port of this machine to its neighbours, site B listens for it. */
export async function twoSites(
  network: TunnelNetwork,
  devicePort: number,
  { exposing = [], listening = [], url }: { exposing?: string[]; listening?: string[]; url?: string } = {},
) {
  const by = url === undefined ? {} : { url };
  const a = startAgent(network, { site: "site-a", ...by }, "-R", `9000:127.0.0.1:${devicePort}`, ...exposing);
  await a.seen("this instance serves the site");
  const b = startAgent(network, { site: "site-b", ...by }, "-L", "0:site-a/9000", ...listening);
  await b.seen(" connected");
  return { a, b, port: await b.port("site-a/9000") };
}
