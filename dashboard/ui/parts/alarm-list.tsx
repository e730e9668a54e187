import { useState } from "preact/hooks";
import type { MonitorAlarm } from "../../../shared/api/monitor-schemas.ts";
import { dayOf } from "../../browser/clock.ts";
import { type AlarmObject, byObject, isStanding } from "../../core/alarms.ts";
import { ago, duration } from "../../core/figures.ts";
import { hashOf } from "../../core/route.ts";
import { useNow } from "../use-now.ts";
import { AlarmActions } from "./alarm-actions.tsx";

/** Where what an alarm is of is shown. */
const PAGE = { link: "links", pair: "pairs", node: "nodes", ipsec: "nodes", site: "sites" } as const;

const ObjectLink = ({ of: { kind, id } }: { readonly of: AlarmObject }) =>
  kind === "deployment" ? <>the deployment</> : <a href={hashOf({ page: PAGE[kind], id })}>{id}</a>;

interface Props {
  readonly alarms: readonly MonitorAlarm[];
  /** Without what can be done about them. */
  readonly isShort?: boolean;
  /** Of one object together, to be folded away. */
  readonly isGrouped?: boolean;
}

export function AlarmList({ alarms, isShort = false, isGrouped = false }: Props) {
  const nowMs = useNow();
  if (!isGrouped) return <Rows alarms={alarms} isShort={isShort} nowMs={nowMs} />;
  return (
    <>
      {byObject(alarms).map(({ of: { kind, id }, alarms: group }) => (
        <details key={`${kind}/${id}`} class="alarm-group" open>
          <summary>
            {KIND[kind]} {kind === "deployment" ? "the deployment" : id}
            <span class="quiet">{group.length === 1 ? "" : ` · ${group.length} alarms`}</span>
          </summary>
          <Rows alarms={group} isShort={isShort} nowMs={nowMs} />
        </details>
      ))}
    </>
  );
}

interface RowsProps {
  readonly alarms: readonly MonitorAlarm[];
  readonly isShort: boolean;
  readonly nowMs: number;
}

function Rows({ alarms, isShort, nowMs }: RowsProps) {
  return (
    <ul class={`alarms ${isShort ? "short" : ""}`}>
      {alarms.map((alarm) => (
        <Alarm key={alarm.id} alarm={alarm} isShort={isShort} nowMs={nowMs} />
      ))}
    </ul>
  );
}

function Alarm({ alarm, isShort, nowMs }: Omit<RowsProps, "alarms"> & { readonly alarm: MonitorAlarm }) {
  const [fault, setFault] = useState<string | null>(null);
  const { severity, meaning, of, subject, detail, first, last, count, cleared, acknowledged } = alarm;
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(first)) / 1000));
  return (
    <li class={`alarm ${severity} ${isStanding(alarm) ? "standing" : "cleared"}`}>
      <span class={`severity ${severity}`}>{severity}</span>
      <div class="what">
        <p class="meaning">{meaning}</p>
        <p class="of">
          {KIND[of.kind]} <ObjectLink of={of} />
          {subject !== of.id && subject !== "" && <> · {subject}</>} · <code>{alarm.code}</code>
        </p>
        {!isShort && detail !== "" && <p class="detail">{detail}</p>}
        <p class="since">
          {cleared === null ? (
            <>
              <time dateTime={first} title={dayOf(first)}>
                for {duration(seconds)}
              </time>
              {count > 1 && ` · ${count} times, last ${ago(last, nowMs)}`}
            </>
          ) : (
            <time dateTime={cleared}>cleared {ago(cleared, nowMs)}</time>
          )}
          {acknowledged !== null && (
            <>
              {" · "}acknowledged by {acknowledged.by}
              {acknowledged.note !== "" && <>: “{acknowledged.note}”</>}
            </>
          )}
        </p>
        {fault !== null && (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
      </div>
      {!isShort && isStanding(alarm) && <AlarmActions alarm={alarm} onFault={setFault} />}
    </li>
  );
}

const KIND: Readonly<Record<AlarmObject["kind"], string>> = {
  link: "Link",
  pair: "Pair",
  node: "Node",
  ipsec: "IPsec host of",
  site: "Site",
  deployment: "Of",
};
