/** The processes of the example: programs that know nothing of tunnels, and agents. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { endAll } from "../end-all.ts";

const AGENT = join(import.meta.dirname, "..", "..", "tunnel", "main.ts");

export class Processes {
  readonly #running: ChildProcess[] = [];

  /** @returns its first line: where it listens */
  async device(name: string): Promise<string> {
    const child = this.#spawn([join(import.meta.dirname, "device.ts"), name], "pipe");
    return await firstLine(child, () => true);
  }

  /** @returns the exit code */
  async siteAgent(addresses: readonly string[]): Promise<number | null> {
    const child = this.#spawn([join(import.meta.dirname, "site-agent.ts"), ...addresses], "inherit");
    const [code] = (await once(child, "exit")) as [number | null];
    return code;
  }

  /**
   * `qkd-agent run agent.toml`, until it is connected.
   * @returns where it listens, by `site/service`
   */
  async agent(folder: string, toml: string, token: string): Promise<Readonly<Record<string, string>>> {
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, "token"), token, { mode: 0o600 });
    writeFileSync(join(folder, "agent.toml"), toml, { mode: 0o600 });
    const child = this.#spawn([AGENT, "run", join(folder, "agent.toml")], "pipe");
    const listeners: Record<string, string> = {};
    await firstLine(child, (line) => {
      const { message, fields } = parse(line);
      if (message === "listening") listeners[`${fields["site"]}/${fields["service"]}`] = `127.0.0.1:${fields["port"]}`;
      if (message === "cannot connect") throw new Error(`an agent cannot connect: ${fields["reason"]}`);
      return message === "connected";
    });
    return listeners;
  }

  async end(): Promise<void> {
    await endAll(this.#running);
  }

  #spawn(args: readonly string[], output: "pipe" | "inherit"): ChildProcess {
    const child = spawn(process.execPath, args, { stdio: ["ignore", output, output] });
    this.#running.push(child);
    return child;
  }
}

/** The first line on stdout or stderr that is `wanted`. Rejects with what was printed where the process ends before. */
async function firstLine({ stdout, stderr }: ChildProcess, wanted: (line: string) => boolean): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const printed: string[] = [];
  for (const stream of [stdout, stderr]) {
    if (stream === null) continue;
    const lines = createInterface({ input: stream });
    lines.on("line", (line) => {
      if (printed.length < 100) printed.push(line);
      try {
        if (wanted(line)) resolve(line);
      } catch (thrown) {
        reject(thrown);
      }
    });
    lines.once("close", () => reject(new Error(`it has ended: ${printed.join("\n")}`)));
  }
  return await promise;
}

/** A line of the agent's log in JSON; of another kind where it is none. */
function parse(line: string): { readonly message: string; readonly fields: Readonly<Record<string, string>> } {
  try {
    return JSON.parse(line) as ReturnType<typeof parse>;
  } catch {
    return { message: line, fields: {} };
  }
}
