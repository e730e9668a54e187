/** The direct channel of a conversation: tried, used, given up, by `direct-plan.ts`; the browser's part is behind `Line`. */
import { BOUNDS } from "./bounds.ts";
import type { Direction } from "./direction.ts";
import { afresh, type DirectPlan, failed, isWanted, mayOffer, NO_PLAN, opened } from "./direct-plan.ts";
import type { MessageHead } from "./message.ts";
import { Rate } from "./rate.ts";
import type { Carrier } from "./carrier.ts";

export type Description = Extract<MessageHead, { kind: "description" }>;

/** One attempt at a channel, and the channel that came of it. */
export interface Line {
  /** Of the side that offers. */
  offer(): Promise<Description>;
  /** @returns the answer to an offer; null for an answer */
  hear(description: Description): Promise<Description | null>;
  close(): void;
}

export interface LineEvents {
  readonly onOpen: (carrier: Carrier) => void;
  readonly onEnd: () => void;
}

export interface DirectOptions {
  readonly direction: Direction;
  readonly now: () => number;
  readonly makeLine: (events: LineEvents) => Line;
  readonly tell: (head: MessageHead) => void;
  readonly onChange: () => void;
}

export class Direct {
  readonly #options: DirectOptions;
  #plan: DirectPlan = NO_PLAN;
  #line: Line | null = null;
  #sinceMs = 0;
  readonly #offers: Rate;
  carrier: Carrier | null = null;

  constructor(options: DirectOptions) {
    this.#options = options;
    this.#offers = new Rate(options.now, BOUNDS.directOffers);
  }

  get isRoomOnly(): boolean {
    return !this.#plan.isWantedHere;
  }

  setRoomOnly(isRoomOnly: boolean): void {
    this.#plan = afresh(this.#plan, { isWantedHere: !isRoomOnly });
    this.#options.tell({ kind: "direct", isWanted: !isRoomOnly });
    this.#look();
  }

  /** The two pages know each other; `isAnother`: a line to the former page leads nowhere. */
  met(isAnother: boolean): void {
    if (isAnother) this.#hangUp(afresh(this.#plan, { state: "none", isWantedThere: false }));
    this.#options.tell({ kind: "direct", isWanted: this.#plan.isWantedHere });
  }

  heard(isWantedThere: boolean): void {
    this.#plan = afresh(this.#plan, { isWantedThere });
    this.#look();
  }

  async describe(description: Description): Promise<void> {
    if (!isWanted(this.#plan)) return;
    const isOffer = description.type === "offer";
    if (isOffer && this.#offers.isReached) return;
    if (isOffer) this.#offers.add();
    const line = isOffer ? this.#begin() : this.#line;
    const answer = await line?.hear(description).catch(() => this.#failed(line));
    if (answer !== null && answer !== undefined && line === this.#line) this.#options.tell(answer);
  }

  /** Whatever the browser says, nothing comes through. */
  giveUp(): void {
    this.#failed(this.#line);
  }

  tick(): void {
    const isLate = this.#plan.state === "trying" && this.#options.now() - this.#sinceMs >= BOUNDS.directOpenMs;
    if (isLate) this.#failed(this.#line);
    this.#look();
  }

  close(): void {
    this.#hangUp({ ...this.#plan, isWantedHere: false, state: "none" });
  }

  #look(): void {
    if (!isWanted(this.#plan)) {
      if (this.#line !== null) this.#hangUp({ ...this.#plan, state: "none" });
      return;
    }
    if (!mayOffer(this.#plan, this.#options.direction, this.#options.now())) return;
    const line = this.#begin();
    void line?.offer().then(
      (offer) => (line === this.#line ? this.#options.tell(offer) : undefined),
      () => this.#failed(line),
    );
  }

  /** Null where the browser makes none: it may be forbidden there, or none be left. */
  #begin(): Line | null {
    this.#hangUp({ ...this.#plan, state: "trying" });
    this.#sinceMs = this.#options.now();
    try {
      const line = this.#options.makeLine({
        onOpen: (carrier) => (line === this.#line ? this.#opened(carrier) : undefined),
        onEnd: () => this.#failed(line),
      });
      this.#line = line;
      return line;
    } catch {
      this.#plan = failed(this.#plan, this.#options.now());
      return null;
    }
  }

  #opened(carrier: Carrier): void {
    this.carrier = carrier;
    this.#plan = opened(this.#plan, this.#options.now());
    this.#options.onChange();
  }

  #failed(line: Line | null): null {
    if (line !== null && line === this.#line) this.#hangUp(failed(this.#plan, this.#options.now()));
    return null;
  }

  #hangUp(plan: DirectPlan): void {
    const line = this.#line;
    this.#line = null;
    this.carrier = null;
    this.#plan = plan;
    line?.close();
    this.#options.onChange();
  }
}
