/**
 * What all streams of one socket may hold together: credit granted and not yet received, and bytes not yet read.
 *
 * Credit cannot be taken back, so the budget must never be promised away: for every stream that may ever be open its
 * floor is set aside, and none can be kept waiting for another's reader. The rest is shared by dynamic thresholds
 * (Choudhury and Hahne 1998): a slot may hold three times what it leaves to the others, a stream as much as it leaves to
 * its slot. So there is always something left for the next, and who moves takes over from who stands still.
 */
const SLOT_PART = 3 / 4;
/** First windows together may take this part of a slot's share, each this part of what is left of that. */
const FIRST_PART = 1 / 2;
const FIRST_STEP = 1 / 8;

export interface BudgetLimits {
  readonly receiveBudgetBytes: number;
  readonly streams: number;
  readonly floorWindowBytes: number;
}

export class ReceiveBudget {
  readonly floorBytes: number;
  readonly #sharedBytes: number;
  /** Held above the floors: of all streams, and of each slot's. */
  #aboveBytes = 0;
  readonly #aboveBySlot = new Map<number, number>();
  #heldBytes = 0;

  constructor({ receiveBudgetBytes, streams, floorWindowBytes }: BudgetLimits) {
    this.floorBytes = floorWindowBytes;
    this.#sharedBytes = receiveBudgetBytes - streams * floorWindowBytes;
    if (this.#sharedBytes < 0) throw new RangeError("the receive budget is smaller than its streams' floors");
  }

  /** Of all streams; never above the budget. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** What a stream that holds so much may be granted on top. */
  roomFor(slot: number, heldBytes: number): number {
    const aboveBytes = Math.max(0, heldBytes - this.floorBytes);
    const toFloorBytes = Math.max(0, this.floorBytes - heldBytes);
    const leftBytes = this.#shareOf(slot) - this.#ownOf(slot);
    return toFloorBytes + Math.max(0, Math.floor((leftBytes - aboveBytes) / 2));
  }

  /** What a new stream may be granted, which perhaps will never move: enough is kept for those that do. */
  roomForFirst(slot: number): number {
    const leftBytes = this.#shareOf(slot) * FIRST_PART - this.#ownOf(slot);
    return this.floorBytes + Math.max(0, Math.floor(leftBytes * FIRST_STEP));
  }

  /** Notes what a stream holds now, and held before. */
  move(slot: number, fromBytes: number, toBytes: number): void {
    this.#heldBytes += toBytes - fromBytes;
    const changeBytes = Math.max(0, toBytes - this.floorBytes) - Math.max(0, fromBytes - this.floorBytes);
    if (changeBytes === 0) return;
    this.#aboveBytes += changeBytes;
    const ownBytes = this.#ownOf(slot) + changeBytes;
    if (ownBytes === 0) this.#aboveBySlot.delete(slot);
    else this.#aboveBySlot.set(slot, ownBytes);
  }

  #ownOf(slot: number): number {
    return this.#aboveBySlot.get(slot) ?? 0;
  }

  #shareOf(slot: number): number {
    return (this.#sharedBytes - (this.#aboveBytes - this.#ownOf(slot))) * SLOT_PART;
  }
}
