/** What one end knows of the other: whose signatures count, and what it last said of itself. */
import { equalBytes } from "../postprocessing/authentication/equal.ts";
import type { ModuleAlarmCode } from "./alarms.ts";
import type { ModuleMemory } from "./memory.ts";

/**
 * Where the other end's SLH-DSA public key comes from:
 *
 * - the key itself: an operator has brought it over. It also takes the place of one that was learnt
 * - `as-told`: learnt from its greetings until a block that it signed has been accepted, and that one for good
 * - `vouched-for`: whatever its greetings say, now and later. For a transport on which nobody else can speak
 */
export type PeerKeySource = Uint8Array | "as-told" | "vouched-for";

export interface PeerGreeting {
  readonly publicKey: Uint8Array;
  readonly last: number;
  readonly slots: number;
}

export class Peer {
  readonly #source: PeerKeySource;
  readonly #memory: ModuleMemory;
  readonly #raise: (code: ModuleAlarmCode, detail: string) => void;
  #told: PeerGreeting | null = null;
  #isChangeTold = false;

  constructor(source: PeerKeySource, memory: ModuleMemory, raise: (code: ModuleAlarmCode, detail: string) => void) {
    this.#source = source;
    this.#memory = memory;
    this.#raise = raise;
    if (source instanceof Uint8Array) memory.pinPeer(source);
  }

  /** Null before it is known. */
  get publicKey(): Uint8Array | null {
    const pinned = this.#source === "vouched-for" ? null : this.#memory.pinnedPeer;
    return pinned ?? this.#told?.publicKey ?? null;
  }

  /** Whether somebody who writes on the line cannot make his own key count. */
  get isKnown(): boolean {
    return this.#source === "vouched-for" || this.#memory.pinnedPeer !== null;
  }

  /** The highest number a block has had at the other end, as far as it has said: nothing vouches for that. */
  get last(): number {
    return this.#told?.last ?? 0;
  }

  /** Whether the other end has said, when it greeted, that it has no authentication key. */
  get hasNoSlots(): boolean {
    return this.#told?.slots === 0;
  }

  hasGrownSlots(): void {
    if (this.#told?.slots === 0) this.#told = { ...this.#told, slots: 1 };
  }

  /** Another key than the one that counts is told of, and does not count. */
  greeted(greeting: PeerGreeting): void {
    this.#told = greeting;
    const { publicKey } = this;
    if (this.#isChangeTold || publicKey === null || equalBytes(publicKey, greeting.publicKey)) return;
    this.#isChangeTold = true;
    this.#raise("module-peer-changed", "its greeting names another public key than the one that counts");
  }

  /** A block that was signed with this key has been accepted: from now on no other one counts. */
  pin(publicKey: Uint8Array): void {
    if (this.#source === "as-told" && this.#memory.pinnedPeer === null) this.#memory.pinPeer(publicKey);
  }
}
