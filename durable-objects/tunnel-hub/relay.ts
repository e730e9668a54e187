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
  framesOf,
  HEADER_BYTES,
  HUB_SLOT,
  SOCKET_SLOT,
  isRelayed,
  isWhole,
  slotOf,
  streamOf,
  typeOf,
  withSlot,
} from "../../shared/mux/frame.ts";
import { isHttp, mayOpen, serviceOf } from "../../shared/tunnel/services.ts";
import type { RefusalCode } from "../../shared/tunnel/messages.ts";
import type { Connection } from "./connection.ts";
import { audit, type HubParts, Seldom, type ServiceTable } from "./parts.ts";

/** The hub's own streams. */
const HUB = "hub";
type Target = Connection | typeof HUB;
/** Beyond this no socket's account goes, whoever sends: a culprit may be gone while its bytes still wait. */
const LAST_BOUND_BYTES = 2 * LIMITS.tunnelSocketWindowBytes;

export interface RelayHost {
  /** Closes a connection, saying why. */
  readonly close: (connection: Connection, code: RefusalCode) => void;
  /** Somebody sent more than was granted. */
  readonly tooMuch: (culprit: Connection, towards: Connection) => void;
  /** Frames for the hub's own streams; their slot is the owner's of a peer's mux. */
  readonly toHub: (frames: Uint8Array) => void;
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

  /** @param message is the relay's as long as this takes */
  receive(from: Connection, message: Uint8Array): void {
    const { member } = from;
    if (member === null || message.length > LIMITS.tunnelMessageBytes) {
      this.#host.close(from, "bad-message");
      return;
    }
    if (member.role === "standby") return; // it leaves, at most: there is nobody yet to speak to
    const runs = new Runs(message, (target, frames) => this.#pass(from, target, frames));
    for (const frame of framesOf(message)) {
      const relayed = isRelayed(frame);
      if (!isWhole(frame) || (!relayed && !from.acknowledge(frame))) {
        runs.end();
        this.#host.close(from, "bad-message");
        return;
      }
      runs.add(relayed ? this.#targetOf(from, frame) : null, frame);
    }
    runs.end();
  }

  /** Sends frames on, if the account of the target allows. @param source the slot they come from */
  #forward(to: Connection, { bytes, count, hasData }: Frames, source: number, from: Connection): void {
    if (!to.window.admits(bytes.length, hasData)) {
      const culprit = this.#culprit(to, from);
      if (culprit !== null) this.#host.tooMuch(culprit, to);
      if (culprit === to || (culprit !== null && culprit === from)) return;
    }
    const { gauges } = this.#parts;
    gauges.framesRelayed += count;
    gauges.bytesRelayed += bytes.length;
    to.send(bytes, source);
  }

  #pass(from: Connection, target: Target, frames: Frames): void {
    // Kept there until they are read.
    if (target === HUB) this.#host.toHub(frames.bytes.slice());
    else this.#forward(target, frames, from.member?.slot ?? SOCKET_SLOT, from);
  }

  /** Where a frame goes, with the slot that it has there; null where it has been dealt with. */
  #targetOf(from: Connection, frame: Uint8Array): Target | null {
    const { member } = from;
    if (member === null) return null;
    if (member.barrier !== null && this.#isPassed(frame, member.barrier)) {
      from.update({ barrier: null });
      return null;
    }
    if (member.role === "owner") return this.#fromOwner(from, frame, member.barrier !== null);
    return member.barrier === null ? this.#fromPeer(from, frame, member.slot) : null;
  }

  #fromOwner(owner: Connection, frame: Uint8Array, hubIsBarred: boolean): Target | null {
    const slot = slotOf(frame);
    if (slot === SOCKET_SLOT) {
      this.#toSocket(owner, frame);
      return null;
    }
    const target = slot === HUB_SLOT ? HUB : this.#parts.connections.peer(slot);
    if (target === undefined && typeOf(frame) === "open") this.#peerGone(owner, slot);
    if (target === undefined || (target === HUB && hubIsBarred)) return null;
    withSlot(frame, SOCKET_SLOT);
    return target;
  }

  /** The owner speaks to the hub as such: what wants an answer gets one. */
  #toSocket(owner: Connection, frame: Uint8Array): void {
    const decoded = decodeFrame(frame);
    if (!decoded.ok || decoded.value.type !== "ping") return;
    if (!owner.window.admits(frame.length, false)) return;
    owner.say({ ...decoded.value, type: "pong", slot: SOCKET_SLOT }, HUB_SLOT);
  }

  #fromPeer(from: Connection, frame: Uint8Array, slot: number): Connection | null {
    const { owner } = this.#parts.connections;
    const isOpen = typeOf(frame) === "open";
    if (owner === null) {
      if (isOpen) this.#peerGone(from, SOCKET_SLOT);
      return null;
    }
    const obstacle = isOpen ? this.#obstacle(from, owner, frame) : null;
    if (obstacle === null) {
      withSlot(frame, slot);
      return owner;
    }
    this.#refuse(from, frame, obstacle);
    return null;
  }

  /** Why a peer may not open what it asks for; null where it may. */
  #obstacle(from: Connection, owner: Connection, frame: Uint8Array): Code | null {
    const decoded = decodeFrame(frame);
    if (!decoded.ok || decoded.value.type !== "open") return "protocol-error";
    const { member } = from;
    const { service: target } = decoded.value;
    const name = serviceOf(target);
    const serving = owner.member?.id ?? null;
    const service = this.#services.byName(serving).get(name);
    // As before it came: who asks again is answered then.
    if (!this.#services.isTold(serving)) return "peer-gone";
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
  #culprit(to: Connection, from: Connection): Connection | null {
    if (to.member?.role === "peer") return to;
    if (to.window.waitingBytes >= LAST_BOUND_BYTES) return from;
    const source = to.window.largestSource() ?? SOCKET_SLOT;
    return source === HUB_SLOT ? to : (this.#parts.connections.peer(source) ?? null);
  }

  /** The answer to the news that a session is over. */
  #isPassed(frame: Uint8Array, barrier: string): boolean {
    if (typeOf(frame) !== "pong" || streamOf(frame) !== 0) return false;
    return toHex(frame.subarray(HEADER_BYTES)) === barrier;
  }
}

/** Frames of a message that follow one another to the same target: they go on together, as they came. */
interface Frames {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly hasData: boolean;
}

class Runs {
  readonly #message: Uint8Array;
  readonly #pass: (target: Target, frames: Frames) => void;
  #target: Target | null = null;
  #startAt = 0;
  #endAt = 0;
  #count = 0;
  #hasData = false;

  constructor(message: Uint8Array, pass: (target: Target, frames: Frames) => void) {
    this.#message = message;
    this.#pass = pass;
  }

  /** @param target null: nobody's. @param frame the message's next */
  add(target: Target | null, frame: Uint8Array): void {
    const at = frame.byteOffset - this.#message.byteOffset;
    if (target !== this.#target) {
      this.end();
      this.#target = target;
      this.#startAt = at;
    }
    this.#endAt = at + frame.length;
    this.#count++;
    this.#hasData ||= typeOf(frame) === "data";
  }

  end(): void {
    const target = this.#target;
    const bytes = this.#message.subarray(this.#startAt, this.#endAt);
    if (target !== null) this.#pass(target, { bytes, count: this.#count, hasData: this.#hasData });
    this.#target = null;
    this.#count = 0;
    this.#hasData = false;
  }
}
