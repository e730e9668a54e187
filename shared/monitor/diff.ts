/** What has changed between two views. */
import { MONITOR_KINDS, type MonitorKind, type MonitorUpdate, type MonitorView } from "../api/monitor-schemas.ts";

type Entity = MonitorView[MonitorKind][number];

/** The view with the objects of the one before for all that is the same: so whoever compares, compares objects. */
export function settled(before: MonitorView | null, view: MonitorView): MonitorView {
  if (before === null) return view;
  const lists = MONITOR_KINDS.map((kind) => {
    const known = byId<Entity>(before[kind]);
    return [kind, view[kind].map((entity) => sameOf(known.get(entity.id), entity))] as const;
  });
  return { ...view, ...Object.fromEntries(lists) };
}

const sameOf = (before: Entity | undefined, entity: Entity): Entity =>
  before !== undefined && textOf(before) === textOf(entity) ? before : entity;

/** Each is compared with the one before and with the one after: written down once. */
const texts = new WeakMap<Entity, string>();
function textOf(entity: Entity): string {
  const text = texts.get(entity) ?? JSON.stringify(entity);
  texts.set(entity, text);
  return text;
}

export type Changes = Pick<MonitorUpdate, "set" | "gone">;

/** @param to settled on `from`, or on a view between */
export function changesOf(from: MonitorView, to: MonitorView): Changes {
  const set: Record<string, readonly Entity[]> = {};
  const gone: Record<string, readonly string[]> = {};
  for (const kind of MONITOR_KINDS) {
    if (from[kind] === to[kind]) continue;
    const before = byId<Entity>(from[kind]);
    const changed = to[kind].filter((entity) => before.get(entity.id) !== entity);
    if (changed.length > 0) set[kind] = changed;
    for (const { id } of to[kind]) before.delete(id);
    if (before.size > 0) gone[kind] = [...before.keys()];
  }
  return { set, gone };
}

export const isNothing = ({ set, gone }: Changes): boolean =>
  Object.keys(set).length === 0 && Object.keys(gone).length === 0;

const byId = <E extends Entity>(entities: readonly E[]): Map<string, E> =>
  new Map(entities.map((entity) => [entity.id, entity]));
