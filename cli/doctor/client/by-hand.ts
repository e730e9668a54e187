/** A client that the user runs by hand: told what to do, and asked what became of it. */
import { createInterface } from "node:readline/promises";
import type { Terminal } from "../../lib/terminal.ts";
import { type Drive, type Ended, type Place, wordsOf } from "./ask.ts";

/** @returns what is typed; undefined where nobody answers any more */
export type ReadLine = (question: string, signal: AbortSignal) => Promise<string | undefined>;

const ANSWERS: Readonly<Record<string, Ended>> = {
  d: { how: "done", words: "it got what it asked for", output: "" },
  e: { how: "error", words: "it reported an error", output: "" },
  c: { how: "crash", words: "it crashed", output: "" },
  s: { how: "cannot", words: "it has no such call", output: "" },
};
const QUESTION = "       [d] it has got that  [e] it reported an error  [c] it crashed  [s] it cannot: ";
const NOT_TOLD: Ended = { how: "late", words: "nobody told what became of it", output: "" };

/** What it shall be set up with, for a terminal. */
export const setupLines = ({ url, sae, ca, cert, key }: Place): readonly string[] => [
  "Set up the client, for as long as this runs:",
  `  KME                    ${url}`,
  `  the KME's authority    ${ca}`,
  `  its own certificate    ${cert}`,
  `  and key                ${key}`,
  `  its SAE ID             ${sae}`,
  "Then have it make the calls that follow, and say of each what became of it.",
];

export const clientByHand =
  (terminal: Terminal, readLine: ReadLine): Drive =>
  async (ask, signal) => {
    terminal.note(`  -> ${wordsOf(ask)}`);
    for (;;) {
      const line = await readLine(QUESTION, signal);
      if (line === undefined) return NOT_TOLD;
      const answer = ANSWERS[line.trim().toLowerCase()];
      if (answer !== undefined) return answer;
    }
  };

/** From the terminal that this program was started in. */
export const typedLine: ReadLine = async (question, signal) => {
  // Without the terminal's raw mode, Ctrl-C ends the program.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const ended = new Promise<undefined>((resolve) => void lines.once("close", () => resolve(undefined)));
  try {
    return await Promise.race([lines.question(question, { signal }), ended]);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    lines.close();
  }
};
