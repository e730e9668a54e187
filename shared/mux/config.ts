/** What a mux is made with, and what it counts. */
import { LIMITS } from "../limits.ts";
import type { Ending } from "./codes.ts";
import type { Transport } from "./outbox.ts";
import type { Role } from "./peers.ts";
import type { IncomingOpen } from "./stream.ts";

/** Tests make them small; everybody else takes them as they are. */
export const MUX_LIMITS = {
  streams: LIMITS.tunnelStreams,
  streamsPerSlot: LIMITS.tunnelStreamsPerSlot,
  waitingOpens: LIMITS.tunnelWaitingOpens,
  receiveBudgetBytes: LIMITS.tunnelReceiveBudgetBytes,
  floorWindowBytes: LIMITS.tunnelFloorWindowBytes,
  firstWindowBytes: LIMITS.tunnelFirstWindowBytes,
  windowBytes: LIMITS.tunnelWindowBytes,
  messageBytes: LIMITS.tunnelMessageBytes,
  frameBytes: LIMITS.tunnelFrameBytes,
  turnBytes: LIMITS.tunnelTurnBytes,
  sendBufferBytes: LIMITS.tunnelSendBufferBytes,
  aheadBytes: LIMITS.tunnelAheadBytes,
  interactiveBytes: LIMITS.tunnelInteractiveBytes,
  controlFrames: LIMITS.tunnelControlFrames,
  pings: LIMITS.tunnelPings,
  pingMs: LIMITS.tunnelPingMs,
} as const;

export type MuxLimits = { readonly [Name in keyof typeof MUX_LIMITS]: number };

/** What a mux counts of itself. */
export interface MuxGauges {
  /** Now open, or not yet read to their end. */
  streams: number;
  /** Frames in and out with their headers. */
  bytesIn: number;
  bytesOut: number;
  /** Times a stream had bytes to send and no credit left. */
  creditStalls: number;
  /** Streams that ended by a reset, from either end. */
  resets: number;
  /** Of them, those of senders that sent more than they had credit for. */
  creditExceeded: number;
  /** Frames that broke the protocol. */
  faults: number;
  /** Opens refused here. */
  refused: number;
  /** The last round trip measured; null before the first. */
  rttMs: number | null;
}

export const freshGauges = (): MuxGauges => ({
  streams: 0,
  bytesIn: 0,
  bytesOut: 0,
  creditStalls: 0,
  resets: 0,
  creditExceeded: 0,
  faults: 0,
  refused: 0,
  rttMs: null,
});

export interface MuxOptions {
  readonly transport: Transport;
  readonly role: Role;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Has to accept or refuse, at once or later. */
  readonly onOpen: (open: IncomingOpen) => void;
  readonly onPeerGone?: (slot: number) => void;
  readonly onGoAway?: (slot: number, ending: Ending) => void;
  /**
   * Calls what it is given a little later, at the end of what is going on now: what streams send until then shares
   * messages. At once where absent.
   */
  readonly soon?: (act: () => void) => void;
  readonly limits?: Partial<MuxLimits>;
}
