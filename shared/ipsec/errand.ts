/**
 * What a ProxyAgent has a site's agent do, and what the agent answers: a request through the tunnel to the agent's own
 * service `ipsec`, answered by a line of JSON for each thing done, as it is done. No key, nor a part of one, is in either.
 */
import type { SadEntry, SpdEntry } from "./entry.ts";
import type { EntryReason } from "./outcome.ts";

/** The agent's own service: see shared/tunnel/services.ts. */
export const IPSEC_SERVICE = "ipsec";
export const ERRAND_PATH = "/errands";

export type EntryKind = "sad" | "spd";

/** The key of one SA, made by the agents of both ends at once: a hybrid key stream of which chunk 0 is taken. */
export interface KeyWish {
  /** `hybrid://`, the same two texts at both ends. */
  readonly source: string;
  readonly destination: string;
  /** Of all keys and salts of the SA together. */
  readonly keyBytes: number;
  /** Octets that the stream is asked for: fewer where the method yields no more, which are then expanded. */
  readonly chunkBytes: number;
  /** For the agent of the other end. */
  readonly waitMs: number;
}

/** How the key is cut and laid into the template: key-layout.ts. */
export type { KeyLayout } from "./key-layout.ts";
import type { KeyLayout } from "./key-layout.ts";

export type Operation =
  | { readonly do: "create-spd"; readonly entry: SpdEntry }
  | { readonly do: "create-sad"; readonly entry: SadEntry; readonly key: KeyWish; readonly layout: KeyLayout }
  /** The key is fetched now, with the other end, and kept in memory until `install` or `forget`, for a bounded while. */
  | { readonly do: "hold"; readonly entry: SadEntry; readonly key: KeyWish; readonly layout: KeyLayout }
  | { readonly do: "install"; readonly name: string }
  | { readonly do: "forget"; readonly name: string }
  /** What is not there is deleted. */
  | { readonly do: "delete"; readonly kind: EntryKind; readonly name: string; readonly reqid: string };

export interface Errand {
  /** UUID. The same errand again is not done again: its lines are told again. */
  readonly id: string;
  readonly node: string;
  /** Told by who began the errand once before, and never got all lines: an agent that does not know it does nothing. */
  readonly again: boolean;
  readonly operations: readonly Operation[];
}

/** A line of the answer. The last one has no `index`. */
export type ErrandLine =
  | { readonly index: number; readonly result: OperationResult }
  /** `unknown`: asked for again, and this agent has not done it, or no longer knows. */
  | { readonly end: "done" | "unknown" };

export type OperationResult =
  | {
      readonly ok: true;
      /** Of an SA: how its key was made. */
      readonly key?: MadeKey;
      /** Such as that a shorter key was expanded. */
      readonly notes?: readonly string[];
    }
  | { readonly ok: false; readonly reason: EntryReason; readonly message: string };

export interface MadeKey {
  /** Of the stream: equal at both ends where both have the same key. Says nothing of the key. */
  readonly ksid: string;
  readonly sources: readonly string[];
  readonly dropped: readonly string[];
  readonly confirmed: boolean;
}
