/** What NETCONF alone takes: the same entries, with keys made up here, put into a host by the client that agents have. */
import { randomBytes } from "node:crypto";
import type { Entry } from "../../../examples/ipsec/controller.ts";
import { GCM_256, GCM_256_BYTES } from "../../../test/support/ipsec-hosts.ts";
import { readEntries } from "../../../shared/ipsec/read-entries.ts";
import type { Dialect } from "../../../shared/ipsec/algorithms.ts";
import { keyed, policy, removal } from "../../../tunnel/services/ipsec/entry-changes.ts";
import type { Change, NetconfHost } from "../../../tunnel/services/netconf/netconf-host.ts";

const DIALECT: Dialect = { registry: "iana", compat: "none" };

/** In one edit, which is then taken back. @returns how long the edit took, in ms */
export async function directly(host: NetconfHost, entries: readonly Entry[]): Promise<number> {
  const changes = changesOf(entries);
  const removals = changes.map(({ entry }) => removal(entry));
  const startMs = performance.now();
  const installed = await host.installAll(changes);
  const tookMs = performance.now() - startMs;
  const removed = await host.installAll(removals);
  for (const outcome of [installed, removed]) if (!outcome.ok) throw new Error(outcome.error.message);
  return tookMs;
}

function changesOf(entries: readonly Entry[]): readonly Change[] {
  const read = readEntries(Buffer.from(entries.map((entry) => JSON.stringify(entry)).join("")), DIALECT);
  if (!read.ok) throw new Error(read.error.message);
  return read.value.entries.map((posted) => {
    if (!("entry" in posted)) throw new Error(posted.problem);
    if (posted.kind === "spd") return policy(posted.entry);
    const laid = keyed(posted.entry, randomBytes(GCM_256_BYTES), GCM_256);
    if (!laid.ok) throw new Error(laid.error);
    return laid.value.change;
  });
}
