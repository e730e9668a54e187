/** Lines of a stranger's text, bounded however long they are and however many come. */
import { LIMITS } from "../../shared/limits.ts";

const CONTROL_CHARACTERS = /\p{Cc}+/gu;

/**
 * Passes lines on, each cut to LIMITS.feedStderrChars, at most LIMITS.feedStderrLines in a second; the rest is dropped.
 * Holds no more than one cut line.
 */
export function boundedLines(pass: (line: string) => void, now: () => number): (chunk: string) => void {
  let line = "";
  let [second, lines] = [-1, 0];
  const end = (): void => {
    const text = line.replaceAll(CONTROL_CHARACTERS, " ").trim();
    line = "";
    if (text === "") return;
    const nowSecond = Math.floor(now() / 1000);
    [second, lines] = nowSecond === second ? [second, lines + 1] : [nowSecond, 1];
    if (lines <= LIMITS.feedStderrLines) pass(text);
  };
  return (chunk) => {
    for (const [index, piece] of chunk.split("\n").entries()) {
      if (index > 0) end();
      line = (line + piece.slice(0, LIMITS.feedStderrChars)).slice(0, LIMITS.feedStderrChars);
    }
  };
}
