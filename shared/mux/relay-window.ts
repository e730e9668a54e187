/**
 * The hub's account of one socket: what it sent there and the agent has not acknowledged, and from whom that came. A
 * WebSocket in an object has no backpressure, so this is what bounds the memory that waits towards a slow socket.
 *
 * The total is exact. Shares are kept by spans of 64 KiB, settled when the whole span is acknowledged: however small
 * the frames, the account stays small.
 */
import { LIMITS } from "../limits.ts";

const SPAN_BYTES = 64 * 1024;

interface Span {
  /** Of the total sent, where it starts and ends. */
  readonly startBytes: number;
  endBytes: number;
  readonly bySource: Map<number, number>;
}

/** Small enough for a hibernating socket's attachment. */
export interface RelaySnapshot {
  readonly sentBytes: number;
  readonly acknowledgedBytes: number;
  /** The largest: source and bytes. */
  readonly shares: readonly (readonly [source: number, bytes: number])[];
}

export interface RelayLimits {
  readonly windowBytes: number;
  readonly slackBytes: number;
}

const RELAY_LIMITS: RelayLimits = {
  windowBytes: LIMITS.tunnelSocketWindowBytes,
  slackBytes: LIMITS.tunnelSocketSlackBytes,
};

export class RelayWindow {
  readonly #limits: RelayLimits;
  #sentBytes: number;
  #acknowledgedBytes: number;
  /** Oldest first. */
  #spans: Span[] = [];
  readonly #bySource: Map<number, number>;

  constructor(snapshot?: RelaySnapshot, limits: RelayLimits = RELAY_LIMITS) {
    this.#limits = limits;
    this.#sentBytes = snapshot?.sentBytes ?? 0;
    this.#acknowledgedBytes = snapshot?.acknowledgedBytes ?? 0;
    this.#bySource = new Map(snapshot?.shares);
    if (this.#bySource.size > 0) {
      const span = {
        startBytes: this.#acknowledgedBytes,
        endBytes: this.#sentBytes,
        bySource: new Map(this.#bySource),
      };
      this.#spans.push(span);
    }
  }

  get waitingBytes(): number {
    return this.#sentBytes - this.#acknowledgedBytes;
  }

  /** Whether a frame may be sent on; of all but data, control frames, a little more may wait. */
  admits(bytes: number, isData: boolean): boolean {
    const { windowBytes, slackBytes } = this.#limits;
    return this.waitingBytes + bytes <= windowBytes + (isData ? 0 : slackBytes);
  }

  /** Notes a frame that was sent on. @param source the slot it came from */
  sent(source: number, bytes: number): void {
    const last = this.#spans.at(-1);
    const fits = last !== undefined && this.#sentBytes + bytes <= last.startBytes + SPAN_BYTES;
    const span = fits ? last : emptySpan(this.#sentBytes);
    if (!fits) this.#spans.push(span);
    this.#sentBytes += bytes;
    span.endBytes = this.#sentBytes;
    span.bySource.set(source, (span.bySource.get(source) ?? 0) + bytes);
    this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + bytes);
  }

  /**
   * Notes an `ack`. An older one than the last changes nothing.
   * @returns false where it acknowledges what was never sent
   */
  acknowledged(totalBytes: number): boolean {
    if (totalBytes > this.#sentBytes) return false;
    this.#acknowledgedBytes = Math.max(this.#acknowledgedBytes, totalBytes);
    let settled = 0;
    for (const { endBytes, bySource } of this.#spans) {
      if (endBytes > this.#acknowledgedBytes) break;
      for (const [source, bytes] of bySource) this.#settle(source, bytes);
      settled++;
    }
    if (settled > 0) this.#spans.splice(0, settled);
    return true;
  }

  /** The source of most of what waits: whom to close when a frame is not admitted. Null where nothing waits. */
  largestSource(): number | null {
    return this.#shares()[0]?.[0] ?? null;
  }

  snapshot(): RelaySnapshot {
    return {
      sentBytes: this.#sentBytes,
      acknowledgedBytes: this.#acknowledgedBytes,
      shares: this.#shares().slice(0, LIMITS.tunnelSnapshotShares),
    };
  }

  #shares(): [source: number, bytes: number][] {
    return [...this.#bySource].sort(([, a], [, b]) => b - a);
  }

  #settle(source: number, bytes: number): void {
    const left = (this.#bySource.get(source) ?? 0) - bytes;
    if (left <= 0) this.#bySource.delete(source);
    else this.#bySource.set(source, left);
  }
}

const emptySpan = (startBytes: number): Span => ({ startBytes, endBytes: startBytes, bySource: new Map() });
