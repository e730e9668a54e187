/**
 * Key IDs as nearly every client writes them: JSON of nothing but the IDs, in lower case, with the same blanks between
 * all of them. Read in one pass over the text, where the way over `JSON.parse` and a schema takes ten times as long.
 */
import { HEAD_CHARS, ID_CHARS, isUuidRun, type KeyIdRun } from "../keypool/key-id-run.ts";
import { LIMITS } from "../limits.ts";

// RFC 8259 2: blanks are these four.
const OPEN =
  /^[ \t\r\n]*\{[ \t\r\n]*"key_IDs"[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*\{[ \t\r\n]*"key_ID"[ \t\r\n]*:[ \t\r\n]*"/;
const BETWEEN = /"[ \t\r\n]*\}[ \t\r\n]*,[ \t\r\n]*\{[ \t\r\n]*"key_ID"[ \t\r\n]*:[ \t\r\n]*"/y;
const CLOSE = /"[ \t\r\n]*\}[ \t\r\n]*\][ \t\r\n]*\}[ \t\r\n]*$/y;

/** @returns the IDs in the order asked for; null for any other text, which is for the schema to judge */
export function readPlainKeyIds(text: string): KeyIdRun[] | null {
  const opened = OPEN.exec(text)?.[0].length;
  if (opened === undefined) return null;
  const between = matchAt(BETWEEN, text, opened + ID_CHARS);
  const runs: string[] = [];
  let head: string | null = null;
  let [at, count] = [opened, 0];
  for (;;) {
    const run = head !== null && text.startsWith(head, at) ? runs.pop() : undefined;
    runs.push(run === undefined ? text.slice(at, at + ID_CHARS) : run + text.slice(at + HEAD_CHARS, at + ID_CHARS));
    if (run === undefined) head = text.slice(at, at + HEAD_CHARS);
    at += ID_CHARS;
    if (++count > LIMITS.keysPerRequest) return null;
    if (between === null || !text.startsWith(between, at)) break;
    at += between.length;
  }
  return matchAt(CLOSE, text, at) !== null && runs.every(isUuidRun) ? runs : null;
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
