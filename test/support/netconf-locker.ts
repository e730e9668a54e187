/** For tests: somebody else who holds the lock of a NETCONF server's configuration. */
import type { NetconfConfig } from "../../tunnel/services/netconf/config.ts";
import { NetconfLink } from "../../tunnel/services/netconf/link.ts";
import { takeLock } from "../../tunnel/services/netconf/transaction.ts";

/** @returns ends it */
export async function lockedBySomebody(config: NetconfConfig): Promise<() => Promise<void>> {
  const link = new NetconfLink(config, () => undefined);
  const session = await link.session();
  if (!session.ok) throw new Error(session.error.message);
  const denied = await takeLock(session.value, link.signal);
  if (denied !== null) throw new Error(denied.message);
  return () => link.close();
}
