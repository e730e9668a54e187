/**
 * JSON from a stranger: UTF-8 checked, nesting bounded before `JSON.parse` sees it (a deep document would otherwise
 * cost stack and time), faults that name the problem.
 */
import { type Fault, fail, type JsonValue } from "../errors/errors.ts";
import { ok, type Result } from "../result.ts";

// [ and {, ] and } differ in this bit only.
const BRACE = 0x20;
const OPENER = 0x7b;
const CLOSER = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Deepest nesting of arrays and objects; a scan over the text, so it holds for malformed documents too. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if ((code | BRACE) === OPENER) {
      if (++depth > deepest) deepest = depth;
    } else if ((code | BRACE) === CLOSER) depth--;
  }
  return deepest;
}

/** Found, not walked to: a string may be megabytes long. @returns where it ends; the text's length where it does not */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** @returns `bad-request` for invalid UTF-8; a byte order mark is left out */
export function decodeUtf8(bytes: Uint8Array): Result<string, Fault> {
  try {
    return ok(UTF_8.decode(bytes));
  } catch {
    return fail("bad-request", "the body is not valid UTF-8");
  }
}

/**
 * Parse one JSON document (RFC 8259).
 * @returns `bad-request` for nesting deeper than `maxDepth`, or anything that is not JSON. The message never quotes the
 *   body.
 */
export function parseJson(text: string, maxDepth: number): Result<JsonValue, Fault> {
  const depth = jsonDepth(text);
  if (depth > maxDepth) {
    return fail("bad-request", `the body's JSON is nested ${depth} levels deep, more than ${maxDepth}`);
  }
  try {
    return ok(JSON.parse(text) as JsonValue);
  } catch {
    return fail("bad-request", "the body is not JSON");
  }
}
