/**
 * Entries in JSON, as CCIPS controllers write them: objects one after the other with nothing between them, or commas, or
 * an array around them. Braces in texts are texts. What stands between them is passed over and told.
 */
import { type Fault, fail } from "../errors/errors.ts";
import { endOfString, jsonDepth } from "../bytes/json.ts";
import { isRecord } from "../records.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { entriesIn, type Found, type RawBody } from "./raw-body.ts";

/** @param text of a body whose size has been bounded */
export function readJsonBody(text: string): Result<RawBody, Fault> {
  const found: Found[] = [];
  const warnings: string[] = [];
  for (const span of spansOf(text)) {
    // One by one: as many as fit in a body are more than a call can have arguments.
    if (span.kind === "object") for (const one of read(text.slice(span.from, span.to), span.from)) found.push(one);
    else if (warnings.length < LIMITS.ipsecJunkTold) warnings.push(`passed over at character ${span.from}: no object`);
    if (found.length > LIMITS.ipsecBodyEntries) {
      return fail("bad-request", `the body has more than ${LIMITS.ipsecBodyEntries} entries`);
    }
  }
  return ok({ found, warnings });
}

interface Span {
  readonly kind: "object" | "junk";
  readonly from: number;
  readonly to: number;
}

/** Between objects these mean nothing: so an array of them is read as they are without it. */
const SEPARATOR = /[\s,[\]]/;

function* spansOf(text: string): Generator<Span> {
  let at = 0;
  while (at < text.length) {
    const from = at;
    if (text[at] === "{") {
      at = endOfObject(text, at);
      yield { kind: "object", from, to: at };
    } else if (SEPARATOR.test(text[at] ?? "")) at++;
    else {
      while (at < text.length && text[at] !== "{" && !SEPARATOR.test(text[at] ?? "")) at++;
      yield { kind: "junk", from, to: at };
    }
  }
}

/** @returns behind its closing brace; the text's end where it has none */
function endOfObject(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') at = endOfString(text, at);
    else if (sign === "{") depth++;
    else if (sign === "}") depth--;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function read(text: string, at: number): readonly Found[] {
  const problem = (what: string): readonly Found[] => [
    { kind: null, problem: `the object at character ${at} ${what}` },
  ];
  if (jsonDepth(text) > LIMITS.ipsecDepth) return problem(`is nested more than ${LIMITS.ipsecDepth} levels deep`);
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    return problem("is not JSON");
  }
  const entries = isRecord(object) ? entriesIn(object) : [];
  return entries.length > 0 ? entries : problem("holds neither sad-entry nor spd-entry");
}
