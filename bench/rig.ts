/** What a bench runs: the demo network, a server that does nothing beside it, and the load tool. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pushedDemo, pushLink } from "../test/support/network-document.ts";
import { linkState } from "../test/support/operator.ts";
import { newStateFolder, runNetwork, type RunningNetwork } from "../test/support/run-network.ts";
import type { Endpoint } from "./load/connection.ts";
import type { Job, LoadResult } from "./load/jobs.ts";
import { BULK_KEYS, KEY_SIZE_BITS } from "./options.ts";
import { cpuMs, residentBytes } from "./processes/child.ts";
import { startLoadTool, startNoop } from "./processes/children.ts";

/** Two neighbours, an SAE at each, and the link between them. */
export interface Neighbours {
  readonly link: string;
  readonly master: { readonly sae: string; readonly node: string };
  readonly slave: { readonly sae: string; readonly node: string };
}
/** Each has a pool of its own, in one engine. */
export const PAIRS = {
  first: {
    link: "tn-1-tn-2",
    master: { sae: "sae-a", node: "tn-1" },
    slave: { sae: "sae-c", node: "tn-2" },
  },
  second: {
    link: "tn-2-tn-3",
    master: { sae: "sae-c", node: "tn-2" },
    slave: { sae: "sae-d", node: "tn-3" },
  },
  third: {
    link: "tn-3-tn-4",
    master: { sae: "sae-d", node: "tn-3" },
    slave: { sae: "sae-b", node: "tn-4" },
  },
  fourth: {
    link: "tn-1-tn-4",
    master: { sae: "sae-a", node: "tn-1" },
    slave: { sae: "sae-b", node: "tn-4" },
  },
} as const satisfies Record<string, Neighbours>;

/** What one message of the prefilling makes: small beside what memory is looked at for. */
const PREFILL_BYTES = 2 * 1024 * 1024;

export interface Memory {
  readonly engineBytes: number;
  readonly frontsBytes: number;
}

export interface Cpu {
  readonly engineMs: number;
  readonly frontsMs: number;
  readonly noopMs: number;
}

export class Rig {
  #network: RunningNetwork;
  readonly #state: string;
  readonly #noop: Awaited<ReturnType<typeof startNoop>>;
  readonly #load = startLoadTool();

  private constructor(network: RunningNetwork, state: string, noop: Awaited<ReturnType<typeof startNoop>>) {
    this.#network = network;
    this.#state = state;
    this.#noop = noop;
  }

  static async start(): Promise<Rig> {
    const state = newStateFolder();
    let network: RunningNetwork | undefined;
    try {
      network = await serve(state);
      const file = (name: string): string => join(state, "certs", name);
      const noop = await startNoop({
        cert: file("tn-1.crt"),
        key: file("tn-1.key"),
        ca: file("ca.crt"),
        keyCounts: [1, BULK_KEYS],
        sizeBits: KEY_SIZE_BITS,
      });
      return new Rig(network, state, noop);
    } catch (thrown) {
      await network?.stop();
      rmSync(state, { recursive: true, force: true });
      throw thrown;
    }
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await this.#noop.stop();
    await this.#network.stop();
    rmSync(this.#state, { recursive: true, force: true });
  }

  /** The same network over the same storage, in new processes: whatever objects had in memory is gone. */
  async restart(): Promise<void> {
    await this.#network.stop();
    this.#network = await serve(this.#state);
  }

  /** @throws Error when anything went wrong: a bench of failures means nothing */
  async load(job: Job): Promise<LoadResult> {
    const result = await this.#load.run(job);
    if (result.problems.length > 0) throw new Error(`under load: ${result.problems.join("; ")}`);
    return result;
  }

  /** Sees to at least so much available key in a link's pool. */
  async fill(link: string, bytes: number): Promise<void> {
    const { ledger_bits: bits } = await linkState(this.#network, link);
    for (let missing = bytes - (bits["available"] ?? 0) / 8; missing > 0; missing -= PREFILL_BYTES) {
      const body = JSON.stringify({ bytes: PREFILL_BYTES });
      const answer = await this.#network.fetch(`/api/v1/links/${link}/prefill`, "operator", { method: "POST", body });
      if (answer.status !== 200) throw new Error(`link ${link} cannot be filled: ${await answer.text()}`);
      await answer.body?.cancel();
    }
  }

  /** @returns bits by their state; throws where a bit is lost */
  async ledgerOf(link: string): Promise<Readonly<Record<string, number>>> {
    const state = await linkState(this.#network, link);
    if (!state.conserved) throw new Error(`link ${link} does not conserve its bits`);
    return state.ledger_bits;
  }

  memory(): Memory {
    const { engine, fronts } = this.#network.pids;
    return { engineBytes: residentBytes(engine), frontsBytes: residentBytes(...fronts) };
  }

  /** CPU time taken so far. */
  cpu(): Cpu {
    const { engine, fronts } = this.#network.pids;
    return { engineMs: cpuMs(engine), frontsMs: cpuMs(...fronts), noopMs: cpuMs(this.#noop.pid) };
  }

  noopBytes(): number {
    return residentBytes(this.#noop.pid);
  }

  masterOf({ master, slave }: Neighbours): Endpoint {
    return this.#endpoint(master.sae, `${this.#network.kme[master.node]}/api/v1/keys/${slave.sae}`);
  }

  slaveOf({ master, slave }: Neighbours): Endpoint {
    return this.#endpoint(slave.sae, `${this.#network.kme[slave.node]}/api/v1/keys/${master.sae}`);
  }

  /** Answers every request with a container of so many keys. */
  noopEndpoint(keysPerRequest: number): Endpoint {
    return this.#endpoint("sae-a", `${this.#noop.url}/${keysPerRequest}/api/v1/keys/sae-c`);
  }

  #endpoint(sae: string, url: string): Endpoint {
    const read = (name: string): string => readFileSync(join(this.#state, "certs", name), "utf8");
    return { url, cert: read(`${sae}.crt`), key: read(`${sae}.key`), ca: read("ca.crt") };
  }
}

/** Links without a source of their own: nothing but the load is going on. The demo has no link of the fourth pair. */
const serve = (state: string): Promise<RunningNetwork> =>
  runNetwork({
    state,
    network: (demo) => {
      const pushed = pushedDemo()(demo);
      return { ...pushed, links: [...pushed.links, pushLink(PAIRS.fourth.link, "tn-1", "tn-4")] };
    },
    args: ["--prefill", "0"],
  });
