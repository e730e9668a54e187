/** One event as a line: JSON for programs, or for people. Both hold time, level, message and fields. */
import type { LogFields, LogLevel } from "../../log.ts";

export interface LogEvent {
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

const LEVEL_WORDS = { debug: "debug", info: "info", warn: "warning", error: "error" } as const;
const COLOURS = { debug: 90, info: 32, warn: 33, error: 31 } as const;
const GREY = 90;

const painted = (text: string, colour: number): string => `\u001b[${colour}m${text}\u001b[39m`;
const plain = (text: string): string => text;

export const jsonLine = ({ timeMs, level, message, fields }: LogEvent): string =>
  JSON.stringify({ time: new Date(timeMs).toISOString(), level: LEVEL_WORDS[level], message, fields });

export function prettyLine({ timeMs, level, message, fields }: LogEvent, inColour: boolean): string {
  const paint = inColour ? painted : plain;
  const rest = Object.entries(fields).map(([name, value]) => ` ${paint(`${name}=`, GREY)}${quoted(value)}`);
  const word = paint(LEVEL_WORDS[level].padEnd(7), COLOURS[level]);
  return `${paint(new Date(timeMs).toISOString(), GREY)} ${word} ${printable(message)}${rest.join("")}`;
}

/** What others wrote shall neither pass for another field nor reach a terminal as a command to it. */
const quoted = (value: LogFields[string]): string =>
  typeof value === "string" && !/^[\w.:/@+-]+$/.test(value) ? JSON.stringify(printable(value)) : String(value);
const printable = (text: string): string => text.replaceAll(/\p{Cc}+/gu, " ");
