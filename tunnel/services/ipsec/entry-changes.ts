/** Entries as the IPsec host takes them: XML of one entry, with its keys laid in. */
import type { KeyLayout } from "../../../shared/ipsec/errand.ts";
import { layKeys } from "../../../shared/ipsec/lay-keys.ts";
import { IKELESS_NAMESPACE, type SadEntry, type SpdEntry } from "../../../shared/ipsec/model.ts";
import { writeConfig, xmlText } from "../../../shared/ipsec/write-xml.ts";
import { ok, type Result } from "../../../shared/result.ts";
import type { Change, EntryRef } from "../netconf/netconf-host.ts";

/** What is to be done with it is said beside it, by the client. */
const RFC = { compat: "none" } as const;
const QUBIP = { compat: "qubip" } as const;

export const policy = (entry: SpdEntry): Change => ({
  entry: { kind: "spd", name: entry.name },
  operation: "create",
  config: writeConfig([{ operation: "merge", kind: "spd", entry }], RFC),
});

export interface KeyedChange {
  readonly change: Change;
  readonly notes: readonly string[];
}

/** @param key stays the caller's, to be wiped. @returns why it is none of this layout */
export function keyed(entry: SadEntry, key: Uint8Array, layout: KeyLayout): Result<KeyedChange, string> {
  const laid = layKeys(layout, key);
  if (!laid.ok) return laid;
  const keys = laid.value;
  try {
    const config = writeConfig([{ operation: "merge", kind: "sad", entry, keys }], layout.thrice ? QUBIP : RFC);
    // As QUBIP's proxy agent, whose edit is reproduced then, has it.
    const operation = layout.thrice ? "merge" : "create";
    const notes = keys.expanded ? [`expanded from a key of ${key.length} octets, and no stronger than that`] : [];
    return ok({ change: { entry: { kind: "sad", name: entry.name }, operation, config }, notes });
  } finally {
    keys.wipe();
  }
}

/** Content with there being none. */
export function removal(entry: EntryRef): Change {
  const { kind, name } = entry;
  const named = `<${kind}><${kind}-entry><name>${xmlText(name)}</name></${kind}-entry></${kind}>`;
  const text = `<ipsec-ikeless xmlns="${IKELESS_NAMESPACE}">${named}</ipsec-ikeless>`;
  return { entry, operation: "remove", config: new TextEncoder().encode(text) };
}
