/** Answers of the routes of IPsec hosts. */
import type * as v from "valibot";
import type { BatchSchema, EntryReportSchema, IpsecStatusSchema } from "../../shared/api/ipsec-schemas.ts";
import { instant } from "../../shared/instant.ts";
import { PROXY_ALARMS } from "../../shared/ipsec/alarms.ts";
import type { Batch, EntryReport, ProxyAgentStatus } from "../../shared/ipsec/types.ts";

function entryBody({ installedMs, rekeyMs, ...entry }: EntryReport): v.InferInput<typeof EntryReportSchema> {
  const { warnings, sources, dropped, ...plain } = entry;
  return {
    ...plain,
    ...(warnings === undefined ? {} : { warnings: [...warnings] }),
    ...(sources === undefined ? {} : { sources: [...sources] }),
    ...(dropped === undefined ? {} : { dropped: [...dropped] }),
    ...(installedMs === undefined ? {} : { installed: instant(installedMs) }),
    ...(rekeyMs === undefined ? {} : { rekey: instant(rekeyMs) }),
  };
}

export function batchBody(
  { id, done, entries }: Batch,
  warnings: readonly string[] = [],
): v.InferInput<typeof BatchSchema> {
  const body = { STATUS: "OK", batch: id, done, entries: entries.map((entry) => entryBody(entry)) } as const;
  return warnings.length === 0 ? body : { ...body, warnings: [...warnings] };
}

export function statusBody(status: ProxyAgentStatus): v.InferInput<typeof IpsecStatusSchema> {
  return {
    node: status.node,
    entries: status.entries.map((entry) => entryBody(entry)),
    settings: status.settings.map(({ endpoints, ...settings }) => ({ endpoints: [...endpoints], ...settings })),
    rekeys: status.rekeys.map(({ sinceMs, ...rekey }) => ({ ...rekey, since: instant(sinceMs) })),
    notifications: status.notifications.map(({ atMs, notification }) => ({
      at: instant(atMs),
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was taken in, which the schema has checked
      notification: notification as v.InferInput<typeof IpsecStatusSchema>["notifications"][number]["notification"],
    })),
    alarms: status.alarms.map(({ firstMs, lastMs, ...alarm }) => ({
      ...alarm,
      meaning: PROXY_ALARMS[alarm.code],
      first: instant(firstMs),
      last: instant(lastMs),
    })),
  };
}
