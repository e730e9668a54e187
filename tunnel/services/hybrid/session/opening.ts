/** An initiator's session before the other end has answered. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { NONCE_BYTES, type PeerMessage, type PeerMessageOf } from "../../../../shared/hybrid/peer/messages.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import { qkdSource, type Wish } from "../agreement.ts";
import type { PeerConnection } from "../channel/types.ts";
import { failed, type HybridFailure, NO_ROOM, sessionFailed } from "../failure.ts";
import { InitiatorSession } from "./initiator.ts";
import { discard, type Prepared, prepare } from "./prepare.ts";
import type { Surroundings } from "./session.ts";

type Answer = Result<PeerMessageOf<"opened">, HybridFailure>;

export class Opening {
  readonly ksid: Ksid;
  readonly connection: PeerConnection;
  readonly #around: Surroundings;
  readonly #wish: Wish;
  readonly #nonce: Uint8Array;
  /** Of chunk 0; null where it is not known yet for whom QKD key would be. */
  readonly #prepared: Prepared | null;
  readonly #answer = Promise.withResolvers<Answer>();
  peerSae: string | null;

  /** @param peerSae of the peer's application the last time; null: not known */
  static async send(
    around: Surroundings,
    wish: Wish,
    peerSae: string | null,
    signal: AbortSignal,
  ): Promise<Result<Opening, HybridFailure>> {
    const timely = AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, wish.timeoutMs))]);
    const connection = await reachInTime(around, wish.peer.site, timely);
    if (!connection.ok) return failed("peer-gone", connection.error);
    const prepared =
      peerSae === null && qkdSource(wish) !== undefined
        ? null
        : await prepare(
            around,
            wish,
            peerSae ?? "",
            { attempt: 0, first: 0, count: 1, withQkd: true, epochs: new Map() },
            timely,
          );
    if (prepared?.ok === false) return prepared;
    return ok(new Opening(around, wish, connection.value, peerSae, prepared?.value ?? null));
  }

  private constructor(
    around: Surroundings,
    wish: Wish,
    connection: PeerConnection,
    peerSae: string | null,
    prepared: Prepared | null,
  ) {
    this.#around = around;
    this.#wish = wish;
    this.connection = connection;
    this.peerSae = peerSae;
    this.#prepared = prepared;
    this.#nonce = around.randomBytes(NONCE_BYTES);
    this.ksid = randomUUID() as Ksid;
  }

  /** @param register what comes for the session from then on may come at once */
  async opened(
    signal: AbortSignal,
    register: (session: InitiatorSession) => void,
  ): Promise<Result<InitiatorSession, HybridFailure>> {
    if (signal.aborted) return this.#leave(failed("timeout", "nobody waits any more"));
    if (!this.connection.hasRoom()) return this.#leave(NO_ROOM);
    const { source, destination, chunkBytes, timeoutMs, own } = this.#wish;
    const [nonce, peerSae, make] = [this.#nonce, this.peerSae, this.#prepared?.make ?? null];
    this.connection.send({
      type: "open",
      session: this.ksid,
      source,
      destination,
      chunkBytes,
      timeoutMs,
      nonce,
      sae: own.sae,
      peerSae,
      make,
    });
    const abort = (): void => this.#answer.resolve(failed("timeout", "nobody waits any more"));
    const late = (): void => this.#answer.resolve(failed("peer-gone", "the other agent does not answer"));
    const timer = setTimeout(late, timeoutMs + LIMITS.hybridExchangeMs);
    signal.addEventListener("abort", abort, { once: true });
    const answer = await this.#answer.promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    if (answer.ok) return await this.#begin(answer.value, register);
    if (this.#prepared !== null) discard(this.#prepared);
    this.connection.send({ type: "close", session: this.ksid });
    return answer;
  }

  /** Before the other end was told of it. */
  #leave(failure: Result<never, HybridFailure>): Result<never, HybridFailure> {
    if (this.#prepared !== null) discard(this.#prepared);
    return failure;
  }

  message(message: PeerMessage): void {
    if (message.type === "opened") this.#answer.resolve(ok(message));
    else if (message.type === "failed") this.#answer.resolve(err({ code: message.code, detail: message.detail }));
  }

  disconnected(connection: PeerConnection): void {
    if (connection === this.connection)
      this.#answer.resolve(failed("peer-gone", "the connection to the other agent is lost"));
  }

  async #begin(
    { nonce, sae, made }: PeerMessageOf<"opened">,
    register: (session: InitiatorSession) => void,
  ): Promise<Result<InitiatorSession, HybridFailure>> {
    this.peerSae = sae;
    const session = new InitiatorSession(this.#around, {
      ...this.#wish,
      ksid: this.ksid,
      peerSae: sae,
      initiatorNonce: this.#nonce,
      responderNonce: nonce,
    });
    register(session);
    if (this.#prepared === null || made === null) {
      if (this.#prepared !== null) discard(this.#prepared);
      session.bring(0);
      return ok(session);
    }
    const [prepared, connection] = [this.#prepared, this.connection];
    const begun = await session.begin(prepared, made, connection);
    if (begun.ok) return ok(session);
    connection.send(sessionFailed(this.ksid, begun.error));
    return begun;
  }
}

/** An agent that has just come back may not be there at once. */
async function reachInTime(
  { channel }: Surroundings,
  site: string,
  signal: AbortSignal,
): Promise<Result<PeerConnection, string>> {
  for (;;) {
    const connection = await channel.reach(site, signal);
    if (connection.ok || signal.aborted) return connection;
    await sleep(LIMITS.localEdgePauseMs, undefined, { signal }).catch(() => undefined);
  }
}
