/** What the Monitor has said so far: a view, and the updates since. */
import type { MonitorKind, MonitorUpdate, MonitorView } from "../../shared/api/monitor-schemas.ts";
import { byId } from "./order.ts";
import { byUrgency } from "./alarms.ts";
import { MONITOR } from "../../shared/limits-monitor.ts";

interface Entity {
  readonly id: string;
}

/** Each kind in the order it is shown in. */
const ORDER: {
  readonly [Kind in MonitorKind]: (a: MonitorView[Kind][number], b: MonitorView[Kind][number]) => number;
} = {
  nodes: byId,
  links: byId,
  pairs: byId,
  sites: byId,
  relays: (a, b) => b.at.localeCompare(a.at) || byId(a, b),
  streams: byId,
  alarms: byUrgency,
  operations: byId,
  audit: (a, b) => a.at.localeCompare(b.at) || byId(a, b),
};

/** Of what comes and goes by itself no more is kept than the Monitor itself tells of. */
const NEWEST: { readonly [Kind in MonitorKind]?: (entities: MonitorView[Kind]) => MonitorView[Kind] } = {
  relays: (relays) => relays.slice(0, MONITOR.monitorRelays),
  audit: (records) => records.slice(-MONITOR.monitorAuditRecords),
};

const KINDS = Object.keys(ORDER) as readonly MonitorKind[];

function arranged<Kind extends MonitorKind>(kind: Kind, entities: readonly MonitorView[Kind][number][]) {
  const sorted = entities.toSorted(ORDER[kind]) as MonitorView[Kind];
  return NEWEST[kind]?.(sorted) ?? sorted;
}

/** The view in the dashboard's order. */
export const ordered = (view: MonitorView): MonitorView => ({
  ...view,
  ...Object.fromEntries(KINDS.map((kind) => [kind, arranged(kind, view[kind])])),
});

/** The view after an update: what it does not name stays the very same object, and a kind of which it names none the same list. */
export function updated(view: MonitorView, update: MonitorUpdate): MonitorView {
  const { at, sequence, document_version, name, period_ms, set, gone } = update;
  const merged = (kind: MonitorKind): MonitorView[MonitorKind] => {
    const [put, left]: [readonly Entity[], readonly string[]] = [set[kind] ?? [], gone[kind] ?? []];
    if (put.length === 0 && left.length === 0) return view[kind];
    const kept = new Map<string, Entity>(view[kind].map((entity) => [entity.id, entity]));
    for (const id of left) kept.delete(id);
    for (const entity of put) kept.set(entity.id, entity);
    return arranged(kind, [...kept.values()] as MonitorView[MonitorKind]);
  };
  const lists = Object.fromEntries(KINDS.map((kind) => [kind, merged(kind)]));
  return { ...view, at, sequence, document_version, name, period_ms, ...lists };
}
