/** The agent as a process: its log, its signals, and how it ends. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LIMITS } from "../../shared/limits.ts";
import { type Log, messageOf } from "../log.ts";
import { Agent } from "./agent.ts";
import type { FromBackground } from "./background.ts";
import type { AgentSettings } from "./config/command-line.ts";
import type { LogConfig } from "./config/schema.ts";
import { openLog } from "./log/log.ts";

export interface RunOptions {
  readonly settings: AgentSettings;
  readonly notes: readonly string[];
  /** Somebody waits to hear that it has connected, and nobody looks afterwards. */
  readonly background: boolean;
}

type Stream = "stdout" | "stderr";

/** Where an agent in the background logs if its configuration names no file. */
export const backgroundLog = ({ state, log }: AgentSettings): string => log.file?.path ?? path.join(state, "agent.log");

/** @returns the exit code. @throws AgentFailure with what is wrong here */
export async function runAgent({ settings, notes, background }: RunOptions): Promise<number> {
  const write = background ? tellParent : (stream: Stream, text: string) => void process[stream].write(`${text}\n`);
  for (const note of notes) write("stdout", note);
  // The log may be the first thing in it.
  if (background) mkdirSync(settings.state, { recursive: true, mode: 0o700 });
  const { log, close } = openLog(background ? withFile(settings) : settings.log, {
    isTerminal: !background && process.stderr.isTTY,
    write: (line) => write("stderr", line),
  });
  const ended = new AbortController();
  let exitCode = 0;
  const fail = (): void => {
    exitCode = 1;
    ended.abort();
  };
  const forgetDefects = followDefects(log);
  if (background) process.once("disconnect", fail);
  const pidFile = path.join(settings.state, "agent.pid");
  const agent = await Agent.start({
    settings,
    log,
    onReady: () => {
      if (!background || !process.connected) return;
      writeFileSync(pidFile, `${process.pid}\n`);
      process.off("disconnect", fail);
      process.send?.({ type: "ready" } satisfies FromBackground);
    },
    onRefused: () => (background && process.connected ? fail() : undefined),
  });
  const forgetSignals = followSignals(ended, () => agent.logGauges("info"));
  const gauges = setInterval(() => agent.logGauges("debug"), LIMITS.agentGaugesMs);
  try {
    await agent.run(ended.signal);
    log("info", "ended");
  } catch (thrown) {
    log("error", "ended by a defect", { reason: messageOf(thrown) });
    exitCode = 1;
  } finally {
    clearInterval(gauges);
    forgetSignals();
    forgetDefects();
    if (background) rmSync(pidFile, { force: true });
    close();
  }
  return exitCode;
}

/** The first signal ends it in order, the second at once. */
function followSignals(ended: AbortController, onGauges: () => void): () => void {
  const end = (): void => {
    if (ended.signal.aborted) process.exit(1);
    ended.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, end);
  process.on("SIGUSR2", onGauges);
  return () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, end);
    process.off("SIGUSR2", onGauges);
  };
}

/** What nobody foresaw ends the agent, as it would by itself, but not without a word in its log. */
function followDefects(log: Log): () => void {
  const tell = (thrown: unknown): void => {
    log("error", "ended by a defect", { reason: thrown instanceof Error ? (thrown.stack ?? "") : String(thrown) });
    process.exit(1);
  };
  process.on("uncaughtException", tell);
  return () => process.off("uncaughtException", tell);
}

function tellParent(stream: Stream, text: string): void {
  if (process.connected) process.send?.({ type: "line", stream, text } satisfies FromBackground);
}

const DEFAULT_FILE = { format: "pretty", color: false, max_bytes: 10 * 1024 * 1024, files: 5 } as const;

function withFile(settings: AgentSettings): LogConfig {
  const { log } = settings;
  return { ...log, file: log.file ?? { ...DEFAULT_FILE, level: log.console.level, path: backgroundLog(settings) } };
}
