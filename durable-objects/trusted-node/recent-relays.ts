/** The relays that this node has begun of late, path by path: in memory, for who watches. */
import { LIMITS } from "../../shared/limits.ts";
import type { RecentRelay } from "../../shared/relay/node-status.ts";
import type { RelayTerms } from "../../shared/relay/types.ts";
import type { WalkTrouble } from "../../shared/relay/walk.ts";

export class RecentRelays {
  /** The oldest first. */
  readonly #relays = new Map<string, RecentRelay>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @returns to be told how it has ended; null: well */
  begin({ relay, path, share: [index], bytes }: RelayTerms): (trouble: WalkTrouble | null) => void {
    const id = `${relay}/${index}`;
    const begun: RecentRelay = { id, path, bytes, beganMs: this.#nowMs(), endedMs: null, trouble: null };
    this.#relays.set(id, begun);
    for (const oldest of this.#relays.keys()) {
      if (this.#relays.size <= LIMITS.relaysRemembered) break;
      this.#relays.delete(oldest);
    }
    return (trouble) => {
      if (this.#relays.has(id)) this.#relays.set(id, { ...begun, endedMs: this.#nowMs(), trouble });
    };
  }

  /** The latest first. */
  list(): readonly RecentRelay[] {
    return [...this.#relays.values()].toReversed();
  }
}
