/**
 * The sockets of those who watch. Each is sent the view first and then what has changed, and nothing more before it has
 * acknowledged that: who is slow is told of the latest only. Where a socket has come to is in memory; lost, it begins anew.
 */
import type { MonitorMessage, MonitorView } from "../../shared/api/monitor-schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Changes, changesOf, isNothing } from "../../shared/monitor/diff.ts";
import { LIVE_END, type LiveEnd, readAck } from "../../shared/monitor/live.ts";
import type { LiveCall } from "../../shared/monitor/rpc.ts";

/** All that is known of a socket once the object has slept. */
interface Attachment {
  readonly id: string;
  readonly call: LiveCall;
  /** Number of the last message. */
  readonly n: number;
  readonly sinceMs: number;
  /** Out, though its close frame may still be on its way. */
  readonly over?: true;
}

interface Progress {
  /** As the client knows it. */
  readonly view: MonitorView;
  readonly sentMs: number;
  readonly isAcknowledged: boolean;
}

/** The platform's part. */
export interface LiveHost {
  sockets(): readonly WebSocket[];
  accept(socket: WebSocket): void;
  newId(): string;
  nowMs(): number;
}

export class LiveSockets {
  readonly #host: LiveHost;
  readonly #progress = new Map<string, Progress>();

  constructor(host: LiveHost) {
    this.#host = host;
  }

  get calls(): readonly LiveCall[] {
    return this.#present().map((socket) => attachmentOf(socket).call);
  }

  /**
   * Is there no room for this one? Those that are over and not closed by their clients count too: who leaves many so has
   * no more room, and others still do.
   */
  isFullFor(principal: string): boolean {
    const sockets = this.#host.sockets();
    const own = sockets.filter((socket) => attachmentOf(socket).call.principal === principal);
    return sockets.length >= LIMITS.monitorSockets || own.length >= 2 * LIMITS.monitorSocketsEach;
  }

  admit(socket: WebSocket, call: LiveCall): void {
    const own = this.#present().filter((other) => attachmentOf(other).call.principal === call.principal);
    own.sort((a, b) => attachmentOf(a).sinceMs - attachmentOf(b).sinceMs);
    for (const oldest of own.slice(0, Math.max(0, own.length + 1 - LIMITS.monitorSocketsEach)))
      this.#end(oldest, "replaced");
    this.#host.accept(socket);
    attach(socket, { id: this.#host.newId(), call, n: 0, sinceMs: this.#host.nowMs() });
  }

  heard(socket: WebSocket, message: string | ArrayBuffer, view: MonitorView | null): void {
    const { id, n, over } = attachmentOf(socket);
    if (over === true) return;
    const acknowledged = typeof message === "string" ? readAck(message) : null;
    if (acknowledged === null || acknowledged > n) {
      this.#end(socket, "bad-message");
      return;
    }
    const progress = this.#progress.get(id);
    if (progress === undefined || acknowledged < n) return;
    this.#progress.set(id, { ...progress, isAcknowledged: true });
    if (view !== null && this.#host.nowMs() - progress.sentMs >= LIMITS.monitorWatchedMs) this.#tell(socket, view);
  }

  /** Tells all who are ready for it. @param view settled on those before */
  publish(view: MonitorView): void {
    for (const socket of this.#present()) this.#tell(socket, view);
  }

  /** From the other side, or without a word. */
  ended(socket: WebSocket): void {
    try {
      socket.close();
    } catch {
      // Closed both ways already.
    }
    this.#left(socket);
  }

  end(why: LiveEnd, concerns: (call: LiveCall) => boolean): void {
    for (const socket of this.#present()) if (concerns(attachmentOf(socket).call)) this.#end(socket, why);
  }

  /** Ends those whose proofs have expired. */
  endExpired(): void {
    const nowMs = this.#host.nowMs();
    this.end("revoked", ({ standing: { untilMs } }) => untilMs !== null && untilMs <= nowMs);
  }

  /** When the first of the others' proofs do; Infinity: never. */
  get nextExpiryMs(): number {
    return Math.min(Infinity, ...this.calls.map(({ standing: { untilMs } }) => untilMs ?? Infinity));
  }

  #present(): readonly WebSocket[] {
    return this.#host
      .sockets()
      .filter((socket) => socket.readyState === WebSocket.OPEN && attachmentOf(socket).over !== true);
  }

  #tell(socket: WebSocket, view: MonitorView): void {
    const attachment = attachmentOf(socket);
    const { id } = attachment;
    const nowMs = this.#host.nowMs();
    const progress = this.#progress.get(id);
    if (progress?.isAcknowledged === false) {
      if (nowMs - progress.sentMs >= LIMITS.monitorSilentMs) this.#end(socket, "silent");
      return;
    }
    const n = attachment.n + 1;
    const message = progress === undefined ? ({ type: "view", n, view } as const) : update(n, progress, view, nowMs);
    if (message === null) return;
    attach(socket, { ...attachment, n });
    this.#progress.set(id, { view, sentMs: nowMs, isAcknowledged: false });
    try {
      socket.send(JSON.stringify(message));
    } catch {
      // It is about to be told as ended.
    }
  }

  #end(socket: WebSocket, why: LiveEnd): void {
    const { code, reason } = LIVE_END[why];
    try {
      socket.close(code, reason);
    } catch {
      // Closed from the other side.
    }
    this.#left(socket);
  }

  #left(socket: WebSocket): void {
    const attachment = attachmentOf(socket);
    this.#progress.delete(attachment.id);
    attach(socket, { ...attachment, over: true });
  }
}

/** @returns null where there is nothing new, and it has been said a moment ago that all goes on */
function update(
  n: number,
  { view: before, sentMs }: Progress,
  view: MonitorView,
  nowMs: number,
): MonitorMessage | null {
  const changes: Changes = changesOf(before, view);
  if (isNothing(changes) && nowMs - sentMs < LIMITS.monitorIdleMs) return null;
  const { at, sequence, document_version, name, period_ms } = view;
  return { type: "update", n, at, sequence, document_version, name, period_ms, ...changes };
}

const attachmentOf = (socket: WebSocket): Attachment => socket.deserializeAttachment() as Attachment;
const attach = (socket: WebSocket, attachment: Attachment): void => socket.serializeAttachment(attachment);
