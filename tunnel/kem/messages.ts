/** What the agent and a thread for mechanisms tell each other. Types only. */
import type { Operation, Outcome } from "./operations.ts";

/** One operation at a time. `end`: the thread wipes what it has and ends. */
export type ToThread = { readonly kind: "perform"; readonly operation: Operation } | { readonly kind: "end" };

export type FromThread =
  | { readonly kind: "performed"; readonly outcome: Outcome }
  /** The mechanism's defect, not the thread's. */
  | { readonly kind: "failed"; readonly reason: string };
