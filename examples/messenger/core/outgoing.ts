/**
 * Messages on their way to the other side: numbered from 1, kept until acknowledged, sent again where nothing is heard. A
 * message is numbered when it is first sent, so that what people type goes before what a file still has to send.
 */
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";

export interface Outbound<Tag> {
  readonly message: Bytes;
  /** What it is to whoever sends it: told when it was sent, and when it has arrived. */
  readonly tag: Tag;
}

interface Flying<Tag> extends Outbound<Tag> {
  readonly number: number;
  isDue: boolean;
}

export class Outgoing<Tag> {
  #urgent: Outbound<Tag>[] = [];
  #bulk: Outbound<Tag>[] = [];
  #flying: Flying<Tag>[] = [];
  #lastNumber = 0;
  #resendAtMs = Infinity;
  #pauseMs: number = BOUNDS.resendMs;
  #silentResends = 0;
  /** Has the clock said so, and nothing been sent again yet? */
  #isOverdue = false;

  /** @returns false where so much waits that no more is taken */
  add(item: Outbound<Tag>, lane: "urgent" | "bulk"): boolean {
    const queue = lane === "urgent" ? this.#urgent : this.#bulk;
    if (queue.length >= BOUNDS.waitingMessages) return false;
    queue.push(item);
    return true;
  }

  /** Takes back what was not sent yet. */
  withdraw(isMeant: (tag: Tag) => boolean): void {
    this.#urgent = this.#urgent.filter(({ tag }) => !isMeant(tag));
    this.#bulk = this.#bulk.filter(({ tag }) => !isMeant(tag));
  }

  /** Not numbered yet. */
  get waitingBulk(): number {
    return this.#bulk.length;
  }

  /** How often in a row everything was sent again and nothing was heard. */
  get silentResends(): number {
    return this.#silentResends;
  }

  /** What `next` would give: nothing, a message once more, or one for the first time. */
  peek(nowMs: number): { readonly isFirst: boolean; readonly item: Outbound<Tag> } | null {
    this.#lookAtClock(nowMs);
    const again = this.#flying.find(({ isDue }) => isDue);
    if (again !== undefined) return { isFirst: false, item: again };
    const fresh = this.#urgent[0] ?? this.#bulk[0];
    return fresh === undefined || !this.#hasRoomFor(fresh) ? null : { isFirst: true, item: fresh };
  }

  /** To be sent now. */
  next(nowMs: number): { readonly number: number; readonly item: Outbound<Tag>; readonly isFirst: boolean } | null {
    const chosen = this.peek(nowMs);
    if (chosen === null) return null;
    if (this.#resendAtMs === Infinity) this.#resendAtMs = nowMs + this.#pauseMs;
    if (!chosen.isFirst) {
      const again = chosen.item as Flying<Tag>;
      again.isDue = false;
      if (this.#isOverdue) this.#silentResends++;
      this.#isOverdue = false;
      return { number: again.number, item: again, isFirst: false };
    }
    if (this.#urgent[0] === chosen.item) this.#urgent.shift();
    else this.#bulk.shift();
    const number = ++this.#lastNumber;
    this.#flying.push({ ...chosen.item, number, isDue: false });
    return { number, item: chosen.item, isFirst: true };
  }

  /** @returns what has arrived by it */
  acknowledge(number: number, nowMs: number): readonly Outbound<Tag>[] {
    const arrived = this.#flying.filter((flying) => flying.number <= number);
    if (arrived.length === 0) return [];
    this.#flying = this.#flying.filter((flying) => flying.number > number);
    this.#pauseMs = BOUNDS.resendMs;
    this.#silentResends = 0;
    this.#resendAtMs = this.#flying.length === 0 ? Infinity : nowMs + this.#pauseMs;
    return arrived;
  }

  /** The way they went is gone, and may have taken them along. */
  resendAll(): void {
    for (const flying of this.#flying) flying.isDue = true;
    [this.#silentResends, this.#isOverdue] = [0, false];
  }

  /** The other side has begun anew and knows of nothing. @returns what had not arrived, in the order it was to */
  restart(): readonly Outbound<Tag>[] {
    const lost = [...this.#flying, ...this.#urgent, ...this.#bulk];
    [this.#flying, this.#urgent, this.#bulk] = [[], [], []];
    [this.#lastNumber, this.#resendAtMs, this.#pauseMs, this.#silentResends] = [0, Infinity, BOUNDS.resendMs, 0];
    return lost;
  }

  #lookAtClock(nowMs: number): void {
    if (nowMs < this.#resendAtMs) return;
    for (const flying of this.#flying) flying.isDue = true;
    this.#isOverdue = true;
    this.#pauseMs = Math.min(BOUNDS.resendMaxMs, 2 * this.#pauseMs);
    this.#resendAtMs = nowMs + this.#pauseMs;
  }

  #hasRoomFor({ message }: Outbound<Tag>): boolean {
    if (this.#flying.length === 0) return true;
    const bytes = this.#flying.reduce((sum, flying) => sum + flying.message.length, message.length);
    return this.#flying.length < BOUNDS.windowMessages && bytes <= BOUNDS.windowBytes;
  }
}
