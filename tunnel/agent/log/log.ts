/** The agent's log: to the console and to a file, each with its own level and look. */
import { type Log, type LogLevel, messageOf } from "../../log.ts";
import { AgentFailure } from "../failure.ts";
import type { LogConfig, LogThreshold } from "../config/schema.ts";
import { jsonLine, type LogEvent, prettyLine } from "./lines.ts";
import { RotatingFile } from "./rotating-file.ts";

const RANK: Readonly<Record<LogLevel | LogThreshold, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  warning: 2,
  error: 3,
  none: 4,
};

export interface Console {
  readonly isTerminal: boolean;
  write(line: string): void;
}

interface Look {
  readonly format: "pretty" | "json";
  readonly color: boolean;
}

const lineOf = (event: LogEvent, { format, color }: Look): string =>
  format === "json" ? jsonLine(event) : prettyLine(event, color);

export interface AgentLog {
  readonly log: Log;
  readonly close: () => void;
}

/** @throws AgentFailure where the file cannot be opened */
export function openLog(config: LogConfig, terminal: Console, now: () => number = Date.now): AgentLog {
  const { console, file } = config;
  const look = { format: console.format, color: console.color ?? terminal.isTerminal };
  const toConsole = (event: LogEvent): void => {
    if (RANK[event.level] >= RANK[console.level]) terminal.write(lineOf(event, look));
  };
  const onTrouble = (reason: string | null): void => {
    const timeMs = now();
    if (reason === null) toConsole({ timeMs, level: "info", message: "log file is written again", fields: {} });
    else toConsole({ timeMs, level: "error", message: "log file cannot be written", fields: { reason } });
  };
  const rotating = file === undefined || file.level === "none" ? null : openFile(file, onTrouble);
  return {
    log(level, message, fields = {}) {
      const event = { timeMs: now(), level, message, fields };
      toConsole(event);
      if (rotating !== null && file !== undefined && RANK[level] >= RANK[file.level])
        rotating.write(lineOf(event, file));
    },
    close: () => rotating?.close(),
  };
}

function openFile(
  { path, max_bytes: maxBytes, files }: NonNullable<LogConfig["file"]>,
  onTrouble: (reason: string | null) => void,
): RotatingFile {
  try {
    return new RotatingFile({ path, maxBytes, files, onTrouble });
  } catch (thrown) {
    throw new AgentFailure(`log.file.path: ${messageOf(thrown)}`);
  }
}
