/** How long after a rekey that failed the next one begins. */
import { LIMITS } from "../../shared/limits.ts";

/** @param failures in a row, before this one */
export const failurePauseMs = (failures: number): number =>
  Math.min(LIMITS.ipsecRekeyAgainMs * 2 ** Math.min(failures, 10), LIMITS.ipsecRekeyAgainMaxMs);
