/**
 * Unmodified hybridization modules as the other end of hybrid streams: their protocol in both roles, over mutual TLS.
 * Who serves the source's node is the client: it dials a connection for the KSID, and one for each KEM source.
 */
import { randomUUID } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { bytesOfKsid, KSID_BYTES, ksidOfBytes } from "../../../../shared/etsi004/ksid.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { Source } from "../../../../shared/hybrid/types.ts";
import type { Kems } from "../../../../shared/kem/kem.ts";
import { KEMS } from "../../../../shared/kem/registry.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { ok, type Result } from "../../../../shared/result.ts";
import { AgentFailure } from "../../../agent/failure.ts";
import type { Log } from "../../../log.ts";
import { type Place, placeOf } from "../../../place.ts";
import { publicKeysBytes } from "../agreement.ts";
import type { HybridModuleConfig, HybridPeer } from "../config.ts";
import { type ModuleConnection, waitFor } from "./connection.ts";
import { credentialsOf } from "./credentials.ts";
import { CLAIMED, dial } from "./dial.ts";
import { ClientExchange, type KemLine, ServerExchange } from "./exchange.ts";
import { failed, type ModuleFailure } from "./failure.ts";
import { Inbox } from "./inbox.ts";
import { ModuleListener } from "./listener.ts";
import { Meeting } from "./meeting.ts";
import { type KemReference, kemReferences, keyOf, ksidReference, type Reference } from "./reference.ts";
import { type ModuleSession, NOT_WANTED, OpenModuleSession } from "./session.ts";

/** How long each of the two waits, and how old a public key may be that is answered. */
export interface ModuleTimes {
  readonly patienceMs: number;
  readonly freshMs: number;
}

const TIMES: ModuleTimes = { patienceMs: LIMITS.hybridModuleMs, freshMs: LIMITS.hybridModuleFreshMs };

export interface ModulePeersOptions {
  readonly config: HybridModuleConfig;
  /** Those that are modules: whose certificates count. */
  readonly peers: readonly Pick<HybridPeer, "module">[];
  readonly kems: Kems;
  readonly log: Log;
  readonly times?: ModuleTimes;
}

export interface ModuleWish {
  readonly role: "client" | "server";
  /** Where the module is, as its certificate names it too. */
  readonly peer: Place;
  /** As both applications have them, byte for byte. */
  readonly source: string;
  readonly destination: string;
  readonly sources: readonly Source[];
  /** For the module's application to come. */
  readonly timeoutMs: number;
}

/** Of each source: the one that has come, and another on its way. */
const KEYS_HELD = 2;
const IN_USE = failed("busy", "the module names a KSID that is in use");

type Connected = Result<ModuleConnection, ModuleFailure>;

export class ModulePeers {
  readonly #credentials: SecureContextOptions;
  readonly #kems: Kems;
  readonly #times: ModuleTimes;
  readonly #meeting: Meeting;
  readonly #listener: ModuleListener;
  readonly #sessions = new Map<Ksid, OpenModuleSession>();
  #opening = 0;
  /** Of the public keys that sessions, open and opening, may hold. */
  #heldBytes = 0;
  readonly #stopped = new AbortController();

  /** @throws AgentFailure where a certificate cannot be used, or the port cannot be had */
  static async start({ config, peers, kems, log, times = TIMES }: ModulePeersOptions): Promise<ModulePeers> {
    const listen = placeOf(config.listen);
    if (listen === null) throw new AgentFailure(`[hybrid.module]: ${config.listen} is no address with a port`);
    const hosts = peers.flatMap(({ module = "" }) => placeOf(module)?.host ?? []);
    const credentials = credentialsOf(config);
    const meeting = new Meeting(times.patienceMs);
    const { patienceMs } = times;
    const listener = await ModuleListener.start({ listen, credentials, hosts, meeting, patienceMs, log });
    return new ModulePeers(credentials, kems, times, meeting, listener);
  }

  private constructor(
    credentials: SecureContextOptions,
    kems: Kems,
    times: ModuleTimes,
    meeting: Meeting,
    listener: ModuleListener,
  ) {
    this.#credentials = credentials;
    this.#kems = kems;
    this.#times = times;
    this.#meeting = meeting;
    this.#listener = listener;
  }

  /** Where modules connect to. */
  get port(): number {
    return this.#listener.port;
  }

  /** Connections that have not said what they are for, connections that nobody has asked for, and sessions. */
  get counts(): { readonly pending: number; readonly unclaimed: number; readonly sessions: number } {
    return { pending: this.#listener.pending, unclaimed: this.#meeting.unclaimed, sessions: this.#sessions.size };
  }

  /**
   * Until the module's application has come too.
   * @param onMet when it has: a module opens its other sources from then on
   */
  async openSession(
    wish: ModuleWish,
    wanted: AbortSignal,
    onMet: () => void = () => undefined,
  ): Promise<Result<ModuleSession, ModuleFailure>> {
    const signal = AbortSignal.any([wanted, this.#stopped.signal]);
    if (this.#sessions.size + this.#opening >= LIMITS.hybridModuleSessions) {
      return failed("busy", "as many streams with modules are open as may be");
    }
    const heldBytes = KEYS_HELD * publicKeysBytes(wish);
    if (this.#heldBytes + heldBytes > LIMITS.hybridSessionsBytes) {
      return failed("busy", "the public keys of streams with modules take up as much room as they may");
    }
    this.#heldBytes += heldBytes;
    this.#opening++;
    const onClose = (): void => void (this.#heldBytes -= heldBytes);
    let opened: Result<ModuleSession, ModuleFailure> | undefined;
    try {
      const ksid = await this.#shareKsid(wish, signal);
      if (ksid.ok) onMet();
      opened = ksid.ok ? await this.#openLines(wish, ksid.value, { signal, onClose }) : ksid;
      return opened.ok || !wanted.aborted ? opened : failed("aborted", NOT_WANTED);
    } finally {
      this.#opening--;
      if (opened?.ok !== true) onClose();
    }
  }

  close(): void {
    this.#stopped.abort();
    this.#meeting.close();
    for (const session of this.#sessions.values()) session.end("the agent stops");
    this.#listener.close();
  }

  /** The client makes it; the connection is for that alone. */
  async #shareKsid(wish: ModuleWish, signal: AbortSignal): Promise<Result<Ksid, ModuleFailure>> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(wish.timeoutMs)]);
    const connected = await this.#connect(wish, ksidReference(wish.source, wish.destination), KSID_BYTES, within);
    if (!connected.ok) return connected;
    const connection = connected.value;
    if (wish.role === "client") {
      const ksid = randomUUID() as Ksid;
      const isSent = await connection.write(bytesOfKsid(ksid), within);
      const gone = connection.gone;
      connection.end();
      return isSent ? ok(ksid) : failed("peer-gone", gone ?? "it hung up");
    }
    await waitFor(() => connection.isReady() || connection.gone !== null, [connection], this.#patience(signal));
    if (!connection.isReady()) {
      const reason = connection.gone ?? "it sent no KSID";
      connection.leave(reason);
      return failed("peer-gone", reason);
    }
    const ksid = ksidOfBytes(connection.take());
    connection.end();
    return this.#sessions.has(ksid) ? IN_USE : ok(ksid);
  }

  async #openLines(
    wish: ModuleWish,
    ksid: Ksid,
    { signal, onClose }: { readonly signal: AbortSignal; readonly onClose: () => void },
  ): Promise<Result<ModuleSession, ModuleFailure>> {
    const within = this.#patience(signal);
    const wanted = kemReferences(ksid, wish.sources);
    const opened = await Promise.all(wanted.map((each) => this.#openLine(wish, each, within)));
    const lines = opened.flatMap((line) => (line.ok ? [line.value] : []));
    const missing = wanted.flatMap((each, at) => {
      const line = opened[at];
      return line === undefined || line.ok ? [] : [{ ...each, error: line.error }];
    });
    const needed = missing.find(({ required }) => required);
    // The module may have named it twice at once.
    const isInUse = this.#sessions.has(ksid);
    if (needed !== undefined || signal.aborted || isInUse) {
      for (const { connection } of lines) connection.leave("the session has not come about");
      if (isInUse) return IN_USE;
      if (needed === undefined) return failed("aborted", NOT_WANTED);
      return failed(needed.error.code, `${needed.algorithm}: ${needed.error.detail}`);
    }
    const exchange =
      wish.role === "client"
        ? new ClientExchange(lines, this.#kems)
        : new ServerExchange(lines, this.#kems, this.#times.freshMs);
    const session = new OpenModuleSession({
      ksid,
      dropped: missing.map(({ slot, algorithm, required }) => ({ slot, algorithm, required })),
      lines,
      exchange,
      patienceMs: this.#times.patienceMs,
      onClose: () => {
        this.#sessions.delete(ksid);
        onClose();
      },
    });
    this.#sessions.set(ksid, session);
    return ok(session);
  }

  async #openLine(
    wish: ModuleWish,
    { slot, algorithm, reference }: KemReference,
    within: AbortSignal,
  ): Promise<Result<KemLine, ModuleFailure>> {
    const connected = await this.#connect(wish, reference, KEMS[algorithm].publicKeyBytes, within);
    return connected.ok ? ok({ slot, algorithm, connection: connected.value }) : connected;
  }

  /** @param comesBytes what the client sends first, and again for each key */
  async #connect(
    { role, peer }: ModuleWish,
    reference: Reference,
    comesBytes: number,
    within: AbortSignal,
  ): Promise<Connected> {
    if (role === "client") return await dial(this.#credentials, peer, reference, within);
    const connection = await this.#meeting.claim(keyOf(reference), peer.host, within);
    if (connection === null) return failed("peer-not-come", "the module did not connect in time");
    connection.expect(new Inbox(comesBytes, reference.type === "pqc" ? "newest" : "one"));
    if (await connection.write(CLAIMED, within)) return ok(connection);
    connection.leave("it did not take the answer");
    return failed("peer-gone", connection.gone ?? "it hung up");
  }

  #patience(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.#times.patienceMs)]);
  }
}
