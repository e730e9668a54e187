/** What the IPsec host told the agent of its SAs. */
import type { IpsecNotification } from "../../shared/ipsec/notification.ts";
import type { SadRow } from "./entry-store.ts";
import { rekeysItself } from "./lifetime.ts";
import type { Outcomes } from "./outcomes.ts";
import type { ProxyParts } from "./parts.ts";

/** Inside a transaction. */
export function hear(parts: ProxyParts, outcomes: Outcomes, notification: IpsecNotification): void {
  const { store, events, nowMs } = parts;
  store.notified(notification, nowMs());
  if (notification.kind !== "sadb-expire" && notification.kind !== "sadb-seq-overflow") return;
  const row = parts.entries.named("sad", notification.saName);
  if (row?.kind !== "sad" || row.state !== "installed") return;
  if (notification.kind === "sadb-seq-overflow") {
    events.raise("sequence-overflow", row.name, `SPI ${row.sa.spi} to ${row.sa.destinationPrefix}`, nowMs());
    anew(parts, row);
  } else if (notification.soft) anew(parts, row);
  else if (row.name === notification.saName && row.rekey === null) outcomes.expired(row);
}

/** At once, where that is to be done without being asked for. */
function anew({ entries, network, nowMs }: ProxyParts, row: SadRow): void {
  if (rekeysItself(row, network)) entries.setDue(row.id, nowMs(), row.failures);
}
