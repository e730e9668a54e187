/** Who is connected, until it goes: the one instance that serves the site, others that wait for its place, and peers. */
import { HUB_SLOT, SOCKET_SLOT } from "../../shared/mux/frame.ts";
import { CLOSE, type RefusalCode, REFUSALS } from "../../shared/tunnel/messages.ts";
import { ALLOW_WORDS, mayOpen, type Peer, type Service } from "../../shared/tunnel/services.ts";
import type { TunnelView } from "../../shared/tunnel/types.ts";
import { giveAccess } from "./access.ts";
import type { Member } from "./attachment.ts";
import { type Connection, startAfresh } from "./connection.ts";
import type { HubParts, ServiceTable } from "./parts.ts";
import { refusedMessage } from "./refusals.ts";
import { auditMember, subjectOf } from "./who.ts";

export class Sessions {
  readonly #parts: HubParts;
  readonly #services: ServiceTable;
  /** The owner's session is over, and with it the hub's own streams. */
  readonly #ownerEnded: () => void;

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

  /** A new session of the instance that serves the site. */
  welcome(owner: Connection): void {
    this.#services.changed();
    const access = giveAccess(this.#parts, owner);
    owner.tell({ type: "welcome", state: "active", ...(access === undefined ? {} : { access }) });
    this.#begin(owner);
  }

  /** A session has made room for a newer one of its instance. */
  replaced(member: Member): void {
    if (member.role === "owner") this.#sessionOver();
    if (member.role === "peer") this.#say(this.#parts.connections.owner, "peer-gone", member.slot);
  }

  /** Tells the owner who has that slot. */
  introduce({ member }: Connection): void {
    const { owner } = this.#parts.connections;
    if (owner !== null && member !== null) this.#introduce(owner, member);
  }

  /** Ends a connection that had been let in. */
  expel(connection: Connection, code: RefusalCode): void {
    const { member } = connection;
    if (member !== null) {
      this.#parts.store.transaction(() => auditMember(this.#parts, "tunnel.closed", member, { code }));
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
    const before = store.exposed(member.id) ?? [];
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
    for (const connection of this.#parts.connections.members) {
      const { member } = connection;
      if (member?.site === site && member.instance === instance) this.expel(connection, "not-enrolled");
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
    store.transaction(() => auditMember(this.#parts, "tunnel.promoted", promoted, {}));
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
    connection.tell(refusedMessage(code));
    connections.remove(connection);
    connection.end(CLOSE.refused, code);
    if (member === null) return;
    store.transaction(() => store.forget(member.id));
    if (member.role === "peer") this.#say(connections.owner, "peer-gone", member.slot);
    if (member.role === "owner") this.#ownerGone();
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
