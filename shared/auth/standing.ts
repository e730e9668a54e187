/**
 * What a caller who stays for long, as over a WebSocket, stands and falls with: a single request is judged when it comes,
 * and these would outlive what let them in.
 */
export interface Standing {
  /** `revocationKey`s of all it proved itself by, and of the agent that spoke for it. */
  readonly credentials: readonly string[];
  /** Id of that agent, which has to stay in the network; null: it spoke for itself. */
  readonly agent: string | null;
  /** When the first of its proofs expires; null: none does. */
  readonly untilMs: number | null;
}
