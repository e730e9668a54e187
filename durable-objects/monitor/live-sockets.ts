/**
 * The sockets of those who watch. Each is sent the view first and then what has changed, and nothing more before it has
 * acknowledged that: who is slow is told of the latest only. Where a socket has come to is in memory; lost, it begins anew.
 */
import type { MonitorMessage, MonitorUpdate, MonitorView } from "../../shared/api/monitor-schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import { changesOf, isNothing } from "../../shared/monitor/diff.ts";
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
    const isDue = this.#host.nowMs() - progress.sentMs >= LIMITS.monitorWatchedMs;
    if (view !== null && isDue) this.#tell(socket, new News(view));
  }

  /** Tells all who are ready for it. @param view settled on those before */
  publish(view: MonitorView): void {
    const news = new News(view);
    for (const socket of this.#present()) this.#tell(socket, news);
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

  #tell(socket: WebSocket, news: News): void {
    const attachment = attachmentOf(socket);
    const { id } = attachment;
    const nowMs = this.#host.nowMs();
    const progress = this.#progress.get(id);
    if (progress?.isAcknowledged === false) {
      if (nowMs - progress.sentMs >= LIMITS.monitorSilentMs) this.#end(socket, "silent");
      return;
    }
    const { isNew, text } = progress === undefined ? news.whole : news.since(progress.view);
    // Once in a while it is said that all goes on.
    if (!isNew && nowMs - (progress?.sentMs ?? 0) < LIMITS.monitorIdleMs) return;
    const n = attachment.n + 1;
    attach(socket, { ...attachment, n });
    this.#progress.set(id, { view: news.view, sentMs: nowMs, isAcknowledged: false });
    try {
      socket.send(text(n));
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

/** A message, but for its number. */
interface Told {
  readonly isNew: boolean;
  readonly text: (n: number) => string;
}

/** What is to be told of a view: made once for all sockets that are equally far. */
class News {
  readonly view: MonitorView;
  readonly #updates = new Map<MonitorView, Told>();
  #whole: Told | null = null;

  constructor(view: MonitorView) {
    this.view = view;
  }

  get whole(): Told {
    return (this.#whole ??= { isNew: true, text: numbered({ type: "view", view: this.view }) });
  }

  since(before: MonitorView): Told {
    const known = this.#updates.get(before);
    if (known !== undefined) return known;
    const changes = changesOf(before, this.view);
    const { at, sequence, document_version, name, period_ms } = this.view;
    const message = { type: "update", at, sequence, document_version, name, period_ms, ...changes } as const;
    const told = { isNew: !isNothing(changes), text: numbered(message) };
    this.#updates.set(before, told);
    return told;
  }
}

type Unnumbered = Omit<Extract<MonitorMessage, { type: "view" }>, "n"> | Omit<MonitorUpdate, "n">;

/** Written when it is first wanted. */
function numbered({ type, ...rest }: Unnumbered): Told["text"] {
  let text: string | null = null;
  return (n) => {
    text ??= JSON.stringify(rest).slice(1);
    return `{"type":"${type}","n":${n},${text}`;
  };
}

const attachmentOf = (socket: WebSocket): Attachment => socket.deserializeAttachment() as Attachment;
const attach = (socket: WebSocket, attachment: Attachment): void => socket.serializeAttachment(attachment);
