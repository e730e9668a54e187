/** examples/two-deployments as it runs, for end-to-end tests: in a folder of its own, ended with the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { PARENT_VARIABLE } from "../../scripts/start/stop-signal.ts";
import type { ChainRig } from "./chain-rig.ts";
import { deployments } from "./deployments.ts";
import { allPids, isRunning, reached, type ReachedNetwork } from "./run-network.ts";

const START = join(import.meta.dirname, "..", "..", "examples", "two-deployments", "start.ts");
const READY = /^two deployments ready$/m;

export class TwoDeployments {
  readonly one: ReachedNetwork;
  readonly two: ReachedNetwork;
  readonly #process: ChildProcess;
  readonly #root: string;
  readonly #output: readonly string[];

  private constructor(child: ChildProcess, root: string, output: readonly string[]) {
    this.#process = child;
    this.#root = root;
    this.#output = output;
    this.one = reached(join(root, "one"));
    this.two = reached(join(root, "two"));
  }

  /** Resolves when it says that it is ready. @param prepare is given its folder before it starts */
  static async run(prepare: (root: string) => void = () => {}): Promise<TwoDeployments> {
    const root = mkdtempSync(join(tmpdir(), "qkd-two-"));
    prepare(root);
    const env = { ...process.env, [PARENT_VARIABLE]: String(process.pid) };
    const child = spawn(process.execPath, [START, "--state", root], { env, stdio: ["ignore", "pipe", "pipe"] });
    const output: string[] = [];
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk: Buffer) => {
          output.push(chunk.toString());
          if (READY.test(output.join(""))) resolve();
        });
      }
      child.once("exit", () => reject(new Error(`it has ended:\n${output.join("")}`)));
    });
    return new TwoDeployments(child, root, output);
  }

  /** All of it, so far. */
  get printed(): string {
    return this.#output.join("");
  }

  rig(nodeOf: (sae: string) => string): ChainRig {
    const both = [this.one, this.two];
    return {
      network: deployments(both, nodeOf),
      custody: "between",
      end: async () => {
        const pids = both.flatMap(({ pids: own }) => allPids(own));
        this.#process.kill("SIGTERM");
        expect(await once(this.#process, "close")).toEqual([0, null]);
        expect(pids.filter((pid) => isRunning(pid))).toEqual([]);
        return this.printed;
      },
    };
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill("SIGTERM");
      await once(this.#process, "exit");
    }
    rmSync(this.#root, { recursive: true, force: true });
  }
}
