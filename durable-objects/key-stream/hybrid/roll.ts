/**
 * A new epoch of the keys at rest: KEM secrets that are sealed in older ones are put under its key, so that the older
 * keys can be destroyed, and with them all that copies of this storage still hold.
 */
import { fail } from "../../../shared/errors/errors.ts";
import type { StreamResult } from "../../../shared/etsi004/types.ts";
import type { EpochStep } from "../../../shared/keypool/types.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { ok } from "../../../shared/result.ts";
import type { HybridSealing } from "./sealing.ts";
import type { HybridStore } from "./store.ts";

/** One bounded step. What lies under a key that is gone cannot be read any more, and goes. */
export async function rollStep(
  { commit }: { readonly commit: (write: () => void) => Promise<void> },
  store: HybridStore,
  sealing: HybridSealing,
  epoch: number,
): StreamResult<EpochStep> {
  if (!(await sealing.enter(epoch))) return fail("unavailable", `the key of epoch ${epoch} is not there`);
  for (const older of store.epochsBefore(epoch)) await sealing.readyToOpen(older);
  let remaining = false;
  await commit(() => {
    const rows = store.sealedBefore(epoch, LIMITS.hybridRenewedRows + 1);
    remaining = rows.length > LIMITS.hybridRenewedRows;
    for (const row of rows.slice(0, LIMITS.hybridRenewedRows)) {
      const { secrets } = row;
      if (sealing.canOpen(secrets.epoch)) store.put({ ...row, secrets: sealing.current(secrets) });
      else store.lose(row);
    }
  });
  if (!remaining) sealing.leaveBehind(epoch);
  return ok({ remaining });
}
