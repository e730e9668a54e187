/** Who is connected: one instance that serves the site, others that wait for its place, and peers who want to reach it. */
import { principalName } from "../../shared/auth/principal.ts";
import { LIMITS } from "../../shared/limits.ts";
import { HUB_SLOT, SOCKET_SLOT } from "../../shared/mux/frame.ts";
import { RelayWindow } from "../../shared/mux/relay-window.ts";
import { type Claims, CLOSE, type RefusalCode, REFUSALS } from "../../shared/tunnel/messages.ts";
import { ALLOW_WORDS, mayOpen, type Peer, type Service } from "../../shared/tunnel/services.ts";
import type { TunnelView } from "../../shared/tunnel/types.ts";
import { giveAccess } from "./access.ts";
import type { Member } from "./attachment.ts";
import { type Connection, startAfresh } from "./connection.ts";
import { audit, type Detail, type HubParts, Seldom, type ServiceTable } from "./parts.ts";

/** When trying again makes sense; null: not without a change. */
const RETRY_MS: Readonly<Record<RefusalCode, number | null>> = {
  "not-enrolled": null,
  "bad-signature": null,
  "bad-message": null,
  revoked: null,
  "wrong-site": null,
  "other-instance": 60_000,
  changed: 100,
  "too-many": 60_000,
  "too-slow": 1000,
  "too-much": 10_000,
  unavailable: 2000,
};

const nameOf = ({ agent, site }: Pick<Member, "agent" | "site">): string =>
  principalName({ role: "agent", id: agent, site, by: "token" });
const subjectOf = ({ agent, instance }: Pick<Member, "agent" | "instance">): string => `${agent}/${instance}`;

type Who = Pick<Member, "agent" | "site" | "instance">;
/** In the audit log: somebody who has not shown to be anybody. */
const UNPROVEN = "unknown";

export class Sessions {
  readonly #parts: HubParts;
  readonly #services: ServiceTable;
  /** The owner's session is over, and with it the hub's own streams. */
  readonly #ownerEnded: () => void;
  readonly #told = new Seldom(LIMITS.tunnelRefusalAuditMs, LIMITS.tunnelRefusalSubjects);
  /** Apart, so that nobody who proves nothing pushes out what is told of others. Their subjects are the codes. */
  readonly #unproven = new Seldom(LIMITS.tunnelRefusalAuditMs, Object.keys(REFUSALS).length);

  constructor(parts: HubParts, services: ServiceTable, ownerEnded: () => void) {
    this.#parts = parts;
    this.#services = services;
    this.#ownerEnded = ownerEnded;
  }

  /** The hub has woken: what it keeps of sockets that ended without a word goes, and no place stays empty. */
  wake(): void {
    const { connections, store } = this.#parts;
    const alive = new Set(connections.members.map(({ member }) => member?.id));
    for (const id of store.connections()) if (!alive.has(id)) store.forget(id);
    this.#promote();
  }

  /** Takes in an agent that has proved itself, or refuses it. */
  admit(connection: Connection, claims: Claims, view: TunnelView): void {
    if (claims.role === "peer") this.admitPeer(connection, claims, view.linkedSites.includes(claims.site));
    else this.#admitOwner(connection, claims, view);
  }

  /** @param linked whether a QKD link joins its site and this one */
  admitPeer(connection: Connection, who: Who, linked: boolean): void {
    const { connections, store } = this.#parts;
    // Those of an instance that lie dead on the line are not in the way of its new ones.
    const own = connections.peersOf(who.site, who.instance);
    for (const older of own.slice(0, Math.max(0, own.length + 1 - LIMITS.tunnelPeersPerInstance))) this.#replace(older);
    const isFull = connections.peersOf(who.site).length >= LIMITS.tunnelPeersPerSite;
    const slot = isFull ? null : connections.freeSlot(store.lastSlot);
    if (slot === null) {
      this.refuse(connection, "too-many", who);
      return;
    }
    store.transaction(() => (store.lastSlot = slot));
    const member = this.#enter(connection, who, { role: "peer", slot, linked });
    connection.tell({ type: "welcome", state: "active" });
    if (connections.owner !== null) this.#introduce(connections.owner, member);
  }

  /** An agent is refused at the door: told why, closed, and noted. @param who has proved itself; null: said nothing */
  refuse(connection: Connection, code: RefusalCode, who: Who | null): void {
    const { nowMs, store, replan } = this.#parts;
    if (who !== null && this.#told.isTime(`${code} ${subjectOf(who)}`, nowMs())) {
      store.transaction(() => this.#audit("tunnel.refused", who, { code }));
      replan();
    }
    this.#end(connection, code);
  }

  /**
   * The same of somebody who has proved nothing. Whom it claims to be is no more than a detail, and whoever makes up
   * claims without end fills no log: of each code one is told of, with the number of those that were not.
   */
  refuseUnproven(connection: Connection, code: RefusalCode, { agent, site, instance }: Who): void {
    const { nowMs, store, replan } = this.#parts;
    const leftOut = this.#unproven.leftOut(code, nowMs());
    if (leftOut !== null) {
      const claimed = { claimed_agent: agent, claimed_site: site, claimed_instance: instance };
      store.transaction(() => audit(this.#parts, "tunnel.refused", UNPROVEN, { code, ...claimed, left_out: leftOut }));
      replan();
    }
    this.#end(connection, code);
  }

  /** Ends a connection that had been let in. */
  expel(connection: Connection, code: RefusalCode): void {
    const { member } = connection;
    if (member !== null) {
      this.#parts.store.transaction(() => this.#audit("tunnel.closed", member, { code }));
      this.#parts.replan();
    }
    this.#end(connection, code);
  }

  tooMuch(culprit: Connection): void {
    const { member } = culprit;
    if (member === null) return;
    const { alarms, gauges, nowMs, store } = this.#parts;
    gauges.culpritsClosed++;
    store.transaction(() => alarms.raise("too-much", subjectOf(member), REFUSALS["too-much"], { nowMs: nowMs() }));
    this.expel(culprit, "too-much");
  }

  /** The socket has ended, from whichever side. */
  ended(connection: Connection): void {
    const { connections, store } = this.#parts;
    const { member } = connection;
    connections.remove(connection);
    connection.leave();
    if (member === null) return;
    store.transaction(() => store.forget(member.id));
    if (member.role === "peer") this.#say(connections.owner, "peer-gone", member.slot);
    if (member.role === "owner") this.#ownerGone();
  }

  /** The owner exposes other things from now on: peers that lose what they may have open are closed. */
  exposes(owner: Connection, services: readonly Service[]): void {
    const { store, connections } = this.#parts;
    const { member } = owner;
    if (member === null) return;
    const before = store.exposed(member.id);
    store.transaction(() => store.expose(member.id, services));
    this.#services.changed();
    if (member.role !== "owner") return;
    for (const peer of connections.peers) {
      if (peer.member !== null && loses(before, peer.member, services, peer.member)) this.expel(peer, "changed");
    }
  }

  /** The network has changed: who may not be here any more is closed. */
  review(view: TunnelView): void {
    const { connections, site } = this.#parts;
    for (const connection of connections.members) {
      const { member } = connection;
      // Not there any more: what was closed before in this round may have promoted it, never unseated it.
      if (member === null || member.site === ALLOW_WORDS.gateway) continue;
      if (view.agents[member.agent] !== member.site) this.expel(connection, "revoked");
      else if (member.role === "peer") this.#reviewLink(connection, member, view.linkedSites.includes(member.site));
      else if (member.site !== site) this.expel(connection, "wrong-site");
    }
  }

  /** An instance of a site is not to be trusted any more. Another site's may have the same name: each makes its own. */
  closeInstance(site: string, instance: string): void {
    const { members, strangers } = this.#parts.connections;
    const isIt = (who: Who | null): who is Who => who?.site === site && who.instance === instance;
    for (const connection of members) if (isIt(connection.member)) this.expel(connection, "not-enrolled");
    for (const connection of strangers) {
      const { judged } = connection;
      if (isIt(judged)) this.refuseUnproven(connection, "not-enrolled", judged);
    }
  }

  #admitOwner(connection: Connection, claims: Claims, view: TunnelView): void {
    const { connections, alarms, nowMs, store } = this.#parts;
    const { owner } = connections;
    const taken = owner !== null && owner.member?.instance !== claims.instance;
    if (taken && !claims.standby) {
      const detail = `${subjectOf(owner.member ?? claims)} serves the site`;
      store.transaction(() => alarms.raise("other-instance", subjectOf(claims), detail, { nowMs: nowMs() }));
      this.refuse(connection, "other-instance", claims);
      return;
    }
    this.#replaceWaiting(claims.instance);
    if (taken && connections.standbys.length >= LIMITS.tunnelStandbys) {
      this.refuse(connection, "too-many", claims);
      return;
    }
    const linked = view.linkedSites.includes(claims.site);
    if (taken) {
      const { id } = this.#enter(connection, claims, { role: "standby", slot: SOCKET_SLOT, linked });
      store.transaction(() => store.expose(id, claims.services));
      connection.tell({ type: "welcome", state: "standby" });
      return;
    }
    if (owner !== null) this.#replace(owner);
    const { id } = this.#enter(connection, claims, { role: "owner", slot: SOCKET_SLOT, linked });
    store.transaction(() => store.expose(id, claims.services));
    this.#services.changed();
    const access = giveAccess(this.#parts, connection);
    connection.tell({ type: "welcome", state: "active", ...(access === undefined ? {} : { access }) });
    this.#begin(connection);
  }

  #enter(connection: Connection, who: Who, as: Pick<Member, "role" | "slot" | "linked">): Member {
    const { connections, gauges, nowMs, store, replan } = this.#parts;
    const { agent, site, instance } = who;
    const member: Member = {
      kind: "member",
      id: crypto.randomUUID(),
      ...as,
      agent,
      site,
      instance,
      sinceMs: nowMs(),
      barrier: null,
      usedByHub: false,
      window: new RelayWindow().snapshot(),
    };
    connection.become(member);
    connections.place(connection);
    gauges.connects++;
    store.transaction(() => this.#audit("tunnel.connect", member, { role: as.role }));
    replan();
    return member;
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
      this.#audit("tunnel.replaced", member, { role: member.role });
    });
    replan();
    if (member.role === "owner") this.#sessionOver();
    if (member.role === "peer") this.#say(connections.owner, "peer-gone", member.slot);
  }

  #replaceWaiting(instance: string): void {
    for (const waiting of this.#parts.connections.standbys) {
      if (waiting.member?.instance === instance) this.#replace(waiting);
    }
  }

  #sessionOver(): void {
    this.#services.changed();
    this.#ownerEnded();
  }

  /** Nobody serves the site, unless somebody has waited for that. Peers hear once, from whichever it is. */
  #ownerGone(): void {
    this.#sessionOver();
    if (this.#promote()) return;
    for (const peer of this.#parts.connections.peers) this.#say(peer, "peer-gone", SOCKET_SLOT);
  }

  /** The one that has waited for longest takes the place, if it is free. @returns whether one did */
  #promote(): boolean {
    const { connections, store, replan } = this.#parts;
    const [next] = connections.standbys;
    if (next?.member === undefined || next.member === null || connections.owner !== null) return false;
    next.update({ role: "owner" });
    connections.place(next);
    this.#services.changed();
    const promoted = next.member;
    store.transaction(() => this.#audit("tunnel.promoted", promoted, {}));
    replan();
    next.tell({ type: "active" });
    const access = giveAccess(this.#parts, next);
    if (access !== undefined) next.tell({ type: "access", ...access });
    this.#begin(next);
    return true;
  }

  /** A new session of the site's begins: peers start afresh, what they sent before they heard of it belongs to nobody. */
  #begin(owner: Connection): void {
    for (const peer of this.#parts.connections.peers) {
      if (peer.member === null) continue;
      startAfresh(peer, SOCKET_SLOT);
      this.#introduce(owner, peer.member);
    }
  }

  #introduce(owner: Connection, { slot, site, agent, linked }: Member): void {
    owner.tell({ type: "peer", slot, site, agent, linked });
  }

  #reviewLink(peer: Connection, member: Member, linked: boolean): void {
    if (linked === member.linked) return;
    const { owner } = this.#parts.connections;
    const services = [...this.#services.byName(owner?.member?.id ?? null).values()];
    if (loses(services, member, services, { ...member, linked })) {
      this.expel(peer, "changed");
      return;
    }
    peer.update({ linked });
    if (owner !== null) this.#introduce(owner, { ...member, linked });
  }

  #say(to: Connection | null, type: "peer-gone", slot: number): void {
    to?.say({ type, slot, stream: 0 }, HUB_SLOT);
  }

  #end(connection: Connection, code: RefusalCode): void {
    const { connections, store } = this.#parts;
    const { member } = connection;
    const message = REFUSALS[code];
    connection.tell({ type: "refused", code, message, retryAfterMs: RETRY_MS[code] });
    connections.remove(connection);
    connection.end(CLOSE.refused, code);
    if (member === null) return;
    store.transaction(() => store.forget(member.id));
    if (member.role === "peer") this.#say(connections.owner, "peer-gone", member.slot);
    if (member.role === "owner") this.#ownerGone();
  }

  #audit(act: string, who: Who, detail: Detail): void {
    audit(this.#parts, act, nameOf(who), { site: who.site, instance: who.instance, ...detail });
  }
}

/** Is there a service that a peer could open, and now cannot? */
function loses(before: readonly Service[], was: Peer, after: readonly Service[], is: Peer): boolean {
  const byName = new Map(after.map((service) => [service.name, service]));
  return before.some((service) => {
    const now = byName.get(service.name);
    return mayOpen(service, was) && (now === undefined || !mayOpen(now, is));
  });
}
