/** A conformance case, whatever protocol it is of: what it does with a stage, and what can become of it. */

/** M: from the standard's text; R: recommended, or what everybody does; X: robustness and security. */
export type Level = "M" | "R" | "X";

/** note: it works, but not as recommended. skip: it was not run, for want of something. */
export type Result = "pass" | "fail" | "note" | "skip";

/** A call and its answer as a report may show them: key material is replaced by `[n bytes]`. */
export interface Exchange {
  /** Who asked whom: `sae-a at KME 1`. */
  readonly who: string;
  readonly sent: string;
  readonly received: string;
}

/** What the cases of a protocol work with. */
export interface Stage {
  /** What has to be given so that this need is met; null where it is. */
  lacks(need: string): string | null;
  /** From here on calls are of another case; what is under way ends with the signal. */
  begin(signal: AbortSignal): void;
  /** Those since `begin`, oldest first. */
  exchanges(): readonly Exchange[];
  /** What is said of a case, as a report may show it: an answer's own words may be among it. */
  shown(words: string): string;
}

/** How a case says more than pass or fail. */
export interface Tell {
  /** Not as recommended: the case is a note, unless it fails. */
  note(words: string): void;
  /** Worth knowing; the result stays. */
  remark(words: string): void;
}

export interface Case<S extends Stage = Stage, Need extends string = string> {
  readonly id: string;
  readonly level: Level;
  /** Of the standard; empty where it follows from none. */
  readonly clause: string;
  /** What is done, and what has to come of it. */
  readonly title: string;
  /** Without these it is skipped. */
  readonly needs?: readonly Need[];
  /** How long it may take; else as the runner has it. */
  readonly timeoutMs?: number;
  /** Ends, or throws `Breach` (see `must`), `NotRun`, or what a connection throws: that is a breach, too. */
  run(stage: S, tell: Tell): Promise<void>;
}

/** What became of one case. */
export interface Outcome {
  readonly id: string;
  readonly level: Level;
  readonly clause: string;
  readonly title: string;
  readonly result: Result;
  /** Why it is so, in words. */
  readonly why: readonly string[];
  readonly exchanges: readonly Exchange[];
  readonly ms: number;
}

/** What all cases of one run came to. */
export interface Findings {
  /** Of what: `ETSI GS QKD 014 V1.1.1`. */
  readonly suite: string;
  /** The URLs or addresses that were tried. */
  readonly targets: readonly string[];
  /** ISO 8601. */
  readonly at: string;
  readonly outcomes: readonly Outcome[];
}

/** Not as it should be. Of a case of level R that is a note; `M` makes it a failure even there. */
export class Breach extends Error {
  readonly level: Level | undefined;

  constructor(words: string, level?: Level) {
    super(words);
    this.name = "Breach";
    this.level = level;
  }
}

/** The case has nothing to say here, as one of several slaves where there can be only one. */
export class NotRun extends Error {
  constructor(words: string) {
    super(words);
    this.name = "NotRun";
  }
}

/** @throws Breach unless it holds; the words say what is wrong, never with key material in them */
export function must(holds: boolean, words: string, level?: Level): asserts holds {
  if (!holds) throw new Breach(words, level);
}
