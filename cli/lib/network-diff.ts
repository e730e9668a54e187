/** A network diff for people to read. */
import type * as v from "valibot";
import type { NetworkDiffSchema } from "../../shared/api/schemas.ts";
import { plural } from "./text.ts";

const SIGNS = { added: "+", removed: "-", changed: "~", moved: ">" } as const;

/** One line a change, then what would become of pending keys and of unused material. */
export function describeDiff(diff: v.InferOutput<typeof NetworkDiffSchema>, version: number): string[] {
  if (diff.changes.length === 0) return [`no change to version ${version}`];
  return [
    `changes to version ${version}:`,
    ...diff.changes.map(({ kind, pointer, id }) => `  ${SIGNS[kind]} ${kind} ${pointer} (${id})`),
    ...diff.pending_keys
      .filter(({ keys }) => keys > 0)
      .map(({ kind, id, keys }) => `  ${plural(keys, "key")} of ${kind} ${id} would be voided after ${diff.drain_s} s`),
    ...diff.unused_material
      .filter(({ available_bits: bits }) => bits > 0)
      .map(
        ({ link, available_bits: bits }) =>
          `  ${plural(bits, "bit")} of unused key material of link ${link} would be lost after ${diff.drain_s} s`,
      ),
    ...(diff.complete ? [] : ["  not every pool could be asked: there may be more to lose"]),
  ];
}
