/** Figures as people read them, in the page's language. */
import { duration } from "../core/calls.ts";
import type { State } from "../core/state.ts";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const CLOCK_TO_SECONDS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const COUNT = new Intl.NumberFormat("en");

export const timeOf = (ms: number): string => CLOCK.format(ms);
export const exactTimeOf = (ms: number): string => CLOCK_TO_SECONDS.format(ms);
export const count = (value: number): string => COUNT.format(value);
export { duration };

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export const PRESENCE: Readonly<Record<State["presence"], string>> = {
  connecting: "connecting …",
  away: "away",
  meeting: "arriving …",
  here: "here",
};

export const CHANNEL = { direct: "Direct", room: "Through the room" } as const;
export const CHANNEL_IN_FULL = {
  direct: "from browser to browser",
  room: "through the room at the edge, which sees only ciphertext",
} as const;
