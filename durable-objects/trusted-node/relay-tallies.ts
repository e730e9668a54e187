/** How the relays of this node have fared since its object started: for its operators, so that they need not be stored. */
import type { ErrorCode, Fault } from "../../shared/errors/errors.ts";
import type { RelayCounts, RelayFigures } from "../../shared/relay/node-status.ts";
import type { WalkFailure, WalkTrouble } from "../../shared/relay/walk.ts";
import type { Result } from "../../shared/result.ts";

/** Of what is begun, and then is done or fails: by its code, of which there are few. */
class Tally {
  #begun = 0;
  #done = 0;
  readonly #failed: Partial<Record<ErrorCode, number>> = {};

  async count<T>(work: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
    this.#begun += 1;
    let failed: ErrorCode | null = "internal";
    try {
      const result = await work();
      failed = result.ok ? null : result.error.code;
      return result;
    } finally {
      if (failed === null) this.#done += 1;
      else this.#failed[failed] = (this.#failed[failed] ?? 0) + 1;
    }
  }

  counts(): RelayCounts {
    return { begun: this.#begun, done: this.#done, failed: { ...this.#failed } };
  }
}

export class RelayTallies {
  readonly keys = new Tally();
  readonly steps = new Tally();
  readonly #sinceMs: number;
  readonly #troubles: Partial<Record<WalkTrouble, number>> = {};

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Paths, whether or not another one then brought the key. */
  failed(failures: readonly WalkFailure[]): void {
    for (const { why } of failures) this.#troubles[why] = (this.#troubles[why] ?? 0) + 1;
  }

  figures(): RelayFigures {
    return {
      sinceMs: this.#sinceMs,
      keys: this.keys.counts(),
      troubles: { ...this.#troubles },
      steps: this.steps.counts(),
    };
  }
}
