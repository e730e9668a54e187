/** What a key management entity's Status says of the way that keys of a pair come: for people, in few words. */
import type { KmeStatus } from "../../../client/index.ts";

export interface Way {
  /** Links that the key came over; 0: both applications are at one node. Null: not told. */
  readonly hops: number | null;
  /** From the own node to the other's, where that is told. */
  readonly nodes: readonly string[];
  readonly isSimulated: boolean;
  /** Keys of the default size that are ready. */
  readonly storedKeys: number;
  readonly maxKeyBits: number;
  readonly minKeyBits: number;
}

type Loose = Readonly<Record<string, unknown>>;
const looseOf = (value: unknown): Loose => (typeof value === "object" && value !== null ? (value as Loose) : {});
const namesOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((name): name is string => typeof name === "string") : [];
const countOf = (value: unknown): number | null => (Number.isInteger(value) ? (value as number) : null);

/** Members of the extension that are missing, as of another vendor's, leave the way untold. @param node the caller's own */
export function wayOf(status: KmeStatus, node: string | null): Way {
  const edge = looseOf(status.status_extension?.["qkdedge"]);
  const relay = "relay" in edge ? looseOf(edge["relay"]) : null;
  return {
    ...(relay === null ? ofLink(edge) : ofRelay(relay, node)),
    isSimulated: edge["simulated"] === true,
    storedKeys: status.stored_key_count,
    maxKeyBits: status.max_key_size,
    minKeyBits: status.min_key_size,
  };
}

function ofLink(edge: Loose): Pick<Way, "hops" | "nodes"> {
  if (edge["source"] === "local") return { hops: 0, nodes: [] };
  return { hops: typeof edge["link"] === "string" ? 1 : null, nodes: [] };
}

/** Of the key in store where that is known, else of what would come now. */
function ofRelay(relay: Loose, node: string | null): Pick<Way, "hops" | "nodes"> {
  const [path] = Array.isArray(relay["paths"]) ? relay["paths"].map(looseOf) : [];
  const [last] = Array.isArray(relay["last_paths"]) ? relay["last_paths"].map(namesOf) : [];
  const stored = countOf(looseOf(relay["stored_hops"])["max"]);
  const now = namesOf(path?.["nodes"]);
  const hops = stored ?? countOf(path?.["hops"]) ?? (last === undefined ? null : last.length - 1);
  const nodes = [last ?? [], now].find((names) => names.length - 1 === hops) ?? [];
  return { hops, nodes: nodes.at(-1) === node ? nodes.toReversed() : nodes };
}

export function hopsInWords(way: Pick<Way, "hops" | "nodes">): string {
  if (way.hops === null) return "way not told";
  if (way.hops === 0) return "within one node";
  const links = way.hops === 1 ? "1 hop" : `${way.hops} hops`;
  return way.nodes.length === 0 ? links : `${links}: ${way.nodes.join(" › ")}`;
}
