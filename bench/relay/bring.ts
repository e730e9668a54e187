/** How the bench's Worker is told to have key relayed, and what it says of it. Types, and the path. */

export const BRING_PATH = "/bench/bring";

export interface BringOrder {
  /** Node that begins the relays. */
  readonly from: string;
  readonly pair: string;
  /** Of one call. */
  readonly bytes: number;
  readonly isUrgent: boolean;
  /** One call after the other: no more than these, and no new one later than this. */
  readonly calls: number;
  readonly forMs: number;
}

export interface BringAnswer {
  /** Of key that came. */
  readonly bytes: number;
  readonly calls: number;
  readonly ms: number;
  /** The first fault, which ends it. */
  readonly problem: string | null;
}
