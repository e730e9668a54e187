/** Faults of a document, at the fields of the form whose entry they are about. */
import type { NetworkDocument } from "../../shared/network/document.ts";
import type { PointerFault } from "../../shared/network/directory-types.ts";

export const isPointerFault = (detail: unknown): detail is PointerFault =>
  typeof detail === "object" &&
  detail !== null &&
  "pointer" in detail &&
  "message" in detail &&
  typeof detail.pointer === "string" &&
  typeof detail.message === "string";

/** What a message says of another entry, `/links/0`, by that entry's name. */
export const byName = (fault: PointerFault, { links, nodes, saes }: NetworkDocument): PointerFault => ({
  ...fault,
  message: fault.message.replaceAll(
    /\/(links|nodes|saes)\/(\d+)/g,
    (pointer, kind: string, at: string) => ({ links, nodes, saes })[kind]?.[Number(at)]?.id ?? pointer,
  ),
});

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
