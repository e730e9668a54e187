/** The `details` of an error answer, one line each. */
import { isRecord } from "../../shared/records.ts";

/** `  /links/0/nodes/1: no node has the id tn-9`; other details as `  name: value`. */
export function describeFaults(details: readonly unknown[]): string[] {
  return details.map((detail) => {
    if (!isRecord(detail)) return `  ${JSON.stringify(detail)}`;
    const { pointer, message } = detail;
    if (typeof pointer === "string" && typeof message === "string") {
      return `  ${pointer === "" ? "(document)" : pointer}: ${message}`;
    }
    return `  ${Object.entries(detail)
      .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
      .join(", ")}`;
  });
}
