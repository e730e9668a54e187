/** When the next block may begin, and what is to be said of one that ended. */
import { LIMITS } from "../limits.ts";
import type { ModuleAlarmCode } from "./alarms.ts";
import type { ModuleNews, ModuleReport } from "./status.ts";

/** Reasons of an aborted block that are alarms of their own. */
const OWN_ALARMS = ["qber-above-bound", "authentication-failed"] as const satisfies readonly ModuleAlarmCode[];

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

function inWords({ block, reason, qberX, qberZ }: ModuleReport): string {
  const qber = qberX ?? qberZ;
  return `block ${block}: ${reason}${qber === null ? "" : `, QBER ${percent(qber)}`}`;
}

export class Pace {
  #failures = 0;
  #nextMs = 0;

  get nextMs(): number {
    return this.#nextMs;
  }

  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  /** Other settings: at once, whatever was before. */
  begin(): void {
    this.#failures = 0;
    this.#nextMs = 0;
  }

  /** A block's pulses take their time; after one that failed there is a pause besides. */
  ended(report: ModuleReport): ModuleNews[] {
    const { outcome, endedMs, elapsedMs, runMs } = report;
    const isGood = outcome === "released";
    this.#failures = isGood ? 0 : this.#failures + 1;
    const pauseMs = isGood
      ? 0
      : Math.min(LIMITS.moduleLongPauseMs, LIMITS.modulePauseMs * 2 ** Math.min(16, this.#failures - 1));
    this.#nextMs = Math.max(endedMs + pauseMs, endedMs - elapsedMs + (report.sim === "bb84" ? runMs : 0));
    if (isGood) return [{ kind: "clear", code: "module-no-key" }];
    const news: ModuleNews[] = [];
    const own = OWN_ALARMS.find((code) => report.alarm && code === report.reason);
    const detail = inWords(report);
    if (own !== undefined) news.push({ kind: "raise", code: own, detail });
    if (this.#failures >= LIMITS.moduleFailures) {
      news.push({ kind: "raise", code: "module-no-key", detail: `${this.#failures} blocks in a row; ${detail}` });
    }
    return news;
  }
}
