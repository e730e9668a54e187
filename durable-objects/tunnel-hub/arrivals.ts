/** Who is let in of those who have proved themselves: the instance that serves the site, one that waits, a peer. */
import { LIMITS } from "../../shared/limits.ts";
import { SOCKET_SLOT } from "../../shared/mux/frame.ts";
import { RelayWindow } from "../../shared/mux/relay-window.ts";
import { type Claims, CLOSE, type RefusalCode } from "../../shared/tunnel/messages.ts";
import type { EnrolledAgent } from "../../shared/tunnel/types.ts";
import { ALLOW_WORDS } from "../../shared/tunnel/services.ts";
import type { Member } from "./attachment.ts";
import { Connection } from "./connection.ts";
import type { Proven } from "./door.ts";
import type { HubParts } from "./parts.ts";
import type { Refusals } from "./refusals.ts";
import type { Sessions } from "./sessions.ts";
import { auditMember, subjectOf, type Who } from "./who.ts";

/** The WebSockets of a hub: there is none before it is known whose it is. */
export interface Sockets {
  /** Makes the newcomer's, under the name of its instance. */
  readonly accept: (name: string) => WebSocket;
  /** All under that name, those included that the hub has closed and the other end has not. */
  readonly count: (name: string) => number;
}

type Place = Pick<Member, "role" | "slot" | "linked">;
/** What an agent tells of itself. */
type Facts = Pick<EnrolledAgent, "clockAheadMs" | "certificates">;

const GATEWAY = { agent: ALLOW_WORDS.gateway, site: ALLOW_WORDS.gateway };
const nameOf = ({ site, instance }: Who): string => `${site}/${instance}`;

export class Arrivals {
  readonly #parts: HubParts;
  readonly #sessions: Sessions;
  readonly #refusals: Refusals;

  constructor(parts: HubParts, sessions: Sessions, refusals: Refusals) {
    this.#parts = parts;
    this.#sessions = sessions;
    this.#refusals = refusals;
  }

  /** @returns why not; null: it is in */
  admit({ claims, view }: Proven, sockets: Sockets, facts: Facts = {}): RefusalCode | null {
    const linked = view.linkedSites.includes(claims.site);
    // Who does not close what is closed for it takes the room from itself alone.
    const isCrowded = sockets.count(nameOf(claims)) >= LIMITS.tunnelSocketsPerInstance;
    const refusal = isCrowded
      ? "too-many"
      : claims.role === "peer"
        ? this.#admitPeer(claims, linked, sockets)
        : this.#admitOwner(claims, linked, sockets, facts);
    if (refusal !== null) this.#refusals.noteProven(refusal, claims);
    return refusal;
  }

  /** The platform vouches for the gateway, so there was nothing to ask. */
  admitGateway(sockets: Sockets): RefusalCode | null {
    return this.#admitPeer({ ...GATEWAY, instance: crypto.randomUUID() }, false, sockets);
  }

  /** @param linked whether a QKD link joins its site and this one */
  #admitPeer(who: Who, linked: boolean, sockets: Sockets): RefusalCode | null {
    const { connections, store } = this.#parts;
    // Those of an instance that lie dead on the line are not in the way of its new ones.
    const own = connections.peersOf(who.site, who.instance);
    for (const older of own.slice(0, Math.max(0, own.length + 1 - LIMITS.tunnelPeersPerInstance))) this.#replace(older);
    const isFull = connections.peersOf(who.site).length >= LIMITS.tunnelPeersPerSite;
    const slot = isFull ? null : connections.freeSlot(store.lastSlot);
    if (slot === null) return "too-many";
    store.transaction(() => (store.lastSlot = slot));
    const peer = this.#enter(who, { role: "peer", slot, linked }, sockets);
    peer.tell({ type: "welcome", state: "active" });
    this.#sessions.introduce(peer);
    return null;
  }

  #admitOwner(claims: Claims, linked: boolean, sockets: Sockets, facts: Facts): RefusalCode | null {
    const { connections, alarms, nowMs, store } = this.#parts;
    const { owner } = connections;
    const taken = owner !== null && owner.member?.instance !== claims.instance;
    if (taken && !claims.standby) {
      const detail = `${subjectOf(owner.member ?? claims)} serves the site`;
      store.transaction(() => alarms.raise("other-instance", subjectOf(claims), detail, { nowMs: nowMs() }));
      return "other-instance";
    }
    for (const waiting of connections.standbys) {
      if (waiting.member?.instance === claims.instance) this.#replace(waiting);
    }
    if (taken) {
      if (connections.standbys.length >= LIMITS.tunnelStandbys) return "too-many";
      const standby = this.#enter(claims, { role: "standby", slot: SOCKET_SLOT, linked }, sockets, facts);
      standby.tell({ type: "welcome", state: "standby" });
      return null;
    }
    if (owner !== null) this.#replace(owner);
    this.#sessions.welcome(this.#enter(claims, { role: "owner", slot: SOCKET_SLOT, linked }, sockets, facts));
    return null;
  }

  #enter(who: Who, as: Place, sockets: Sockets, facts: Facts = {}): Connection {
    const { connections, gauges, nowMs, store, replan } = this.#parts;
    const { agent, site, instance } = who;
    const member: Member = {
      kind: "member",
      id: crypto.randomUUID(),
      ...as,
      ...facts,
      agent,
      site,
      instance,
      sinceMs: nowMs(),
      barrier: null,
      usedByHub: false,
      window: new RelayWindow().snapshot(),
    };
    const connection = new Connection(sockets.accept(nameOf(who)), member, false);
    connections.add(connection);
    gauges.connects++;
    store.transaction(() => {
      if (as.role !== "peer") store.servedMs = member.sinceMs;
      auditMember(this.#parts, "tunnel.connect", member, { role: as.role });
    });
    replan();
    return connection;
  }

  /** An older session of the same instance: silently, as its agent has a new one. */
  #replace(older: Connection): void {
    const { connections, store, replan } = this.#parts;
    const { member } = older;
    connections.remove(older);
    older.end(CLOSE.replaced, "replaced by a newer session of the same instance");
    if (member === null) return;
    store.transaction(() => {
      store.forget(member.id);
      auditMember(this.#parts, "tunnel.replaced", member, { role: member.role });
    });
    replan();
    this.#sessions.replaced(member);
  }
}
