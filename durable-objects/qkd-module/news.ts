/** What a module's step tells: alarms stand, or stand no longer. */
import type { ModuleAlarmCode } from "../../shared/qkd-module/alarms.ts";
import type { ModuleNews } from "../../shared/qkd-module/status.ts";
import type { StandingAlarms } from "../storage/standing-alarms.ts";
import type { QkdModuleStore } from "./store.ts";

/** @param subject the end's node */
export function tellNews(
  store: QkdModuleStore,
  alarms: StandingAlarms<ModuleAlarmCode>,
  subject: string,
  news: readonly ModuleNews[],
): void {
  store.transaction(() => {
    for (const each of news) {
      const nowMs = Date.now();
      if (each.kind === "raise") alarms.raise(each.code, subject, each.detail, { nowMs });
      else if (each.kind === "clear") alarms.clear(each.code, subject, "system", nowMs);
    }
  });
}
