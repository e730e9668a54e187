/** Values that count where a leaf is not there (RFC 7950 clause 7.6.1), and whether two entries say the same by them. */
import { SAD_ENTRY, type SadEntry, SPD_ENTRY, type SpdEntry } from "./model.ts";
import type { Node, Nodes } from "./yang.ts";

type Members = Readonly<Record<string, unknown>>;

const hasMandatory = (nodes: Nodes): boolean =>
  Object.values(nodes).some((node) => (node.kind === "leaf" || node.kind === "container") && node.mandatory);

function completedValue(node: Node, value: unknown): unknown {
  switch (node.kind) {
    case "leaf":
      return value ?? node.default;
    case "leaf-list":
      return value ?? [];
    case "list":
      return ((value ?? []) as readonly Members[]).map((entry) => completed(node.nodes, entry));
    case "container":
      // One that has to say something (a tunnel's ends) is not there by itself.
      return value === undefined && hasMandatory(node.nodes)
        ? undefined
        : completed(node.nodes, (value ?? {}) as Members);
    default:
      return undefined;
  }
}

const completed = (nodes: Nodes, tree: Members): Members =>
  Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, completedValue(node, tree[name])]));

/** Equal for entries that say the same: defaults filled in, in the order of the module. */
export const canonicalSpd = (entry: SpdEntry): string => JSON.stringify(completed(SPD_ENTRY, entry));
export const canonicalSad = (entry: SadEntry): string => JSON.stringify(completed(SAD_ENTRY, entry));
