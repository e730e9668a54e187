/**
 * SPD and SAD entries, checked: every leaf of RFC 9061 in canonical form, as JSON with the module's names (RFC 7951), and
 * no key. What was not said is not there: the module's defaults count for it (defaults.ts).
 */
import { err, ok, type Result } from "../result.ts";
import type { Dialect } from "./algorithms.ts";
import { checkTree, type CheckedTree } from "./check-tree.ts";
import { type EntryFault, Findings } from "./faults.ts";
import { SAD_ENTRY, type SadEntry, SPD_ENTRY, type SpdEntry } from "./model.ts";
import { sadRules, spdRules } from "./rules.ts";
import type { Nodes } from "./yang.ts";

export type { Lifetime, SadEntry, SpdEntry, TrafficSelector } from "./model.ts";
export { canonicalSad, canonicalSpd } from "./defaults.ts";
export { type EntryFault, faultsText } from "./faults.ts";

export interface CheckedEntry<Entry> {
  readonly entry: Entry;
  /** With paths, as faults have them. */
  readonly warnings: readonly string[];
}

/** Of keys that an entry brought along and that were dropped: how long keys are to be. */
export interface DroppedKeys {
  readonly encryptionBytes: number | null;
  readonly integrityBytes: number | null;
}
export const NO_KEYS: DroppedKeys = { encryptionBytes: null, integrityBytes: null };

export interface CheckedSadEntry extends CheckedEntry<SadEntry> {
  readonly dropped: DroppedKeys;
  /** Did a key or an IV stand in it, of whatever form? It went no further: keys are made by the two agents. */
  readonly hadKeys: boolean;
}

type Rules<Entry> = (entry: Entry, findings: Findings, dialect: Dialect) => Entry;

function checked<Entry>(
  nodes: Nodes,
  rules: Rules<Entry>,
  { raw, what, dialect }: { readonly raw: unknown; readonly what: string; readonly dialect: Dialect },
): Result<CheckedEntry<Entry> & Pick<CheckedTree, "secrets">, readonly EntryFault[]> {
  const { tree, root, faults, warnings, secrets } = checkTree(nodes, raw, what);
  if (faults.length > 0) return err(faults);
  const findings = new Findings(root);
  const entry = rules(tree as Entry, findings, dialect);
  if (findings.faults.length > 0) return err(findings.faults);
  return ok({ entry, warnings: [...warnings, ...findings.warnings], secrets });
}

/** @param raw what JSON or XML has under `spd-entry` */
export function checkSpdEntry(raw: unknown, dialect: Dialect): Result<CheckedEntry<SpdEntry>, readonly EntryFault[]> {
  const result = checked(SPD_ENTRY, spdRules, { raw, what: "spd-entry", dialect });
  return result.ok ? ok({ entry: result.value.entry, warnings: result.value.warnings }) : result;
}

/** @param raw what JSON or XML has under `sad-entry` */
export function checkSadEntry(raw: unknown, dialect: Dialect): Result<CheckedSadEntry, readonly EntryFault[]> {
  const result = checked(SAD_ENTRY, sadRules, { raw, what: "sad-entry", dialect });
  if (!result.ok) return result;
  const { entry, warnings, secrets } = result.value;
  const bytesOf = (part: string) => secrets.get(`ipsec-sa-config/esp-sa/${part}/key`) ?? null;
  const dropped = { encryptionBytes: bytesOf("encryption"), integrityBytes: bytesOf("integrity") };
  return ok({ entry, warnings, dropped, hadKeys: secrets.size > 0 });
}
