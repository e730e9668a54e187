/** The handshake: each end says who it is, and what it still waits to hear. */
import { fromHex, toHex } from "../bytes/hex.ts";
import { LIMITS } from "../limits.ts";
import { type ModuleParts, PUBLIC_KEY_BYTES } from "./parts.ts";
import type { ModuleNews, ModuleReport, ModuleRole } from "./status.ts";
import { type Sync, syncMessage } from "./wire.ts";

export interface GreetingOptions {
  readonly role: ModuleRole;
  readonly link: string;
  readonly parts: ModuleParts;
  readonly news: (news: ModuleNews) => void;
}

/** Settings reach the two ends one after the other: that they disagree for a moment is nothing. */
const MISMATCHES = 3;

export class Greeting {
  readonly #options: GreetingOptions;
  #done = false;
  #mismatches = 0;
  /** When this end greeted and has not been answered since. */
  #greetedMs: number | null = null;
  #sinceMs: number | null = null;
  #isSilenceTold = false;
  /** Whether the other end has been told how much authentication key there is. */
  #isUpToDate = false;

  constructor(options: GreetingOptions) {
    this.#options = options;
  }

  get isDone(): boolean {
    return this.#done;
  }

  get isMismatched(): boolean {
    return this.#mismatches > 0;
  }

  /** Whether the other end has to be told that there is no authentication key left, before a block is signed. */
  get isOutdated(): boolean {
    return !this.#isUpToDate && this.#options.parts.memory.slots === 0;
  }

  /** A block has ended. With one that is released both ends have slots; a receiver who has no key may have another idea. */
  ended({ outcome, reason }: ModuleReport): void {
    if (outcome === "released") this.#options.parts.peer.hasGrownSlots();
    if (outcome === "released" || reason === "no-authentication-key") this.#isUpToDate = false;
  }

  /** When to greet again, not having been answered. */
  get againMs(): number {
    return this.#greetedMs === null ? 0 : this.#greetedMs + LIMITS.moduleSyncMs;
  }

  forget(): void {
    this.#done = false;
    this.#greetedMs = null;
  }

  greet(nowMs: number): void {
    this.#done = false;
    this.#greetedMs = nowMs;
    this.#sinceMs ??= nowMs;
    this.#tellSilence(nowMs - this.#sinceMs);
    this.#say(false);
  }

  /** Greets again, where there was no answer for long; or where the other end, not knowing better, talks of other things. */
  again(nowMs: number): void {
    if (nowMs >= this.againMs) this.greet(nowMs);
  }

  #tellSilence(silentMs: number): void {
    if (silentMs < LIMITS.moduleSilentAlarmMs || this.#isSilenceTold || this.isMismatched) return;
    this.#isSilenceTold = true;
    const detail = `not heard for ${Math.floor(silentMs / 1000)} s`;
    this.#options.news({ kind: "raise", code: "module-peer-silent", detail });
  }

  /** @returns whether the two ends understand each other */
  hear(sync: Sync, nowMs: number): boolean {
    const { parts, news } = this.#options;
    if (!sync.answer) this.#say(true);
    const problem = this.#problemOf(sync);
    if (problem !== null) {
      this.#done = false;
      this.#greetedMs = nowMs;
      if (++this.#mismatches >= MISMATCHES) news({ kind: "raise", code: "module-mismatch", detail: problem });
      return false;
    }
    parts.peer.greeted({ publicKey: fromHex(sync.public_key) as Uint8Array, last: sync.last, slots: sync.slots });
    this.#done = true;
    this.#mismatches = 0;
    this.#isSilenceTold = false;
    this.#sinceMs = this.#greetedMs = null;
    news({ kind: "clear", code: "module-peer-silent" });
    news({ kind: "clear", code: "module-mismatch" });
    return true;
  }

  #problemOf({ link, role, sim, last, public_key: publicKey }: Sync): string | null {
    const own = this.#options;
    const ownSim = own.parts.settings().sim;
    const ownLast = own.parts.memory.last;
    if (link !== own.link) return `the other end's link is ${link}, this one's ${own.link}`;
    if (role === own.role) return `both ends are the ${role}`;
    if (sim !== ownSim) return `the other end simulates ${sim}, this one ${ownSim}`;
    if (own.role === "sender" && last > ownLast + LIMITS.moduleBlockJump) {
      return `the other end's last block is ${last}, far beyond this one's, ${ownLast}`;
    }
    return publicKey.length === 2 * PUBLIC_KEY_BYTES ? null : "the other end signs with other parameters";
  }

  #say(answer: boolean): void {
    const { parts, link, role } = this.#options;
    const { memory } = parts;
    this.#isUpToDate = true;
    parts.say(
      syncMessage({
        link,
        role,
        sim: parts.settings().sim,
        last: memory.last,
        unsettled: memory.unsettled.slice(0, LIMITS.moduleUnsettled),
        slots: memory.slots,
        public_key: toHex(memory.signing.publicKey),
        answer,
      }),
    );
  }
}
