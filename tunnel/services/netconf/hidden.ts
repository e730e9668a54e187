/**
 * What a server says is wrong may quote the value that it does not like, and that may be a key, in whatever writing. So of
 * its words those stay that are words: nothing with a digit, and no row of what could be octets.
 */
import { LIMITS } from "../../../shared/limits.ts";

const HIDDEN = "[hidden]";
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** Words and names of leaves, with what stands around and between them; no mixed case, as base64 has. */
const WORD = /^["'(<[]*(?:[A-Za-z]?[a-z]+|[A-Z]{1,8})(?:[-_/:.'][a-z]+|\/)*[)\]>"'.,:;!?]*$/;
const WORD_CHARS = 32;
const STOP = /^[-=:;.,/"'()]+$/;
/** Of letters only, and yet perhaps octets, or digits one by one; a single one of them may be a word. */
const HEX = /^[a-f]+$/i;
const HEX_CHARS = 6;
const ENGLISH: ReadonlySet<string> = new Set(["a", "be", "add", "added", "bad"]);

type Kind = "word" | "english" | "hex" | "stop" | "hidden";

function kindOf(token: string): Kind {
  if (STOP.test(token)) return "stop";
  if (token.length > WORD_CHARS || !WORD.test(token)) return "hidden";
  const parts = token.split(/[^a-z]+/i).filter((part) => part !== "");
  const hex = parts.filter((part) => HEX.test(part));
  if (hex.some((part) => part.length > HEX_CHARS)) return "hidden";
  // `de:ad`, as a single token.
  if (parts.some((part, at) => at > 0 && HEX.test(part) && HEX.test(parts[at - 1] ?? ""))) return "hidden";
  if (hex.length < parts.length) return "word";
  return ENGLISH.has(hex.join("").toLowerCase()) ? "english" : "hex";
}

/** What lies beside hidden or hexadecimal tokens goes with them, and what stands between. */
function masked(text: string): string {
  const tokens = text.split(/\s+/).filter((token) => token !== "");
  const kinds = tokens.map(kindOf);
  const shown: string[] = [];
  for (let at = 0; at < tokens.length;) {
    const end = runEnd(kinds, at);
    const run = kinds.slice(at, end).filter((kind) => kind !== "stop");
    const isSuspect = run.length > 1 ? run.some((kind) => kind !== "english") : run[0] === "hidden";
    shown.push(...(isSuspect ? [HIDDEN] : tokens.slice(at, Math.max(end, at + 1))));
    at = Math.max(end, at + 1);
  }
  return shown.join(" ");
}

/** @returns the end of the run that begins here, of whatever is no plain word; `start` where there is none */
function runEnd(kinds: readonly Kind[], start: number): number {
  if (kinds[start] === "stop") return start;
  let end = start;
  for (let at = start; at < kinds.length && kinds[at] !== "word"; at++) if (kinds[at] !== "stop") end = at + 1;
  return end;
}

const bounded = (text: string): string =>
  text.length <= LIMITS.netconfErrorChars ? text : `${text.slice(0, LIMITS.netconfErrorChars - 3)}...`;

const printable = (text: string): string => text.slice(0, LIMITS.uriBytes).replace(UNPRINTABLE, " ").trim();

/** An error's message, fit for a log: one line, bounded, words only. */
export const shownMessage = (text: string): string => bounded(masked(printable(text)));

const TAG = /^[a-z]+(?:-[a-z]+)*$/;

/** One of RFC 6241 A, or of a server's own in that form. */
export const shownTag = (text: string | null): string =>
  text !== null && text.length <= WORD_CHARS && TAG.test(text) ? text : "operation-failed";

/** Of list entries their names only. */
const OTHER_PREDICATE = /\[(?!(?:[\w.-]+:)?name\s*=)[^\]]*\]?/g;
/** Octets with something between, and without; and as long a run of base64. */
const OCTETS = [
  /(?<![0-9a-z])(?:0x|\\x)?[0-9a-f]{2}(?:[^0-9a-z/[\]]+(?:0x|\\x)?[0-9a-f]{2}){3,}(?![0-9a-z])/gi,
  /[0-9a-f]{16,}/gi,
  /[a-z0-9+_=]{32,}/gi,
];

/** An error's path: it names the entry and the leaf, whose value has no place in it. */
export function shownPath(text: string): string {
  const named = printable(text).replace(OTHER_PREDICATE, HIDDEN);
  return bounded(OCTETS.reduce((rest, octets) => rest.replace(octets, HIDDEN), named));
}
