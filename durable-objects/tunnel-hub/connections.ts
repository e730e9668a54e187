/** All connections of a hub. Made anew from the sockets' attachments when the hub wakes. */
import { LIMITS } from "../../shared/limits.ts";
import { HUB_SLOT } from "../../shared/mux/frame.ts";
import type { Attachment } from "./attachment.ts";
import { Connection } from "./connection.ts";

export class Connections {
  readonly #bySocket = new Map<WebSocket, Connection>();
  /** The instance that serves the site now. */
  owner: Connection | null = null;
  readonly #peers = new Map<number, Connection>();
  readonly #standbys = new Set<Connection>();

  constructor(sockets: readonly WebSocket[]) {
    for (const socket of sockets) {
      const attachment = socket.deserializeAttachment() as Attachment | null;
      if (attachment?.kind !== "member") continue;
      const connection = new Connection(socket, attachment, true);
      this.#bySocket.set(socket, connection);
      this.place(connection);
    }
  }

  of(socket: WebSocket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  /** A new socket. */
  add(connection: Connection): void {
    this.#bySocket.set(connection.socket, connection);
    this.place(connection);
  }

  /** Puts a connection where it belongs by what it is now. */
  place(connection: Connection): void {
    this.#standbys.delete(connection);
    const { member } = connection;
    if (member?.role === "owner") this.owner = connection;
    if (member?.role === "standby") this.#standbys.add(connection);
    if (member?.role === "peer") this.#peers.set(member.slot, connection);
  }

  /** To be called while it still is what it was. */
  remove(connection: Connection): void {
    this.#bySocket.delete(connection.socket);
    this.#standbys.delete(connection);
    if (this.owner === connection) this.owner = null;
    const slot = connection.member?.slot;
    if (slot !== undefined && this.#peers.get(slot) === connection) this.#peers.delete(slot);
  }

  peer(slot: number): Connection | undefined {
    return this.#peers.get(slot);
  }

  get peers(): readonly Connection[] {
    return [...this.#peers.values()];
  }

  /** Of a site, or of one of its instances, the one that has been there for longest first. */
  peersOf(site: string, instance?: string): readonly Connection[] {
    return this.peers
      .filter(({ member }) => member?.site === site && (instance === undefined || member.instance === instance))
      .sort((a, b) => (a.member?.sinceMs ?? 0) - (b.member?.sinceMs ?? 0));
  }

  /** Those that wait, the one that has waited for longest first. */
  get standbys(): readonly Connection[] {
    return [...this.#standbys].sort((a, b) => (a.member?.sinceMs ?? 0) - (b.member?.sinceMs ?? 0));
  }

  get members(): readonly Connection[] {
    return [...this.#bySocket.values()].filter(({ member }) => member !== null);
  }

  /**
   * A free slot, given out as late as can be: frames to its last holder may still be on their way.
   * @param last the slot given out last. @returns null where there are as many peers as may be
   */
  freeSlot(last: number): number | null {
    if (this.#peers.size >= LIMITS.tunnelPeers) return null;
    const slots = HUB_SLOT - 1;
    for (let step = 0; step < slots; step++) {
      const slot = ((last + step) % slots) + 1;
      if (!this.#peers.has(slot)) return slot;
    }
    return null;
  }
}
