/** examples/two-deployments as it runs, for end-to-end tests: in a folder of its own, ended with the test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { ChainRig } from "./chain-rig.ts";
import { deployments } from "./deployments.ts";
import {
  allPids,
  isRunning,
  reached,
  type ReachedNetwork,
  spawnProgram,
  type Started,
  untilReady,
} from "./run-network.ts";

const START = "examples/two-deployments/start.ts";

export class TwoDeployments {
  readonly one: ReachedNetwork;
  readonly two: ReachedNetwork;
  readonly #started: Started;
  readonly #root: string;

  private constructor(started: Started, root: string) {
    this.#started = started;
    this.#root = root;
    this.one = reached(join(root, "one"));
    this.two = reached(join(root, "two"));
  }

  /** Resolves when it says that it is ready. @param prepare is given its folder before it starts */
  static async run(prepare: (root: string) => void = () => {}): Promise<TwoDeployments> {
    const root = mkdtempSync(join(tmpdir(), "qkd-two-"));
    try {
      prepare(root);
      const started = spawnProgram(START, ["--state", root]);
      await untilReady(started, /^two deployments ready$/m);
      return new TwoDeployments(started, root);
    } catch (thrown) {
      rmSync(root, { recursive: true, force: true });
      throw thrown;
    }
  }

  /** All of it, so far. */
  get printed(): string {
    return this.#started.output();
  }

  rig(nodeOf: (sae: string) => string): ChainRig {
    const both = [this.one, this.two];
    return {
      network: deployments(both, nodeOf),
      custody: "between",
      end: async () => {
        const pids = both.flatMap(({ pids: own }) => allPids(own));
        expect(await this.#end()).toBe(0);
        expect(pids.filter((pid) => isRunning(pid))).toEqual([]);
        return this.printed;
      },
    };
  }

  async stop(): Promise<void> {
    await this.#end();
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** @returns the exit code */
  async #end(): Promise<number | null> {
    this.#started.process.kill("SIGTERM");
    return await this.#started.ended;
  }
}
