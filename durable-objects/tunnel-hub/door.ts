/** From the WebSocket's first message to welcome or refusal: who is it, and is it so? */
import * as v from "valibot";
import { parseJson } from "../../shared/bytes/json.ts";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { LIMITS } from "../../shared/limits.ts";
import { addressOf } from "../../shared/tunnel/hello.ts";
import {
  FromAgentSchema,
  type FromAgent,
  type Hello,
  NONCE_BYTES,
  type PublicKeys,
  type RefusalCode,
} from "../../shared/tunnel/messages.ts";
import { ALLOW_WORDS, type Service } from "../../shared/tunnel/services.ts";
import type { TunnelHubRpc } from "../../shared/tunnel/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Stranger } from "./attachment.ts";
import { Connection } from "./connection.ts";
import type { HubNetwork } from "./network.ts";
import type { HubParts } from "./parts.ts";
import type { Sessions } from "./sessions.ts";
import { isSigned } from "./signatures.ts";

const GATEWAY = { agent: ALLOW_WORDS.gateway, site: ALLOW_WORDS.gateway };

export class Door {
  readonly #parts: HubParts;
  readonly #sessions: Sessions;
  readonly #network: HubNetwork;
  readonly #hubOf: (site: string) => Pick<TunnelHubRpc, "keysOf">;

  constructor(
    parts: HubParts,
    sessions: Sessions,
    network: HubNetwork,
    hubOf: (site: string) => Pick<TunnelHubRpc, "keysOf">,
  ) {
    this.#parts = parts;
    this.#sessions = sessions;
    this.#network = network;
    this.#hubOf = hubOf;
  }

  /**
   * Whether one more may come in that has not said who it is. Where there are too many, the oldest silent one makes
   * room, if it has had the time that an honest agent needs; else nobody does: a flood drives out none who are on the
   * way in. Sockets that have been refused count until they are really gone, which is for their other end to decide.
   * @param sockets all that the runtime holds of this hub
   */
  hasRoom(sockets: number): boolean {
    const { connections, nowMs } = this.#parts;
    if (sockets - connections.members.length >= LIMITS.tunnelUnproven) return false;
    const { strangers } = connections;
    if (strangers.length < LIMITS.tunnelStrangers) return true;
    const oldest = strangers.find(({ judged }) => judged === null);
    if ((oldest?.stranger?.sinceMs ?? Infinity) + LIMITS.tunnelStrangerPatienceMs > nowMs()) return false;
    if (oldest !== undefined) this.#sessions.refuse(oldest, "too-many", null);
    return true;
  }

  /**
   * Whether those that were refused and stay are most of what keeps others out, and nobody serves the site: then to
   * begin anew takes nothing from anybody. Else those who are in go on, and newcomers wait.
   */
  isBlocked(sockets: number): boolean {
    const { connections } = this.#parts;
    const stayed = sockets - connections.members.length - connections.strangers.length;
    return connections.owner === null && stayed >= LIMITS.tunnelUnproven / 2;
  }

  /** A new socket for which there is room: challenged at once. */
  challenge(socket: WebSocket, url: string): void {
    const { connections, nowMs, replan } = this.#parts;
    const nonce = toBase64(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
    const stranger: Stranger = { kind: "stranger", nonce, address: addressOf(url), sinceMs: nowMs() };
    const connection = new Connection(socket, stranger, false);
    connections.add(connection);
    connection.tell({ type: "challenge", nonce });
    replan();
  }

  /** The gateway: the platform vouches for it, so there is nothing to ask. */
  admitGateway(socket: WebSocket, url: string): void {
    const { connections, nowMs } = this.#parts;
    const newcomer: Stranger = { kind: "stranger", nonce: "", address: addressOf(url), sinceMs: nowMs() };
    const connection = new Connection(socket, newcomer, false);
    connections.add(connection);
    this.#sessions.admitPeer(connection, { ...GATEWAY, instance: crypto.randomUUID() }, false);
  }

  /** A text message. */
  async receive(connection: Connection, text: string): Promise<void> {
    const message = parse(text);
    const { stranger, member } = connection;
    if (stranger !== null && message?.type === "hello" && connection.judged === null) {
      await this.#hear(connection, stranger, message);
    } else if (member !== null && member.role !== "peer" && message?.type === "services") {
      this.#expose(connection, message.services);
    } else if (member !== null) this.#sessions.expel(connection, "bad-message");
    else this.#sessions.refuse(connection, "bad-message", null);
  }

  /** Each list is read, written down and held against every peer: whoever sends them without end is closed. */
  #expose(connection: Connection, services: readonly Service[]): void {
    if (connection.countList(this.#parts.nowMs())) this.#sessions.exposes(connection, services);
    else this.#sessions.tooMuch(connection);
  }

  /** Who has been silent for too long goes. */
  closeSlow(): void {
    const { connections, nowMs } = this.#parts;
    for (const connection of connections.strangers) {
      const sinceMs = connection.stranger?.sinceMs ?? 0;
      if (sinceMs + LIMITS.tunnelHelloMs <= nowMs()) this.#sessions.refuse(connection, "too-slow", null);
    }
  }

  nextSlowMs(): number | null {
    const sinceMs = this.#parts.connections.strangers[0]?.stranger?.sinceMs;
    return sinceMs === undefined ? null : sinceMs + LIMITS.tunnelHelloMs;
  }

  async #hear(connection: Connection, stranger: Stranger, hello: Hello): Promise<void> {
    connection.judged = hello.claims;
    const judgement = await this.#judge(hello, stranger);
    // It may have gone meanwhile, or said something more, which it may not.
    if (connection.stranger === null) return;
    const { agent, site } = hello.claims;
    // The network may have changed since the first look, too.
    const view = this.#network.latest;
    if (!judgement.ok) this.#sessions.refuseUnproven(connection, judgement.error, hello.claims);
    else if (view?.agents[agent] !== site) this.#sessions.refuse(connection, "revoked", hello.claims);
    else this.#sessions.admit(connection, hello.claims, view);
  }

  async #judge(hello: Hello, stranger: Stranger): Promise<Result<null, RefusalCode>> {
    const { agent, site, role } = hello.claims;
    const view = await this.#network.now(true);
    if (view === null) return err("unavailable");
    const truth = view.agents[agent];
    if (truth === undefined) return err("revoked");
    if (truth !== site || (role === "owner" && site !== this.#parts.site)) return err("wrong-site");
    const keys = await this.#keysOf(hello);
    if (!keys.ok) return keys;
    if (!(await isSigned(hello, keys.value, stranger))) {
      this.#alarm(hello);
      return err("bad-signature");
    }
    return ok(null);
  }

  async #keysOf({ claims }: Hello): Promise<Result<PublicKeys, RefusalCode>> {
    const { agent, site, instance } = claims;
    const { site: hub, store } = this.#parts;
    if (site === hub) {
      const row = store.instance(instance);
      return row?.agent === agent ? ok(row.keys) : err("not-enrolled");
    }
    try {
      const keys = await this.#hubOf(site).keysOf({ agent, instance, hub });
      return keys === null ? err("not-enrolled") : ok(keys);
    } catch {
      return err("unavailable");
    }
  }

  #alarm({ claims: { agent, instance } }: Hello): void {
    const { alarms, store, nowMs } = this.#parts;
    const detail = "the signatures of a hello do not hold";
    store.transaction(() => alarms.raise("bad-signature", `${agent}/${instance}`, detail, { nowMs: nowMs() }));
  }
}

function parse(text: string): FromAgent | null {
  if (text.length > LIMITS.tunnelTextChars) return null;
  const json = parseJson(text, LIMITS.jsonDepth);
  if (!json.ok) return null;
  const message = v.safeParse(FromAgentSchema, json.value);
  return message.success ? message.output : null;
}
