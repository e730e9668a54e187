/**
 * One block's messages at one end: numbered, in order, and all of them in the transcripts that the tags cover. The two
 * ends' transcripts of a direction are equal as long as nobody meddled, because each message is absorbed as its bytes.
 */
import { type BlockAuthentication, type Direction, type Point, POINTS } from "../authentication/points.ts";
import {
  type Head,
  headOf,
  HEAD_BYTES,
  type MessageType,
  phaseOf,
  PROTOCOL_VERSION,
  sealed,
  TAGGED_HEAD_BYTES,
} from "./envelope.ts";
import { type Bodies, decodeBody, encodeBody } from "./messages.ts";
import type { AbortReason } from "./outcome.ts";

export interface ConversationOptions {
  readonly own: Direction;
  readonly block: number;
  /** Names the pair of modules: a tag for one link says nothing on another. */
  readonly link: string;
  readonly authentication: BlockAuthentication;
  /** Pulses are numbered below it. */
  readonly pulses: number;
}

export type Heard<T extends MessageType = MessageType> = {
  readonly [Type in T]: { readonly type: Type; readonly phase: Point; readonly body: Bodies[Type] };
}[T];

/** `repeated`: a message that was there before, to be ignored. */
export type Unheard = "repeated" | "protocol-violation" | "authentication-failed";

export class Conversation {
  readonly #options: ConversationOptions;
  readonly #peer: Direction;
  #sent = 0;
  #received = 0;
  /** Points that this end, and the other one, have used up. */
  #tagged = 0;
  #verified = 0;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#peer = options.own === "alice-to-bob" ? "bob-to-alice" : "alice-to-bob";
    const link = new TextEncoder().encode(`qkd-edge/bb84/v${PROTOCOL_VERSION}\n${options.link}\n`);
    options.authentication.absorb(options.own, link);
    options.authentication.absorb(this.#peer, link);
  }

  /** The message, now part of the transcript. */
  say<T extends Exclude<MessageType, "tag" | "abort" | "settlement">>(type: T, body: Bodies[T]): Uint8Array {
    const message = sealed(this.#head(type, phaseOf(type)), encodeBody(type, body));
    this.#options.authentication.absorb(this.#options.own, message);
    return message;
  }

  /** The tag of all that was said so far, at the next of the three points. */
  sayTag(): Uint8Array {
    const head = this.#head("tag", this.#nextPoint());
    return sealed(head, this.#tagAfter(sealed(head, new Uint8Array()).subarray(0, TAGGED_HEAD_BYTES)));
  }

  /** The end of the block, under the key of the next point: no other tag will be made with it. */
  sayAbort(reason: AbortReason): Uint8Array {
    const head = this.#head("abort", this.#nextPoint());
    const untagged = sealed(head, encodeBody("abort", { reason, tag: new Uint8Array() }));
    const covered = Uint8Array.of(...untagged.subarray(0, TAGGED_HEAD_BYTES), ...untagged.subarray(HEAD_BYTES));
    return sealed(head, encodeBody("abort", { reason, tag: this.#tagAfter(covered) }));
  }

  /** Whether `sayAbort` still can. */
  get mayAbort(): boolean {
    return this.#tagged < POINTS.length;
  }

  /** Takes a message in. A tag is verified here; an abort comes back whether its tag fits or not. */
  hear(message: Uint8Array): Heard | Unheard {
    const head = headOf(message);
    if (head === null || head.from !== this.#peer || head.block !== this.#options.block) return "protocol-violation";
    if (head.number < this.#received) return "repeated";
    if (head.number > this.#received || head.type === "settlement") return "protocol-violation";
    const tagged = head.type === "tag" || head.type === "abort";
    if (tagged && head.phase !== POINTS[this.#verified++]) return "protocol-violation";
    const body = decodeBody(head.type, message.subarray(HEAD_BYTES), this.#options.pulses);
    if (body === undefined) return "protocol-violation";
    this.#received++;
    const { authentication } = this.#options;
    if (head.type === "tag") {
      authentication.absorb(this.#peer, message.subarray(0, TAGGED_HEAD_BYTES));
      if (!authentication.verify(head.phase, (body as Bodies["tag"]).tag)) return "authentication-failed";
    } else if (head.type !== "abort") {
      authentication.absorb(this.#peer, message);
    }
    return { type: head.type, phase: head.phase, body } as Heard;
  }

  /** Whether an abort that was heard is the other end's. */
  isAuthentic(abort: Heard<"abort">): boolean {
    const { authentication, block } = this.#options;
    const head: Head = { type: "abort", from: this.#peer, phase: abort.phase, block, number: this.#received - 1 };
    authentication.absorb(this.#peer, sealed(head, new Uint8Array()).subarray(0, TAGGED_HEAD_BYTES));
    authentication.absorb(this.#peer, encodeBody("abort", { reason: abort.body.reason, tag: new Uint8Array() }));
    return authentication.verify(abort.phase, abort.body.tag);
  }

  wipe(): void {
    this.#options.authentication.wipe();
  }

  #head(type: MessageType, phase: Point): Head {
    const { own, block } = this.#options;
    return { type, from: own, phase, block, number: this.#sent++ };
  }

  #nextPoint(): Point {
    const point = POINTS[this.#tagged];
    if (point === undefined) throw new Error("all points of the block have been tagged");
    return point;
  }

  #tagAfter(covered: Uint8Array): Uint8Array {
    const { authentication, own } = this.#options;
    const point = this.#nextPoint();
    this.#tagged++;
    authentication.absorb(own, covered);
    return authentication.tag(point);
  }
}
