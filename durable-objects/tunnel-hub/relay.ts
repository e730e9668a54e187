/**
 * Frames from socket to socket: shared/mux/README.md, "What a hub does". No stream is ended or remembered here. What is
 * looked at beyond the header is an `open` of a peer: for which service, and whether it may.
 */
import { principalName } from "../../shared/auth/principal.ts";
import { LIMITS } from "../../shared/limits.ts";
import { toHex } from "../../shared/bytes/hex.ts";
import type { Code } from "../../shared/mux/codes.ts";
import { decodeFrame } from "../../shared/mux/decode.ts";
import {
  HEADER_BYTES,
  HUB_SLOT,
  SOCKET_SLOT,
  isRelayed,
  slotOf,
  streamOf,
  typeOf,
  withSlot,
} from "../../shared/mux/frame.ts";
import { isHttp, mayOpen, serviceOf } from "../../shared/tunnel/services.ts";
import type { RefusalCode } from "../../shared/tunnel/messages.ts";
import type { Connection } from "./connection.ts";
import { audit, type HubParts, Seldom, type ServiceTable } from "./parts.ts";

const FRAME_BYTES = HEADER_BYTES + LIMITS.tunnelFrameBytes;
/** Beyond this no socket's account goes, whoever sends: a culprit may be gone while its bytes still wait. */
const LAST_BOUND_BYTES = 2 * LIMITS.tunnelSocketWindowBytes;

export interface RelayHost {
  /** Closes a connection, saying why. */
  readonly close: (connection: Connection, code: RefusalCode) => void;
  /** Somebody sent more than was granted. */
  readonly tooMuch: (culprit: Connection, towards: Connection) => void;
  /** A frame for the hub's own streams; its slot is the owner's of a peer's mux. */
  readonly toHub: (frame: Uint8Array) => void;
}

export class Relay {
  readonly #parts: HubParts;
  readonly #services: ServiceTable;
  readonly #host: RelayHost;
  readonly #refusals = new Seldom(LIMITS.tunnelRefusalAuditMs, LIMITS.tunnelRefusalSubjects);

  constructor(parts: HubParts, services: ServiceTable, host: RelayHost) {
    this.#parts = parts;
    this.#services = services;
    this.#host = host;
  }

  /** @param frame is the relay's from now on */
  receive(from: Connection, frame: Uint8Array): void {
    const { member } = from;
    if (member === null || frame.length > FRAME_BYTES) {
      this.#host.close(from, "bad-message");
      return;
    }
    if (member.role === "standby") return; // it leaves, at most: there is nobody yet to speak to
    if (!isRelayed(frame)) {
      if (!from.acknowledge(frame)) this.#host.close(from, "bad-message");
      return;
    }
    if (member.barrier !== null && this.#isPassed(frame, member.barrier)) from.update({ barrier: null });
    else if (member.role === "owner") this.#fromOwner(from, frame, member.barrier !== null);
    else if (member.barrier === null) this.#fromPeer(from, frame, member.slot);
  }

  /** Sends a frame on, if the account of the target allows. @param source the slot it comes from */
  forward(to: Connection, frame: Uint8Array, source: number, from: Connection | null): void {
    if (!to.window.admits(frame.length, typeOf(frame) === "data")) {
      const culprit = this.#culprit(to, from);
      if (culprit !== null) this.#host.tooMuch(culprit, to);
      if (culprit === to || (culprit !== null && culprit === from)) return;
    }
    const { gauges } = this.#parts;
    gauges.framesRelayed++;
    gauges.bytesRelayed += frame.length;
    to.send(frame, source);
  }

  #fromOwner(owner: Connection, frame: Uint8Array, hubIsBarred: boolean): void {
    const slot = slotOf(frame);
    if (slot === SOCKET_SLOT) this.#toSocket(owner, frame);
    else if (slot === HUB_SLOT) {
      if (!hubIsBarred) this.#host.toHub(withSlot(frame, SOCKET_SLOT));
    } else {
      const peer = this.#parts.connections.peer(slot);
      if (peer !== undefined) this.forward(peer, withSlot(frame, SOCKET_SLOT), SOCKET_SLOT, owner);
      else if (typeOf(frame) === "open") this.#peerGone(owner, slot);
    }
  }

  /** The owner speaks to the hub as such: what wants an answer gets one. */
  #toSocket(owner: Connection, frame: Uint8Array): void {
    const decoded = decodeFrame(frame);
    if (!decoded.ok || decoded.value.type !== "ping") return;
    if (!owner.window.admits(frame.length, false)) return;
    owner.say({ ...decoded.value, type: "pong", slot: SOCKET_SLOT }, HUB_SLOT);
  }

  #fromPeer(from: Connection, frame: Uint8Array, slot: number): void {
    const { owner } = this.#parts.connections;
    const isOpen = typeOf(frame) === "open";
    if (owner === null) {
      if (isOpen) this.#peerGone(from, SOCKET_SLOT);
      return;
    }
    const obstacle = isOpen ? this.#obstacle(from, owner, frame) : null;
    if (obstacle === null) this.forward(owner, withSlot(frame, slot), slot, from);
    else this.#refuse(from, frame, obstacle);
  }

  /** Why a peer may not open what it asks for; null where it may. */
  #obstacle(from: Connection, owner: Connection, frame: Uint8Array): Code | null {
    const decoded = decodeFrame(frame);
    if (!decoded.ok || decoded.value.type !== "open") return "protocol-error";
    const { member } = from;
    const { service: target } = decoded.value;
    const name = serviceOf(target);
    const service = this.#services.byName(owner.member?.id ?? null).get(name);
    if (service === undefined || member === null) return "unknown-service";
    // HTTP is for the hub's own streams: what Workers send has been parsed, what a peer sends could be anything.
    if (!isHttp(target) && mayOpen(service, member)) return null;
    const { agent, site, instance } = member;
    if (this.#refusals.isTime(`${instance} ${name}`, this.#parts.nowMs())) {
      const who = principalName({ role: "agent", id: agent, site, by: "token" });
      audit(this.#parts, "tunnel.open-refused", who, { site, service: name });
      this.#parts.replan();
    }
    return "not-allowed";
  }

  #refuse(to: Connection, open: Uint8Array, code: Code): void {
    const stream = streamOf(open);
    // A flood of opens gets no flood of answers: who takes none of them waits in vain.
    if (stream === 0 || !to.window.admits(HEADER_BYTES, false)) return;
    to.say({ type: "refuse", slot: SOCKET_SLOT, stream, code, reason: "" }, HUB_SLOT);
  }

  #peerGone(to: Connection, slot: number): void {
    if (to.window.admits(HEADER_BYTES, false)) to.say({ type: "peer-gone", slot, stream: 0 }, HUB_SLOT);
  }

  /**
   * Whom to close. Towards an owner: the peer of whom most waits. Towards a peer: that peer, as only its own stream
   * partner can have sent so much, and closing it takes nothing from others. Null: who sent most is gone already.
   */
  #culprit(to: Connection, from: Connection | null): Connection | null {
    if (to.member?.role === "peer") return to;
    if (to.window.waitingBytes >= LAST_BOUND_BYTES) return from ?? to;
    const source = to.window.largestSource() ?? SOCKET_SLOT;
    return source === HUB_SLOT ? to : (this.#parts.connections.peer(source) ?? null);
  }

  /** The answer to the news that a session is over. */
  #isPassed(frame: Uint8Array, barrier: string): boolean {
    if (typeOf(frame) !== "pong" || streamOf(frame) !== 0) return false;
    return toHex(frame.subarray(HEADER_BYTES)) === barrier;
  }
}
