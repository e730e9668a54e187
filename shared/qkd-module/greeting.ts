/** The handshake: each end says who it is, and what it still waits to hear. */
import { fromHex, toHex } from "../bytes/hex.ts";
import { LIMITS } from "../limits.ts";
import { type ModuleParts, PUBLIC_KEY_BYTES } from "./parts.ts";
import type { ModuleNews, ModuleRole } from "./status.ts";
import { type Sync, syncMessage } from "./wire.ts";

export interface GreetingOptions {
  readonly role: ModuleRole;
  readonly link: string;
  readonly peerPublicKey: Uint8Array | "as-told";
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
  #peerPublicKey: Uint8Array | null = null;

  constructor(options: GreetingOptions) {
    this.#options = options;
    if (options.peerPublicKey !== "as-told") this.#peerPublicKey = options.peerPublicKey;
  }

  get isDone(): boolean {
    return this.#done;
  }

  get isMismatched(): boolean {
    return this.#mismatches > 0;
  }

  get peerPublicKey(): Uint8Array | null {
    return this.#peerPublicKey;
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
    const { parts, news, peerPublicKey } = this.#options;
    if (!sync.answer) this.#say(true);
    const problem = this.#problemOf(sync);
    if (problem !== null) {
      this.#done = false;
      this.#greetedMs = nowMs;
      if (++this.#mismatches >= MISMATCHES) news({ kind: "raise", code: "module-mismatch", detail: problem });
      return false;
    }
    if (peerPublicKey === "as-told") this.#peerPublicKey = fromHex(sync.public_key);
    parts.memory.use(sync.last);
    this.#done = true;
    this.#mismatches = 0;
    this.#isSilenceTold = false;
    this.#sinceMs = this.#greetedMs = null;
    news({ kind: "clear", code: "module-peer-silent" });
    news({ kind: "clear", code: "module-mismatch" });
    return true;
  }

  #problemOf({ link, role, sim, public_key: publicKey }: Sync): string | null {
    const own = this.#options;
    const ownSim = own.parts.settings().sim;
    if (link !== own.link) return `the other end's link is ${link}, this one's ${own.link}`;
    if (role === own.role) return `both ends are the ${role}`;
    if (sim !== ownSim) return `the other end simulates ${sim}, this one ${ownSim}`;
    return publicKey.length === 2 * PUBLIC_KEY_BYTES ? null : "the other end signs with other parameters";
  }

  #say(answer: boolean): void {
    const { parts, link, role } = this.#options;
    const { memory } = parts;
    parts.say(
      syncMessage({
        link,
        role,
        sim: parts.settings().sim,
        last: memory.last,
        unsettled: memory.unsettled.slice(0, LIMITS.moduleUnsettled),
        public_key: toHex(memory.signing.publicKey),
        answer,
      }),
    );
  }
}
