/** What the Monitor has said so far: a view, and the updates since. */
import type { MonitorKind, MonitorUpdate, MonitorView } from "../../shared/api/monitor-schemas.ts";
import { byId } from "./order.ts";
import { byUrgency } from "./alarms.ts";

/** Of what comes and goes by itself no more is kept than this; the Monitor's own bounds are no wider. */
const MOST = { relays: 64, audit: 100 } as const;

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

/** The view in the dashboard's order. */
export function ordered(view: MonitorView): MonitorView {
  return {
    ...view,
    nodes: view.nodes.toSorted(ORDER.nodes),
    links: view.links.toSorted(ORDER.links),
    pairs: view.pairs.toSorted(ORDER.pairs),
    sites: view.sites.toSorted(ORDER.sites),
    relays: view.relays.toSorted(ORDER.relays).slice(0, MOST.relays),
    streams: view.streams.toSorted(ORDER.streams),
    alarms: view.alarms.toSorted(ORDER.alarms),
    operations: view.operations.toSorted(ORDER.operations),
    audit: view.audit.toSorted(ORDER.audit).slice(-MOST.audit),
  };
}

/** The view after an update: what it does not name stays the very same object. */
export function updated(view: MonitorView, update: MonitorUpdate): MonitorView {
  const { at, sequence, document_version, name, period_ms, set, gone } = update;
  const merged = <Kind extends MonitorKind>(kind: Kind): MonitorView[Kind] => {
    const [put, left]: [readonly Entity[], readonly string[]] = [set[kind] ?? [], gone[kind] ?? []];
    const before: readonly Entity[] = view[kind];
    if (put.length === 0 && left.length === 0) return view[kind];
    const kept = new Map(before.map((entity) => [entity.id, entity]));
    for (const id of left) kept.delete(id);
    for (const entity of put) kept.set(entity.id, entity);
    return [...kept.values()] as MonitorView[Kind];
  };
  const next: MonitorView = {
    at,
    sequence,
    document_version,
    name,
    period_ms,
    nodes: merged("nodes"),
    links: merged("links"),
    pairs: merged("pairs"),
    sites: merged("sites"),
    relays: merged("relays"),
    streams: merged("streams"),
    alarms: merged("alarms"),
    operations: merged("operations"),
    audit: merged("audit"),
  };
  return ordered(next);
}
