import { useState } from "preact/hooks";
import type { MonitorAlarm } from "../../../shared/api/monitor-schemas.ts";
import { isStanding } from "../../core/alarms.ts";
import { AlarmList } from "../parts/alarm-list.tsx";
import { Few } from "../parts/few.tsx";
import { Nothing, Panel } from "../parts/panel.tsx";
import { useSurroundings } from "../surroundings.ts";
import { useAnswer } from "../use-answer.ts";

const SHOWN = {
  open: { name: "Open", of: (alarm: MonitorAlarm) => isStanding(alarm) && alarm.acknowledged === null },
  acknowledged: { name: "Acknowledged", of: (alarm: MonitorAlarm) => isStanding(alarm) && alarm.acknowledged !== null },
  cleared: { name: "Cleared", of: (alarm: MonitorAlarm) => !isStanding(alarm) },
} as const;
type Shown = keyof typeof SHOWN;

interface Cleared {
  readonly alarms: readonly MonitorAlarm[];
}

export function AlarmsPage() {
  const standing = useSurroundings().view.alarms.filter(isStanding);
  // The view has those that stand. Which these are changes with each that is cleared.
  const cleared = useAnswer<Cleared>("/api/v1/alarms?state=cleared", standing.map(({ id }) => id).join());
  const alarms = [...standing, ...(cleared?.ok === true ? cleared.value.alarms : [])];
  const [shown, setShown] = useState<Shown>("open");
  const list = alarms.filter(SHOWN[shown].of);
  return (
    <>
      <h1>Alarms</h1>
      <Panel
        title={SHOWN[shown].name}
        aside={
          <div class="ranges" role="group" aria-label="Which alarms">
            {(Object.keys(SHOWN) as Shown[]).map((each) => (
              <button key={each} type="button" aria-pressed={each === shown} onClick={() => setShown(each)}>
                {SHOWN[each].name} {alarms.filter(SHOWN[each].of).length}
              </button>
            ))}
          </div>
        }
      >
        {shown === "cleared" && cleared?.ok === false && <p class="fault">{cleared.message}</p>}
        {list.length === 0 ? (
          <Nothing>{shown === "open" ? "Nothing needs to be looked at." : "There are none."}</Nothing>
        ) : (
          <Few items={list} at={50}>
            {(some) => <AlarmList alarms={some} isGrouped />}
          </Few>
        )}
      </Panel>
      <p class="hint">
        An alarm whose cause is gone clears itself, or, where it tells of something that has happened, once somebody has
        looked into it and clears it. To acknowledge it says that somebody has seen it.
      </p>
    </>
  );
}
