/** Which page of the other side this one speaks to, and whether the two know of each other: by hellos, said until they are answered. */
import { BOUNDS } from "./bounds.ts";
import type { SealedRecord, Session } from "./record.ts";

export interface Heard {
  /** Another page than the one before it: that one's state is gone. */
  readonly isAnother: boolean;
  /** There was one before it. */
  readonly isSuccessor: boolean;
  /** The two have just come to know of each other. */
  readonly isNews: boolean;
}

export interface GreetingOptions {
  /** Random, never 0. */
  readonly newSession: () => Session;
  readonly now: () => number;
}

export class Greeting {
  readonly #options: GreetingOptions;
  #own: Session;
  #peer: Session = 0;
  /** Pages of the other side that another one came after, the latest last. */
  readonly #gone = new Set<Session>();
  #isMet = false;
  #isDue = false;
  #saidMs = -Infinity;
  #unanswered = 0;

  constructor(options: GreetingOptions) {
    this.#options = options;
    this.#own = options.newSession();
  }

  get own(): Session {
    return this.#own;
  }

  /** 0: none has greeted yet. */
  get peer(): Session {
    return this.#peer;
  }

  get isMet(): boolean {
    return this.#isMet;
  }

  get isDue(): boolean {
    return this.#isDue;
  }

  /** The other side has come (back), perhaps as another page. */
  begin(): void {
    this.#isMet = false;
    this.#isDue = true;
    this.#unanswered = 0;
  }

  /** A key with which it may have been said is lost. */
  repeat(): void {
    this.#isDue = true;
  }

  /** Not answered yet, or spoken to as a page that is gone: once more, if the last is not just under way. @returns are they perhaps not understood? */
  repeatLater(): { readonly isUnheard: boolean } {
    const isTime = !this.#isDue && this.#options.now() >= this.#saidMs + BOUNDS.helloMs;
    if (isTime) this.#isDue = true;
    const rounds = this.#unanswered / BOUNDS.hellosUntilNewKey;
    return { isUnheard: isTime && rounds >= 1 && Number.isInteger(Math.log2(rounds)) };
  }

  say(): SealedRecord {
    this.#isDue = false;
    this.#unanswered++;
    this.#saidMs = this.#options.now();
    // Who has not been answered says to know nobody, so that the answer comes whatever the other side takes for granted.
    return { type: "hello", from: this.#own, known: this.#isMet ? this.#peer : 0 };
  }

  /**
   * A page that was gone may be heard again: it lost its network for a while, in which another one was open, or somebody
   * has kept its greeting back. It knows nothing of that, and its numbers go on where it was; so this side becomes another
   * one to it, and to whoever else there is, and both count from the beginning.
   */
  hear(from: Session, known: Session): Heard {
    const isAnother = from !== this.#peer;
    const isSuccessor = isAnother && this.#peer !== 0;
    if (isSuccessor) this.#leave(from);
    const isNews = isAnother || !this.#isMet;
    this.#peer = from;
    this.#isMet = true;
    this.#unanswered = 0;
    if (known !== this.#own) this.#isDue = true;
    return { isAnother, isSuccessor, isNews };
  }

  #leave(next: Session): void {
    if (this.#gone.delete(next)) this.#own = this.#options.newSession();
    this.#gone.add(this.#peer);
    if (this.#gone.size > BOUNDS.pagesKnown) this.#gone.delete(this.#gone.values().next().value as Session);
  }
}
