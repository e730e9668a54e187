/**
 * JSON from a stranger: UTF-8 checked, nesting bounded before `JSON.parse` sees it (a deep document would otherwise
 * cost stack and time), faults that name the problem.
 */
import { type Fault, fail, type JsonValue } from "../errors/errors.ts";
import { ok, type Result } from "../result.ts";

const OPENERS = new Set([0x5b, 0x7b]); // [ {
const CLOSERS = new Set([0x5d, 0x7d]); // ] }
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Deepest nesting of arrays and objects; a scan over bytes, so it holds for malformed documents too. */
export function jsonDepth(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPENERS.has(byte)) deepest = Math.max(deepest, ++depth);
    else if (CLOSERS.has(byte)) depth--;
  }
  return deepest;
}

/**
 * Parse one JSON document (RFC 8259).
 * @returns `bad-request` for invalid UTF-8, nesting deeper than `maxDepth`, or anything that is not JSON. The
 *   message never quotes the body.
 */
export function parseJson(bytes: Uint8Array, maxDepth: number): Result<JsonValue, Fault> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return fail("bad-request", "the body is not valid UTF-8");
  }
  const depth = jsonDepth(bytes);
  if (depth > maxDepth) {
    return fail("bad-request", `the body's JSON is nested ${depth} levels deep, more than ${maxDepth}`);
  }
  try {
    return ok(JSON.parse(text) as JsonValue);
  } catch {
    return fail("bad-request", "the body is not JSON");
  }
}
