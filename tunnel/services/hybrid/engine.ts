/**
 * Hybrid streams of this agent's applications: who means whom, the two ends brought together, and sessions by KSID. KEM
 * keys and combining live here and in the other site's agent; the edge sees neither.
 */
import { ksidOfText } from "../../../shared/etsi004/ksid.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { NONCE_BYTES, type PeerMessage } from "../../../shared/hybrid/peer/messages.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { type Agreement, type Application, type ModuleWish, publicKeysBytes, type Wish } from "./agreement.ts";
import type { PeerConnection, PeerEvents } from "./channel/types.ts";
import { failed, type HybridFailure, sessionFailed } from "./failure.ts";
import { Opening } from "./session/opening.ts";
import { type Arrival, Rendezvous } from "./session/rendezvous.ts";
import { ResponderSession } from "./session/responder.ts";
import type { AgentSession, HybridSession, Surroundings } from "./session/session.ts";
import { type Known, type OpenHybrid, wishOf } from "./wish.ts";

const SWEEP_MS = 10_000;

const ROLES = ["initiator", "responder"] as const;
const keyOf = (ksid: string, role: (typeof ROLES)[number]): string => `${ksid} ${role}`;

type Opened = Promise<Result<HybridSession, HybridFailure>>;

/** How a session with a hybridization module is opened. */
export type OpenWithModule = (wish: ModuleWish, signal: AbortSignal) => Opened;

const isOfAgent = (wish: Wish | ModuleWish): wish is Wish => "site" in wish.peer;

export class HybridEngine implements PeerEvents {
  readonly #known: Known;
  readonly #around: Surroundings;
  readonly #openWithModule: OpenWithModule;
  /** By KSID and role: both ends may be nodes of this one site. */
  readonly #sessions = new Map<string, AgentSession>();
  readonly #withModules = new Map<Ksid, HybridSession>();
  /** Of initiators that wait for their `opened`. */
  readonly #openings = new Map<string, Opening>();
  /** Of the public keys of all openings. */
  #openingBytes = 0;
  readonly #rendezvous = new Rendezvous((arrival, failure) => refuse(arrival, failure));
  /** Whose the application at a peer's node was the last time. */
  readonly #peerSaes = new Map<string, string>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(known: Known, around: Surroundings, openWithModule: OpenWithModule) {
    this.#known = known;
    this.#around = around;
    this.#openWithModule = openWithModule;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Until the other end has come too, or the time is over. */
  async open(asked: OpenHybrid, own: Pick<Application, "sae" | "node">, signal: AbortSignal): Opened {
    const wish = wishOf(this.#known, asked, own);
    if (!wish.ok) return wish;
    if (this.#sessions.size + this.#openings.size + this.#withModules.size >= LIMITS.hybridSessions) {
      return failed("busy", "as many hybrid streams are open as may be");
    }
    const bytes = [...this.#sessions.values()].reduce((sum, session) => sum + session.publicKeysBytes, 0);
    if (bytes + publicKeysBytes(wish.value) > LIMITS.hybridSessionsBytes) {
      return failed("busy", "the public keys of hybrid streams take up as much room as they may");
    }
    const opened = await this.#openFor(wish.value, signal);
    if (!opened.ok || !signal.aborted) return opened;
    // Nobody has heard which stream it is.
    this.closeSession(opened.value);
    return failed("timeout", "nobody waits any more");
  }

  async #openFor(wish: Wish | ModuleWish, signal: AbortSignal): Opened {
    if (!isOfAgent(wish)) return await this.#openModule(wish, signal);
    return await (wish.role === "initiator" ? this.#initiate(wish, signal) : this.#respond(wish, signal));
  }

  /** @returns null where there is none of this application's */
  sessionOf(ksid: Ksid, { sae, node }: Pick<Application, "sae" | "node">): HybridSession | null {
    for (const role of ROLES) {
      const session = this.#sessions.get(keyOf(ksid, role));
      if (session?.own.sae === sae && session.own.node === node) return session;
    }
    const withModule = this.#withModules.get(ksid);
    return withModule?.own.sae === sae && withModule.own.node === node ? withModule : null;
  }

  /** Ends it, as far as this end goes. */
  closeSession(closed: HybridSession): void {
    const { ksid } = closed;
    if (this.#withModules.get(ksid) === closed) {
      this.#withModules.delete(ksid);
      closed.close();
      return;
    }
    for (const role of ROLES) {
      // A peer may have given another application's the same KSID.
      if (this.#sessions.get(keyOf(ksid, role)) !== closed) continue;
      this.#sessions.delete(keyOf(ksid, role));
      closed.close();
    }
  }

  message(from: PeerConnection, message: PeerMessage): void {
    if (message.type !== "open") this.#pass(from, message);
    else if (!from.dialled) this.#rendezvous.arrive({ connection: from, open: message });
    else from.hangUp("sessions are opened by whoever dialled");
  }

  closed(connection: PeerConnection): void {
    this.#rendezvous.disconnected(connection);
    for (const opening of this.#openings.values()) opening.disconnected(connection);
    for (const session of this.#sessions.values()) {
      if (session.peerSite === connection.site) session.disconnected(connection);
    }
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#rendezvous.close();
    for (const session of this.#all) this.closeSession(session);
  }

  get #all(): readonly HybridSession[] {
    return [...this.#sessions.values(), ...this.#withModules.values()];
  }

  /** A session's messages come from its own peer's site, or are nobody's. */
  #pass(from: PeerConnection, message: Exclude<PeerMessage, { readonly type: "open" }>): void {
    const session = this.#sessions.get(keyOf(message.session, from.dialled ? "initiator" : "responder"));
    const opening = this.#openings.get(message.session);
    if (session?.peerSite === from.site) session.message(from, message);
    else if (opening !== undefined && opening.connection === from) opening.message(message);
    else if (message.type === "close") this.#rendezvous.withdrawn(from, message.session);
    else if (message.type !== "failed") {
      const detail = "no such session here: the agent has restarted, or its end is closed";
      from.send(sessionFailed(message.session, { code: "peer-gone", detail }));
    }
  }

  async #openModule(wish: ModuleWish, signal: AbortSignal): Opened {
    const opened = await this.#openWithModule(wish, signal);
    if (!opened.ok) return opened;
    const { ksid } = opened.value;
    if (this.#withModules.has(ksid) || this.sessionOf(ksid, wish.own) !== null) {
      opened.value.close();
      return failed("busy", "there is such a session");
    }
    this.#withModules.set(ksid, opened.value);
    return opened;
  }

  async #initiate(wish: Wish, signal: AbortSignal): Promise<Result<AgentSession, HybridFailure>> {
    const bytes = publicKeysBytes(wish);
    if (this.#openingBytes + bytes > LIMITS.hybridWaitingBytes)
      return failed("busy", "as many applications wait as may");
    this.#openingBytes += bytes;
    try {
      return await this.#send(wish, signal);
    } finally {
      this.#openingBytes -= bytes;
    }
  }

  async #send(wish: Wish, signal: AbortSignal): Promise<Result<AgentSession, HybridFailure>> {
    const peerSae = this.#peerSaes.get(wish.peer.uuid) ?? null;
    const opening = await Opening.send(this.#around, wish, peerSae, signal);
    if (!opening.ok) {
      // It may be that this application is no more: the next time whoever comes says who it is.
      this.#peerSaes.delete(wish.peer.uuid);
      return opening;
    }
    this.#openings.set(opening.value.ksid, opening.value);
    try {
      const session = await opening.value.opened(signal, (made) =>
        this.#sessions.set(keyOf(made.ksid, "initiator"), made),
      );
      if (opening.value.peerSae !== null) this.#remember(wish.peer.uuid, opening.value.peerSae);
      if (!session.ok) this.#sessions.delete(keyOf(opening.value.ksid, "initiator"));
      return session;
    } finally {
      this.#openings.delete(opening.value.ksid);
    }
  }

  async #respond(wish: Wish, signal: AbortSignal): Promise<Result<AgentSession, HybridFailure>> {
    const arrived = await this.#rendezvous.come(wish, (site) => site === wish.peer.site, signal);
    if (!arrived.ok) return arrived;
    const { connection, open } = arrived.value;
    const session = this.#welcome(wish, arrived.value);
    if (!session.ok) {
      refuse(arrived.value, session.error);
      return session;
    }
    this.#sessions.set(keyOf(session.value.ksid, "responder"), session.value);
    const made = await session.value.first(open);
    if (!made.ok) {
      this.#sessions.delete(keyOf(session.value.ksid, "responder"));
      refuse(arrived.value, made.error);
      return made;
    }
    connection.send({
      type: "opened",
      session: open.session,
      nonce: session.value.nonce,
      sae: wish.own.sae,
      made: made.value,
    });
    return session;
  }

  #welcome(wish: Wish, { connection, open }: Arrival): Result<ResponderSession, HybridFailure> {
    const ksid = ksidOfText(open.session);
    if (connection.site !== wish.peer.site) return failed("peer-not-come", "another site than the peer's has come");
    // In the other role, too: of two with one KSID an application could not say which it means.
    const isKnown = (known: Ksid): boolean =>
      this.#sessions.has(keyOf(known, "responder")) || this.sessionOf(known, wish.own) !== null;
    if (ksid === null || isKnown(ksid)) return failed("busy", "there is such a session");
    if (open.chunkBytes !== wish.chunkBytes) {
      return failed("qos-differs", `chunks of ${open.chunkBytes} bytes at one end, of ${wish.chunkBytes} at the other`);
    }
    const agreement: Agreement = {
      ...wish,
      ksid,
      peerSae: open.sae,
      initiatorNonce: open.nonce,
      responderNonce: this.#around.randomBytes(NONCE_BYTES),
    };
    return ok(new ResponderSession(this.#around, agreement, connection));
  }

  #remember(uuid: string, sae: string): void {
    this.#peerSaes.set(uuid, sae);
    const [oldest] = this.#peerSaes.keys();
    if (this.#peerSaes.size > LIMITS.hybridPeers && oldest !== undefined) this.#peerSaes.delete(oldest);
  }

  #sweep(): void {
    const untilMs = this.#around.nowMs() - LIMITS.hybridIdleMs;
    for (const session of this.#all) {
      if (session.lastUsedMs <= untilMs) this.closeSession(session);
      else session.sweep();
    }
  }
}

const refuse = ({ connection, open }: Arrival, failure: HybridFailure): void =>
  connection.send(sessionFailed(open.session, failure));
