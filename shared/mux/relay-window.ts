/**
 * The hub's account of one socket: what it sent there and the agent has not acknowledged, and from whom that came. A
 * WebSocket in an object has no backpressure, so this is what bounds the memory that waits towards a slow socket.
 *
 * An agent is not believed how much it has received. Marks with random tokens go along with what is sent, and a token that
 * comes back acknowledges what was sent up to there: who reads nothing has none to send back. What was sent since the
 * last mark counts as waiting until there is enough for the next.
 *
 * The total is exact. Shares are kept by spans of 64 KiB, settled when the whole span is acknowledged: however small
 * the frames, the account stays small.
 */
import { toHex } from "../bytes/hex.ts";
import { LIMITS } from "../limits.ts";

const SPAN_BYTES = 64 * 1024;

interface Span {
  /** Of the total sent, where it starts and ends. */
  readonly startBytes: number;
  endBytes: number;
  readonly bySource: Map<number, number>;
}

/** Its token in hex, and of the total sent, where it ends. */
type Mark = readonly [token: string, endBytes: number];

/** Small enough for a hibernating socket's attachment. */
export interface RelaySnapshot {
  readonly sentBytes: number;
  readonly acknowledgedBytes: number;
  /** Those not acknowledged, oldest first. */
  readonly marks: readonly Mark[];
  /** The largest: source and bytes. */
  readonly shares: readonly (readonly [source: number, bytes: number])[];
}

export interface RelayLimits {
  readonly windowBytes: number;
  readonly slackBytes: number;
  readonly markBytes: number;
}

export const RELAY_LIMITS: RelayLimits = {
  windowBytes: LIMITS.tunnelSocketWindowBytes,
  slackBytes: LIMITS.tunnelSocketSlackBytes,
  markBytes: LIMITS.tunnelMarkBytes,
};

export class RelayWindow {
  readonly #limits: RelayLimits;
  #sentBytes: number;
  #acknowledgedBytes: number;
  /** Oldest first, as the marks are. */
  readonly #spans: Span[] = [];
  readonly #marks: Mark[];
  readonly #bySource: Map<number, number>;

  constructor(snapshot?: RelaySnapshot, limits: RelayLimits = RELAY_LIMITS) {
    this.#limits = limits;
    this.#sentBytes = snapshot?.sentBytes ?? 0;
    this.#acknowledgedBytes = snapshot?.acknowledgedBytes ?? 0;
    this.#marks = [...(snapshot?.marks ?? [])];
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

  /** Whether enough has been sent for a mark. Whoever acknowledges none gets no more of them. */
  get isMarkDue(): boolean {
    const [, markedBytes] = this.#marks.at(-1) ?? [null, this.#acknowledgedBytes];
    return this.#sentBytes - markedBytes >= this.#limits.markBytes && this.#marks.length < LIMITS.tunnelMarks;
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

  /** Notes that what was sent last was a mark. @param token random: it must not be guessed */
  marked(token: Uint8Array): void {
    this.#marks.push([toHex(token), this.#sentBytes]);
  }

  /** Notes an `ack`. @returns false where the token is of no mark, or of one that has been acknowledged */
  acknowledged(token: Uint8Array): boolean {
    const hex = toHex(token);
    const index = this.#marks.findIndex(([each]) => each === hex);
    const [mark] = this.#marks.splice(0, index + 1).slice(-1);
    if (mark === undefined) return false;
    [, this.#acknowledgedBytes] = mark;
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
      marks: [...this.#marks],
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
