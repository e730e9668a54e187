/**
 * What Alice and Bob have in common: one end of one block, a state machine without a clock or a socket of its own. Each
 * message in gives a `Step`, and the machine holds nothing but its block, so any number of blocks may be under way and
 * none waits for another's slow peer. It must be given messages in the order they were sent; a gap ends the block.
 */
import type { BlockAuthentication, Direction } from "../authentication/points.ts";
import { CascadeFault } from "../cascade/fault.ts";
import { runAtOnce, type Slices } from "../../conditioning/slices.ts";
import { Conversation, type Heard } from "./conversation.ts";
import type { MessageType } from "./envelope.ts";
import type { Bodies } from "./messages.ts";
import type { AbortReason, Outcome } from "./outcome.ts";
import type { BlockParameters } from "./parameters.ts";
import { type BlockFigures, type BlockReport, noFigures, reportOf } from "./report.ts";
import type { BlockRecord } from "./settlement.ts";

/** What to do next, in this order. */
export interface Step {
  /** To be written durably before anything is sent; replaces what was written of this block before. */
  readonly store: BlockRecord | null;
  readonly send: readonly Uint8Array[];
}

export interface BlockOptions {
  /** 1 or more, and never used before on the link. */
  readonly block: number;
  /** Names the pair of modules; equal at both ends. */
  readonly link: string;
  readonly parameters: BlockParameters;
  /** Of this block alone, made for this end's direction. Its key was taken out of the store durably. */
  readonly authentication: BlockAuthentication;
  /** @returns fresh random bytes, secret until they are sent, which belong to the machine */
  readonly random: (bytes: number) => Uint8Array;
}

/** Done at once, or in slices. */
export type Work = Slices<void> | undefined;

export abstract class BlockEnd {
  protected readonly options: BlockOptions;
  protected readonly figures: BlockFigures = noFigures();
  readonly #role: "alice" | "bob";
  readonly #conversation: Conversation;
  #expected: readonly MessageType[] = [];
  #outcome: Outcome = { kind: "running" };
  #send: Uint8Array[] = [];
  #store: BlockRecord | null = null;
  #busy = false;

  protected constructor(role: "alice" | "bob", options: BlockOptions) {
    const own: Direction = role === "alice" ? "alice-to-bob" : "bob-to-alice";
    const { block, link, authentication, parameters } = options;
    this.options = options;
    this.#role = role;
    this.#conversation = new Conversation({ own, block, link, authentication, pulses: parameters.pulses });
  }

  get outcome(): Outcome {
    return this.#outcome;
  }

  get report(): BlockReport {
    const { block, authentication } = this.options;
    const { scheme, forgeryLog2 } = authentication;
    const head = { block, role: this.#role, authentication: scheme, forgeryLog2 };
    return reportOf(head, this.figures, this.#outcome);
  }

  /** Takes a message of the other end, in slices of work. One at a time. Once the block has ended it does nothing. */
  *receiveInSlices(message: Uint8Array): Slices<Step> {
    return yield* this.act(() => this.#receive(message));
  }

  receive(message: Uint8Array): Step {
    return runAtOnce(this.receiveInSlices(message));
  }

  /** Gives the block up, if it still can be: the other end fell silent, say. */
  abandon(): Step {
    return runAtOnce(this.act(() => this.fail("abandoned")));
  }

  /** Deals with a message that was due. */
  protected abstract handle(heard: Heard): Work;

  /** Erases what this end knows of the block's bits, but for an outcome's secrets. */
  protected abstract wipe(): void;

  /** Runs what says or stores something, and collects it. */
  protected *act(work: () => Work): Slices<Step> {
    if (this.#busy) throw new Error("the block is in the middle of a step");
    this.#busy = true;
    try {
      const slices = work();
      if (slices !== undefined) yield* slices;
    } catch (error) {
      if (!(error instanceof CascadeFault)) throw error;
      this.fail(error.kind === "leak-limit" ? "leak-limit" : "protocol-violation");
    } finally {
      this.#busy = false;
    }
    const step: Step = { store: this.#store, send: this.#send };
    this.#store = null;
    this.#send = [];
    return step;
  }

  /** What may come next. */
  protected expect(...types: readonly MessageType[]): undefined {
    this.#expected = types;
  }

  /** Deals with a message that comes when the block is no longer running. */
  protected afterwards(_message: Uint8Array): undefined {}

  protected say<T extends Exclude<MessageType, "tag" | "abort" | "settlement">>(type: T, body: Bodies[T]): void {
    this.#send.push(this.#conversation.say(type, body));
  }

  protected sayTag(): void {
    this.#send.push(this.#conversation.sayTag());
  }

  /** Sends what is not part of the conversation. */
  protected sendSettlement(message: Uint8Array): void {
    this.#send.push(message);
  }

  protected store(record: BlockRecord): void {
    this.#store = record;
  }

  /** Gives up for a reason of this end's, and tells the other where a tag is left for it. */
  protected fail(reason: AbortReason): undefined {
    if (this.#outcome.kind !== "running") return;
    if (this.#conversation.mayAbort) this.#send.push(this.#conversation.sayAbort(reason));
    this.giveUp(reason);
  }

  /** Gives up without a word, as the other end has come to the same judgement from the same figures. */
  protected giveUp(reason: AbortReason): undefined {
    this.end({ kind: "aborted", reason, by: "this-end", authenticated: true });
  }

  /** The block is over, or only its settlement is due. */
  protected end(outcome: Outcome): undefined {
    this.#outcome = outcome;
    this.#expected = [];
    this.#conversation.wipe();
    this.wipe();
  }

  #receive(message: Uint8Array): Work {
    if (this.#outcome.kind !== "running") return this.afterwards(message);
    const heard = this.#conversation.hear(message);
    if (heard === "repeated") return undefined;
    if (typeof heard === "string") return this.fail(heard);
    if (heard.type === "abort") return this.#hearAbort(heard);
    return this.#expected.includes(heard.type) ? this.handle(heard) : this.fail("protocol-violation");
  }

  /** An abort without a tag is believed as far as it ends the block; one with a wrong tag is a forgery. */
  #hearAbort(abort: Heard<"abort">): undefined {
    const { reason, tag } = abort.body;
    const authenticated = tag.length > 0 && this.#conversation.isAuthentic(abort);
    if (tag.length > 0 && !authenticated) this.fail("authentication-failed");
    else this.end({ kind: "aborted", reason, by: "other-end", authenticated });
  }
}
