/** What the bench of relays runs: an edge with a network of its own, and the load tool. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { newToken } from "../../scripts/start/secrets.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import type { EdgeEndpoint } from "../load/connection.ts";
import { type OwnEdge, prefill, startOwnEdge } from "../own-edge.ts";
import { cpuMs } from "../processes/child.ts";
import { type LoadTool, startJobs } from "../processes/jobs.ts";
import { BRING_PATH, type BringAnswer, type BringOrder } from "./bring.ts";
import type { Ends, Jobs } from "./load/jobs.ts";
import { FIRST_NODE, FULL_STAGE, LEAF_HOPS, leavesAt, RATES_STAGE, relayNetwork, SAES, saeOf } from "./network.ts";

/** Of a pool, as its status tells it. */
export interface PoolFigures {
  readonly availableBits: number;
  /** Spent by hops: pads (of the first hop the key), tag keys, and what was drawn and never taken. */
  readonly spentBits: number;
  readonly pendingBits: number;
  readonly ingestedBits: number;
}

interface PoolBody {
  readonly ingested_bits: number;
  readonly ledger_bits: Readonly<Record<"available" | "pad" | "tag" | "expired" | "pending", number>>;
}

interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const LAST_LEAF_LINK = leavesAt(LEAF_HOPS[0]).at(-1)?.link ?? "";
const LOOK_MS = 100;
const LOOKS = 600;
const QUIET_LOOK_MS = 1000;
const QUIET_LOOKS = 20;
const QUIET_SHARE = 0.15;

export class RelayRig {
  readonly edge: OwnEdge;
  readonly load: LoadTool<Jobs>;
  readonly #tokens: ReadonlyMap<string, string>;
  readonly #full: NetworkDocumentInput;
  #isFull = false;

  private constructor(edge: OwnEdge, tokens: ReadonlyMap<string, string>, full: NetworkDocumentInput) {
    this.edge = edge;
    this.#tokens = tokens;
    this.#full = full;
    this.load = startJobs<Jobs>(join(import.meta.dirname, "load", "main.ts"));
  }

  /** At the stage at which rates are measured. */
  static async start(): Promise<RelayRig> {
    const tokens = new Map(SAES.map((sae) => [sae, newToken()]));
    const sha256Of = (sae: string): string => tokenSha256(tokens.get(sae) ?? "");
    let full: NetworkDocumentInput | null = null;
    const edge = await startOwnEdge(join(import.meta.dirname, "worker", "index.ts"), true, (demo) => {
      full = relayNetwork(demo, sha256Of, FULL_STAGE);
      return relayNetwork(demo, sha256Of, RATES_STAGE);
    });
    if (full === null) throw new Error("the edge has no network");
    return new RelayRig(edge, tokens, full);
  }

  async stop(): Promise<void> {
    await this.load.stop();
    await this.edge.stop();
  }

  /** From now on there are leaves, and pools may have much in stock. */
  async toFullStage(): Promise<void> {
    if (this.#isFull) return;
    this.#isFull = true;
    const body = JSON.stringify(this.#full);
    await this.#ask("/api/v1/network", { method: "PUT", body, headers: { "If-Match": '"1"' } });
    await this.#untilKnown(LAST_LEAF_LINK);
  }

  /** Workers hear of a new network within a second. */
  async #untilKnown(link: string): Promise<void> {
    for (let look = 0; look < LOOKS; look++) {
      if ((await this.edge.call("operator", `/api/v1/links/${link}`)).status === 200) return;
      await sleep(LOOK_MS);
    }
    throw new Error(`link ${link} does not come`);
  }

  async prefill(links: readonly string[], bytes: number): Promise<void> {
    for (const link of links) await prefill(this.edge, link, bytes);
  }

  /** The SAE at n0, or at another node, as master, the one at that node as slave. */
  endsWith(node: string, from: string = FIRST_NODE): Ends {
    const [master, slave] = [saeOf(from), saeOf(node)];
    return { master: this.#endpoint(master, slave), slave: this.#endpoint(slave, master) };
  }

  async link(link: string): Promise<PoolFigures> {
    const { pool } = await this.#ask<{ readonly pool: PoolBody }>(`/api/v1/links/${link}`);
    return figuresOfPool(pool);
  }

  /** The pool of the keys between n0 and that node. */
  async pairWith(node: string): Promise<PoolFigures> {
    const { url, token } = this.endsWith(node).master;
    const answer = await fetch(`${url}/status`, { headers: { Authorization: `Bearer ${token}` } });
    const { status_extension: extension } = await parsed<{
      readonly status_extension: { readonly qkdedge: PoolBody };
    }>("status", answer);
    return figuresOfPool(extension.qkdedge);
  }

  /** All links together, once nothing is under way on them. */
  async settled(links: readonly string[]): Promise<PoolFigures> {
    let before = "";
    for (let look = 0; look < LOOKS; look++) {
      const sum = sumOf(await Promise.all(links.map((link) => this.link(link))));
      const now = JSON.stringify([sum.spentBits, sum.pendingBits]);
      if (now === before && sum.pendingBits === 0) return sum;
      before = now;
      await sleep(LOOK_MS);
    }
    throw new Error("relays do not come to an end");
  }

  /** Until links that make key themselves have so much of it. */
  async untilFull(links: readonly string[], bytes: number): Promise<void> {
    for (let look = 0; look < LOOKS; look++) {
      const pools = await Promise.all(links.map((link) => this.link(link)));
      if (pools.every(({ availableBits }) => availableBits >= bytes * 8)) return;
      await sleep(LOOK_MS);
    }
    throw new Error(`links do not fill up: ${links.join(", ")}`);
  }

  /** Until n0 has heard that all links on the way have key: nodes look at their links once a second. */
  async untilReached(node: string): Promise<void> {
    const path = `/api/v1/nodes/${FIRST_NODE}/routes/${node}`;
    for (let look = 0; look < LOOKS; look++) {
      const { paths } = await this.#ask<{ readonly paths: readonly unknown[] }>(path);
      if (paths.length > 0) return;
      await sleep(LOOK_MS);
    }
    throw new Error(`no path to ${node}`);
  }

  /** Until the engine has little to do: nodes that have just heard of each other have much to tell. */
  async untilQuiet(): Promise<void> {
    for (let look = 0, before = Number.NaN; look < QUIET_LOOKS; look++) {
      const now = this.cpuMs();
      if (now - before < QUIET_SHARE * QUIET_LOOK_MS) return;
      before = now;
      await sleep(QUIET_LOOK_MS);
    }
  }

  /** Its object has started. */
  async wakeNode(node: string): Promise<void> {
    await this.#ask(`/api/v1/nodes/${node}`);
  }

  /** @throws Error where any of the calls failed */
  async bring(order: BringOrder): Promise<BringAnswer> {
    const brought = await this.#ask<BringAnswer>(BRING_PATH, { method: "POST", body: JSON.stringify(order) });
    if (brought.problem !== null) throw new Error(`relays failed: ${brought.problem}`);
    return brought;
  }

  /** CPU time the engine has taken so far. */
  cpuMs(): number {
    return cpuMs(this.edge.enginePid);
  }

  #endpoint(sae: string, peer: string): EdgeEndpoint {
    return { url: `${this.edge.url}/api/v1/keys/${peer}`, token: this.#tokens.get(sae) ?? "" };
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names the answer of the path asked
  async #ask<T>(path: string, init: Asked = {}): Promise<T> {
    const headers = { "content-type": "application/json", ...init.headers };
    return await parsed<T>(path, await this.edge.call("operator", path, { ...init, headers }));
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names what is parsed
async function parsed<T>(what: string, answer: Response): Promise<T> {
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${what} answered ${answer.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

const figuresOfPool = ({ ledger_bits: bits, ingested_bits: ingestedBits }: PoolBody): PoolFigures => ({
  availableBits: bits.available,
  spentBits: bits.pad + bits.tag + bits.expired,
  pendingBits: bits.pending,
  ingestedBits,
});

const sumOf = (pools: readonly PoolFigures[]): PoolFigures => ({
  availableBits: pools.reduce((sum, pool) => sum + pool.availableBits, 0),
  spentBits: pools.reduce((sum, pool) => sum + pool.spentBits, 0),
  pendingBits: pools.reduce((sum, pool) => sum + pool.pendingBits, 0),
  ingestedBits: pools.reduce((sum, pool) => sum + pool.ingestedBits, 0),
});
