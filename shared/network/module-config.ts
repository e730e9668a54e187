/** What the Directory tells the QKD modules of a link, from the document. */
import type { LinkId, NodeId } from "../ids.ts";
import type { ModuleConfig } from "../qkd-module/rpc.ts";
import { DEFAULT_MODULE, SIMULATIONS, type Simulation } from "../qkd-module/settings.ts";
import type { LinkEntry, NetworkDocument } from "./document.ts";
import { pairOfLink } from "./lookup.ts";

const isSimulation = (source: string): source is Simulation => (SIMULATIONS as readonly string[]).includes(source);

/** Whether the link's key is made by two QKD modules of this deployment. */
export const hasModules = ({ source }: Pick<LinkEntry, "source">): boolean => isSimulation(source);

export function moduleLink({ links, policy }: NetworkDocument, id: string): ModuleConfig["link"] {
  const link = links.find((each) => each.id === id);
  if (link === undefined || !isSimulation(link.source)) return null;
  const settings = { ...(link.module ?? DEFAULT_MODULE), sim: link.source, key_rate_bps: link.key_rate_bps };
  const countedBits = (settings.max_key_count ?? Infinity) * policy.key_size_bits.default;
  return {
    id: link.id as LinkId,
    pair: pairOfLink(link),
    nodes: [link.nodes[0] as NodeId, link.nodes[1] as NodeId],
    settings,
    enoughBits: Math.min(policy.pool.high_bytes * 8, countedBits),
  };
}

/** Ends of links whose modules have something new to hear, as link and node. */
export function modulesChanged(
  before: NetworkDocument,
  after: NetworkDocument,
): readonly (readonly [string, string])[] {
  const ids = new Set([...before.links, ...after.links].filter(hasModules).map(({ id }) => id));
  return [...ids].flatMap((id) => {
    const [was, is] = [moduleLink(before, id), moduleLink(after, id)];
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    const nodes = new Set([...(was?.nodes ?? []), ...(is?.nodes ?? [])]);
    return [...nodes].map((node) => [id, node] as const);
  });
}
