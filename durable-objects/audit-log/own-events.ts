/** What a log tells of itself, and of those who have no outbox: events of sources of its own, numbered like any other. */
import type { AuditEvent } from "../../shared/audit/event.ts";
import type { AuditStore } from "./store.ts";

export type OwnSource = "audit-log" | "audit-retention";

export type OwnEvent = Pick<AuditEvent, "act" | "detail"> & Partial<Pick<AuditEvent, "who" | "atMs">>;

/** Inside a transaction. */
export function appendOwn(
  store: AuditStore,
  { node, source, nowMs }: { readonly node: string; readonly source: OwnSource; readonly nowMs: number },
  events: readonly OwnEvent[],
): void {
  const firstSeq = store.lastSeq(source) + 1;
  const numbered = events.map(({ act, detail, who = "system", atMs = nowMs }, at) => ({
    seq: firstSeq + at,
    event: { atMs, act, who, node, detail },
  }));
  store.append(source, numbered);
  store.setLastSeq(source, firstSeq + events.length - 1);
}
