#!/usr/bin/env node
/** `qkd-agent`: a site's end of the tunnel. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { BACKGROUND_ENV, startInBackground } from "./agent/background.ts";
import { type Invocation, parseCommandLine } from "./agent/config/command-line.ts";
import { HELP } from "./agent/config/help.ts";
import { AgentFailure } from "./agent/failure.ts";
import { healthOf } from "./agent/health.ts";

/** RFC 6335: dynamic ports, which nobody has registered. */
const DYNAMIC_PORTS = [49_152, 65_536] as const;

function choosePort(taken: ReadonlySet<number>): number {
  for (;;) {
    const port = randomInt(...DYNAMIC_PORTS);
    if (!taken.has(port)) return port;
  }
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Of whoever sits at the terminal, or of what is piped in. */
async function ask(question: string): Promise<string | null> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const ended = once(lines, "close").then(() => null);
  try {
    return await Promise.race([lines.question(question), ended]);
  } finally {
    lines.close();
  }
}

async function run(invocation: Invocation): Promise<number> {
  if (invocation.command === "help") {
    print(HELP);
    return 0;
  }
  const { command, settings, notes, background } = invocation;
  if (command === "health") {
    const { ok, line } = healthOf(settings.state);
    print(line);
    return ok ? 0 : 1;
  }
  // The rest is loaded only when it is wanted: a container asks for the health every few seconds.
  if (command === "host-key") {
    const { pinHostKeys } = await import("./agent/host-keys.ts");
    return (await pinHostKeys(settings.ipsec, { print, ask })) ? 0 : 1;
  }
  if (command === "check") {
    const [{ checkAgent }, { lineOf }] = await Promise.all([
      import("./agent/check/check.ts"),
      import("./agent/check/finding.ts"),
    ]);
    const findings = await checkAgent(settings);
    for (const finding of findings) print(lineOf(finding));
    return findings.every(({ ok }) => ok) ? 0 : 1;
  }
  const { backgroundLog, runAgent } = await import("./agent/run.ts");
  const isBehind = process.env[BACKGROUND_ENV] !== undefined;
  if (background && !isBehind) return await startInBackground(process.argv.slice(1), backgroundLog(settings));
  return await runAgent({ settings, notes, background: isBehind });
}

function complain(text: string): void {
  const lines = text.split("\n").map((line) => `qkd-agent: ${line}`);
  if (process.connected) process.send?.({ type: "line", stream: "stderr", text: lines.join("\n") });
  else process.stderr.write(`${lines.join("\n")}\n`);
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await run(parseCommandLine(argv, { env: process.env, choosePort }));
  } catch (thrown) {
    if (!(thrown instanceof AgentFailure)) throw thrown;
    complain(thrown.message);
    return argv[0] === "check" ? 1 : thrown.exitCode;
  }
}

// A log that nobody reads any more is no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
process.exitCode = await main(process.argv.slice(2));
if (process.connected) process.disconnect();
// Nothing is left to be done then. Without it Node takes its environment down, which for an agent that has had threads may
// not come to an end (seen with 24.21: `CleanupHandles` waits for a request that nobody answers).
process.once("beforeExit", () => process.exit());
