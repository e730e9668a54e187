/** For tests: a mux whose transport, clock and other end are the test itself. */
import type { Ending } from "../../shared/mux/codes.ts";
import type { MuxLimits } from "../../shared/mux/config.ts";
import { decodeFrame } from "../../shared/mux/decode.ts";
import { encodeFrame } from "../../shared/mux/encode.ts";
import { type Frame, type FrameOf, framesOf } from "../../shared/mux/frame.ts";
import { Mux } from "../../shared/mux/mux.ts";
import type { Role } from "../../shared/mux/peers.ts";
import type { IncomingOpen } from "../../shared/mux/stream.ts";

export const PEER = 5;
/** A mux whose other end is the test. */
export function scripted(role: Role = "owner", limits: Partial<MuxLimits> = {}, answer?: (open: IncomingOpen) => void) {
  const sent: Frame[] = [];
  const opens: IncomingOpen[] = [];
  const gone: number[] = [];
  const leaving: [number, Ending][] = [];
  let full: Promise<void> | undefined;
  let clockMs = 0;
  const mux = new Mux({
    role,
    limits,
    now: () => clockMs,
    transport: {
      send: (message) => {
        for (const frame of framesOf(message)) {
          const decoded = decodeFrame(frame);
          if (!decoded.ok) throw new Error(`sends what it would not take: ${decoded.error.kind}`);
          sent.push(decoded.value);
        }
        return full;
      },
    },
    onOpen: (open) => {
      opens.push(open);
      answer?.(open);
    },
    onPeerGone: (slot) => gone.push(slot),
    onGoAway: (slot, ending) => leaving.push([slot, ending]),
  });
  return {
    mux,
    opens,
    gone,
    leaving,
    sent,
    /** What was sent since the last call, but for pings. */
    news: () => sent.splice(0).filter(({ type }) => type !== "ping"),
    push: (frame: Frame) => mux.received(encodeFrame(frame)),
    raw: (bytes: Uint8Array) => mux.received(bytes),
    block: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      full = promise;
      return () => {
        full = undefined;
        resolve();
      };
    },
    pass: (ms: number) => (clockMs += ms),
  };
}

export const open = (stream: number, more: Partial<FrameOf<"open">> = {}): Frame => ({
  type: "open",
  slot: PEER,
  stream,
  creditBytes: 1000,
  service: "kme",
  ...more,
});
export const data = (stream: number, payload: Uint8Array, fin = false, slot = PEER): Frame => ({
  type: "data",
  slot,
  stream,
  payload,
  fin,
});
export const acceptAll = (each: IncomingOpen): void => void each.accept();
