/** Faults of a document, at the fields of the form whose entry they are about. */
import type { PointerFault } from "../../shared/network/directory-types.ts";

export const isPointerFault = (detail: unknown): detail is PointerFault =>
  typeof detail === "object" &&
  detail !== null &&
  "pointer" in detail &&
  "message" in detail &&
  typeof detail.pointer === "string" &&
  typeof detail.message === "string";

export interface FieldFaults {
  /** Member of the entry, `key_rate_bps`, -> what is wrong with it, or in it. */
  readonly fields: Readonly<Record<string, string>>;
  /** About the entry as a whole, or about something else. */
  readonly others: readonly string[];
}

/** @param entry pointer of the form's entry: `/links/3` */
export function fieldFaults(faults: readonly PointerFault[], entry: string): FieldFaults {
  const fields: Record<string, string> = {};
  const others: string[] = [];
  for (const { pointer, message } of faults) {
    const [member = ""] = pointer.startsWith(`${entry}/`) ? pointer.slice(entry.length + 1).split("/", 1) : [];
    if (member !== "") fields[member] ??= message;
    else others.push(pointer === entry ? message : `${pointer}: ${message}`);
  }
  return { fields, others };
}
