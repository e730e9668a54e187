/** Answers of the hybridization module's protocol, letter by letter where the original has a text of its own. */
import type { Fault } from "../../errors/errors.ts";
import type { Ksid } from "../types.ts";

/** In the form in which its clients send one along. Of hybrid streams: the original's answers have none. */
export interface Metadata {
  /** Of the buffer, in characters. */
  readonly size: number;
  /** JSON. */
  readonly buffer: string;
}

/** The string "error" where no command was understood; else 0, or 1 for whatever went wrong. */
export type Answer =
  | { readonly status: 0; readonly key_stream_id: string }
  | { readonly status: 0; readonly key_buffer: readonly number[]; readonly metadata?: Metadata }
  | { readonly status: 0 }
  | { readonly status: 1; readonly message: string }
  | { readonly status: "error"; readonly message: string };

export const INVALID_JSON: Answer = { status: "error", message: "Invalid JSON received" };
export const UNKNOWN_COMMAND: Answer = { status: "error", message: "Unknown command" };

/** The original's texts. `no-stream` is its answer to a KSID it does not know. */
const FAILURES = {
  "no-stream": "No interface selected. OPEN_CONNECT must be called first.",
  "no-source": "None of the key sources could open connect.",
  "no-key": "Failed to fetch any keys from sources",
  "open-failed": "Fatal error during OPEN_CONNECT.",
  "get-key-failed": "Fatal error during GET_KEY.",
  "close-failed": "Fatal error during CLOSE.",
} as const;

export type Failure = keyof typeof FAILURES;

export const opened = (ksid: Ksid): Answer => ({ status: 0, key_stream_id: ksid });
export const keyGiven = (key: Uint8Array): Answer => ({ status: 0, key_buffer: [...key] });
/** @param metadata JSON: which sources were mixed, and how */
export const hybridKeyGiven = (key: Uint8Array, metadata: string): Answer => ({
  status: 0,
  key_buffer: [...key],
  metadata: { size: metadata.length, buffer: metadata },
});
export const closed = (): Answer => ({ status: 0 });
export const failed = (failure: Failure): Answer => ({ status: 1, message: FAILURES[failure] });
/** Of hybrid streams: a stable word, and what is behind it. */
export const hybridFailed = (code: string, detail: string): Answer => ({ status: 1, message: `${code}: ${detail}` });
/** Of those the edge makes. @returns null for what begins with no such word: it is no message for applications */
export const hybridRefused = (message: string): Answer | null => (WORD.test(message) ? { status: 1, message } : null);
const WORD = /^[a-z]+(?:-[a-z]+)+: ./;
/** Where the original falls silent and hangs up: members that are missing or wrong. */
export const refused = (fault: Fault): Answer => ({ status: 1, message: fault.message });

/** One JSON object, with no delimiter. */
export const answerText = (answer: Answer): string => JSON.stringify(answer);
