/** The key length by whichever analysis fits the number of intensities. */
import type { KeyLengthSettings } from "./finite-terms.ts";
import { secretLengthOneDecoy } from "./one-decoy.ts";
import type { CorrectedCounts, SecretLength } from "./photon-statistics.ts";
import { secretLengthTwoDecoy } from "./two-decoy.ts";

/**
 * Two intensities: one decoy; three: two decoys.
 * @throws RangeError for settings or counts out of their domain
 */
export const secretLength = (counts: CorrectedCounts, settings: KeyLengthSettings): SecretLength =>
  settings.intensities.length === 2 ? secretLengthOneDecoy(counts, settings) : secretLengthTwoDecoy(counts, settings);
