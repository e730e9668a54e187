/** Entries of `DELETE /ipsec-entries`: `{"sad-entry": {"name", "reqid"}}`; whatever else stands in them is passed over. */
import { isRecord } from "../records.ts";
import { err, ok, type Result } from "../result.ts";
import { checkTree } from "./check-tree.ts";
import type { EntryKind } from "./errand.ts";
import type { EntryFault } from "./faults.ts";
import { entryName, uint64 } from "./leaf-types.ts";
import { leaf, mandatory, type Tree } from "./yang.ts";

const DELETION = { name: mandatory(entryName), reqid: leaf(uint64, "0") } as const;

export interface Deletion {
  readonly kind: EntryKind;
  readonly name: string;
  readonly reqid: string;
}

export function checkDeletion(kind: EntryKind, raw: unknown): Result<Deletion, readonly EntryFault[]> {
  const named = isRecord(raw) ? Object.fromEntries(Object.entries(raw).filter(([name]) => name in DELETION)) : raw;
  const { tree, faults } = checkTree(DELETION, named, `${kind}-entry`);
  if (faults.length > 0) return err(faults);
  const { name, reqid = "0" } = tree as Tree<typeof DELETION>;
  return ok({ kind, name, reqid });
}
