/**
 * Connections between this agent and those of other sites: one to each that it has dialled, as many as each of them has
 * dialled here. They go through the tunnel, in TLS with the sites' certificates; between nodes of this very site, within the
 * process.
 */
import { type Duplex, duplexPair } from "node:stream";
import { LIMITS } from "../../../../shared/limits.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import type { InnerTls } from "../../../agent/services/inner-tls.ts";
import { inWords, openStream, type Way } from "../../../agent/services/open-stream.ts";
import { type Log, throttled } from "../../../log.ts";
import type { PeerChannel, PeerConnection, PeerEvents } from "./types.ts";
import { HYBRID_SERVICE } from "../config.ts";
import { FramedConnection } from "./connection.ts";

export interface ChannelOptions {
  /** The own one. */
  readonly site: string;
  /** To the hub of another site; undefined for one that is no peer's. */
  readonly wayTo: (site: string) => Way | undefined;
  readonly tls: InnerTls | undefined;
  readonly events: PeerEvents;
  readonly log: Log;
}

type Dialled = Result<FramedConnection, string>;

export class Channel implements PeerChannel {
  readonly #options: ChannelOptions;
  readonly #log: Log;
  /** Under way, or open. */
  readonly #dials = new Map<string, Promise<Dialled>>();
  /** By site, the oldest first. */
  readonly #accepted = new Map<string, readonly FramedConnection[]>();
  readonly #open = new Set<FramedConnection>();
  readonly #ended = new AbortController();

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#log = calm(options.log);
  }

  async reach(site: string, signal: AbortSignal): Promise<Result<PeerConnection, string>> {
    if (this.#ended.signal.aborted) return err("this agent ends");
    let dial = this.#dials.get(site);
    if (dial === undefined) {
      dial = this.#dial(site);
      this.#dials.set(site, dial);
      const dialling = dial;
      void dial.then((dialled) => (dialled.ok ? undefined : this.#forget(site, dialling)));
    }
    const dialled = await unlessAborted(dial, signal);
    if (dialled === null) return err("nobody waits any more");
    const endedBy = dialled.ok ? dialled.value.endedBy : null;
    return endedBy === null ? dialled : err(endedBy);
  }

  /** Of another site, whose certificate has been seen. */
  accept(socket: Duplex, site: string): void {
    if (this.#ended.signal.aborted) {
      socket.destroy();
      return;
    }
    const others = this.#accepted.get(site) ?? [];
    // The site comes anew while an older connection lies dead on the line.
    if (others.length >= LIMITS.hybridPeerConnections) others[0]?.hangUp("replaced by newer ones of that site");
    const connection = this.#connection({ site, dialled: false, socket }, () => {
      const left = (this.#accepted.get(site) ?? []).filter((each) => each !== connection);
      if (left.length === 0) this.#accepted.delete(site);
      else this.#accepted.set(site, left);
    });
    this.#accepted.set(site, [...(this.#accepted.get(site) ?? []), connection]);
    connection.begin();
  }

  close(): void {
    this.#ended.abort();
    for (const connection of this.#open) connection.end();
  }

  async #dial(site: string): Promise<Dialled> {
    const socket = site === this.#options.site ? ok(this.#within(site)) : await this.#through(site);
    if (!socket.ok) return socket;
    if (this.#ended.signal.aborted) {
      socket.value.destroy();
      return err("this agent ends");
    }
    const connection = this.#connection({ site, dialled: true, socket: socket.value }, () => this.#forget(site));
    connection.begin();
    return (await connection.greeted) ? ok(connection) : err(connection.endedBy ?? "it was broken off");
  }

  /** Both ends are here: nobody is on the way who could listen. */
  #within(site: string): Duplex {
    const [here, there] = duplexPair();
    this.accept(there, site);
    return here;
  }

  async #through(site: string): Promise<Result<Duplex, string>> {
    const { wayTo, tls } = this.#options;
    const link = wayTo(site);
    if (link === undefined || tls === undefined) return err(`${site} is the site of no peer`);
    const wanted = { link, service: HYBRID_SERVICE, waitMs: LIMITS.localTunnelMs };
    const stream = await openStream(wanted, this.#ended.signal, new Promise(() => {}));
    if (!stream.ok) return stream;
    const opened = await stream.value.opened;
    if (!opened.ok) return err(inWords(opened.error));
    const secure = await tls.asClient(opened.value, site);
    if (secure.ok) return secure;
    this.#log("error", "TLS between the agents failed", { service: HYBRID_SERVICE, site, reason: secure.error });
    return secure;
  }

  #connection(of: { site: string; dialled: boolean; socket: Duplex }, onEnd: () => void): FramedConnection {
    const { events } = this.#options;
    const connection: FramedConnection = new FramedConnection({
      ...of,
      events,
      log: this.#log,
      onEnd: () => {
        this.#open.delete(connection);
        onEnd();
      },
    });
    this.#open.add(connection);
    return connection;
  }

  #forget(site: string, dial = this.#dials.get(site)): void {
    if (this.#dials.get(site) === dial) this.#dials.delete(site);
  }
}

/** Null: nobody waits any more. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const giveUp = (): void => resolve(null);
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", giveUp));
}

/** A site that dials in a loop shall not fill the log; what went well does not hide what did not. */
function calm(log: Log): Log {
  const [well, ill] = [throttled(log, LIMITS.localLogMs), throttled(log, LIMITS.localLogMs)];
  return (level, event, fields) => (level === "warn" || level === "error" ? ill : well)(level, event, fields);
}
