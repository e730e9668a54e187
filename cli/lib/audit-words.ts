/** Records of audit logs in words. */
import { oneLine } from "./text.ts";

/** `12 2026-01-01T00:00:00.000Z keys.enc sae:sae-a keys=1 size_bits=256`: what is said first, and the detail's members. */
export function recordInWords(said: readonly (string | number)[], detail: object): string {
  const members = Object.entries(detail).map(([name, value]) => `${name}=${String(value)}`);
  return oneLine([...said, ...members].join(" "));
}
