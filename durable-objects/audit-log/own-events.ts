/** What a log tells of itself, and of those who have no outbox: events of sources of its own, numbered like any other. */
import type { AuditEvent } from "../../shared/audit/event.ts";
import type { Head } from "./runs.ts";
import type { AuditStore } from "./store.ts";

export type OwnSource = "audit-log" | "audit-retention";

export type OwnEvent = Pick<AuditEvent, "act" | "detail"> & Partial<Pick<AuditEvent, "who" | "atMs">>;

/** Inside a transaction. @returns the end of the chain then */
export function appendOwn(
  store: AuditStore,
  { node, source, nowMs }: { readonly node: string; readonly source: OwnSource; readonly nowMs: number },
  events: readonly OwnEvent[],
): Head {
  const firstSeq = store.lastSeq(source) + 1;
  const numbered = events.map(({ act, detail, who = "system", atMs = nowMs }, at) => ({
    seq: firstSeq + at,
    event: { atMs, act, who, node, detail },
  }));
  store.setLastSeq(source, firstSeq + events.length - 1);
  return store.append(source, numbered);
}
