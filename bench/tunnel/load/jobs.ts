/** What the load tool is told to do, and what it answers. Each job by its name: what it takes, what it gives. */
import type { LatencySummary } from "../../statistics.ts";

/** A device's HTTP service as a client reaches it. */
export interface HttpEndpoint {
  readonly url: string;
  /** Bearer token of the edge; null where nobody asks for one. */
  readonly token: string | null;
}
export interface Rate extends LatencySummary {
  readonly perS: number;
}
type Port = { readonly port: number };
type Streams = Port & { readonly streams: number };
type Timed = { readonly measureMs: number };
type Crowd = Timed & { readonly atOnce: number };

export interface Jobs {
  /** One transfer, digests compared where `verified`. */
  bulk: {
    takes: Port & { direction: "up" | "down"; bytes: number; verified: boolean };
    gives: { readonly mbPerS: number };
  };
  /** Bytes without end in the background, until `stop-bulk`; answered once they flow. */
  "start-bulk": { takes: Port & { direction: "up" | "down" }; gives: null };
  "stop-bulk": { takes: object; gives: { readonly mbPerS: number } };
  /** One byte there and back, again and again on one connection. */
  ping: { takes: Port & Timed; gives: LatencySummary };
  /** From connect to the first byte back, each on a new connection. */
  setup: { takes: Port & { count: number }; gives: LatencySummary };
  /** Unary calls on one HTTP/2 connection. */
  h2c: { takes: Port & Crowd; gives: Rate };
  http: { takes: HttpEndpoint & Crowd; gives: Rate };
  /**
   * Streams whose receiver (of "down" the client, of "frozen" the device) reads nothing; answered when all are open and
   * no byte moves any more, or after `maxMs`: kernels buffer megabytes for each.
   */
  freeze: { takes: Streams & { direction: "down" | "frozen"; maxMs: number }; gives: { readonly movedBytes: number } };
  /** Streams down that are read as fast as they come, until `thaw`; answered when all are open. */
  flow: { takes: Streams; gives: null };
  /** Ends them. */
  thaw: { takes: Port; gives: null };
}
