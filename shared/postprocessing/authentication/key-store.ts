/**
 * The secret key that two ends keep for authenticating their next blocks. It lies in *slots*, each as much as one block
 * takes, and a slot is named by the block it grew from: blocks run side by side and end in any order, so a common
 * position in one long string would not mean the same at both ends.
 *
 * A released block fills as many slots as it took, or more where the store has run low; a failed one leaves a slot less.
 */
import { LIMITS } from "../../limits.ts";
import { err, ok, type Result } from "../../result.ts";
import { BLOCK_KEY_BYTES } from "./wegman-carter.ts";

/** `<block it grew from>:<which of its slots>`; block 0 stands for key both ends were given beforehand. */
export interface SlotName {
  readonly block: number;
  readonly index: number;
}

export interface Slot extends SlotName {
  /** `BLOCK_KEY_BYTES`. */
  readonly keys: Uint8Array;
}

/** What has to survive a restart. */
export interface StoredKeys {
  readonly slots: readonly Slot[];
  /** Slots that were taken, lately: they may not come back. */
  readonly spent: readonly SlotName[];
  /** Nor may any slot of this block or an earlier one; -1 at first. */
  readonly closedBlock: number;
}

export type KeyStoreFault = "no-authentication-key" | "slot-known" | "store-full";

const nameOf = ({ block, index }: SlotName): string => `${block}:${index}`;

/** Cuts key that both ends were given, or have grown in block `block`, into slots. A rest is left over. */
export function slotsOf(block: number, key: Uint8Array): Slot[] {
  return Array.from({ length: Math.floor(key.length / BLOCK_KEY_BYTES) }, (_, index) => ({
    block,
    index,
    keys: key.slice(index * BLOCK_KEY_BYTES, (index + 1) * BLOCK_KEY_BYTES),
  }));
}

export class AuthKeyStore {
  readonly #slots: Map<string, Slot>;
  readonly #spent: Map<string, SlotName>;
  #closedBlock: number;

  constructor(stored: StoredKeys = { slots: [], spent: [], closedBlock: -1 }) {
    this.#slots = new Map(stored.slots.map((slot) => [nameOf(slot), slot]));
    this.#spent = new Map(stored.spent.map((name) => [nameOf(name), name]));
    this.#closedBlock = stored.closedBlock;
  }

  /** Slots to take. */
  get size(): number {
    return this.#slots.size;
  }

  has(name: SlotName): boolean {
    return this.#slots.has(nameOf(name));
  }

  /** How many slots a block should fill so that the store holds `target` again, at least one for the one it took. */
  refillFor(target: number): number {
    return Math.max(1, Math.min(target - this.size, LIMITS.bb84RefillSlots));
  }

  /** All or none. Refuses a name that is or has been in the store: its key might have been used. */
  add(slots: readonly Slot[]): Result<void, KeyStoreFault> {
    const names = new Set(slots.map(nameOf));
    const known = slots.some(
      (slot) => slot.block <= this.#closedBlock || this.#slots.has(nameOf(slot)) || this.#spent.has(nameOf(slot)),
    );
    if (known || names.size < slots.length) return err("slot-known");
    if (this.size + slots.length > LIMITS.bb84AuthenticationSlots) return err("store-full");
    for (const slot of slots) this.#slots.set(nameOf(slot), slot);
    return ok(undefined);
  }

  /**
   * Takes a slot out, for one block. It is gone before its key is handed out: `persist` runs in between, so a crash at
   * any time may burn a slot and never gives it twice.
   * @param name the slot the other end has named; without one, the oldest
   * @param persist writes what it is given durably before it returns; where it throws, the slot is burnt
   */
  take(persist: (stored: StoredKeys) => void, name?: SlotName): Result<Slot, KeyStoreFault> {
    const slot = name === undefined ? this.#oldest() : this.#slots.get(nameOf(name));
    if (slot === undefined) return err("no-authentication-key");
    this.#slots.delete(nameOf(slot));
    this.#spend({ block: slot.block, index: slot.index });
    persist(this.stored());
    return ok(slot);
  }

  stored(): StoredKeys {
    return { slots: [...this.#slots.values()], spent: [...this.#spent.values()], closedBlock: this.#closedBlock };
  }

  #oldest(): Slot | undefined {
    let oldest: Slot | undefined;
    for (const slot of this.#slots.values()) {
      if (oldest === undefined || isBefore(slot, oldest)) oldest = slot;
    }
    return oldest;
  }

  /** Forgetting a name closes its block and all before it, so that nothing comes back that has been forgotten. */
  #spend(name: SlotName): void {
    this.#spent.set(nameOf(name), name);
    if (this.#spent.size <= LIMITS.bb84SpentSlots) return;
    const [first = name, ...rest] = this.#spent.values();
    const forgotten = rest.reduce((low, each) => (isBefore(each, low) ? each : low), first);
    this.#spent.delete(nameOf(forgotten));
    this.#closedBlock = Math.max(this.#closedBlock, forgotten.block);
  }
}

/** In the order in which slots are taken. */
export const isBefore = (a: SlotName, b: SlotName): boolean =>
  a.block < b.block || (a.block === b.block && a.index < b.index);
