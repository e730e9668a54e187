/**
 * A network in one deployment or in several, as tests of relay see it: each node and link is asked for where it is known,
 * and a test that runs over one rig runs over the others.
 */
import type { ReachedNetwork } from "./run-network.ts";

/** What an operator asks of a deployment. */
export type Deployment = Pick<ReachedNetwork, "fetch">;

export interface Deployments extends Pick<ReachedNetwork, "tls" | "request"> {
  readonly all: readonly ReachedNetwork[];
  /** Base URLs of all KMEs, by node. */
  readonly kme: Readonly<Record<string, string>>;
  /** The one that hosts a node. */
  at(node: string): ReachedNetwork;
  /** Those that know a link: one, or two of a link between them. */
  ofLink(nodes: readonly [string, string]): readonly ReachedNetwork[];
}

/** @param nodeOf where an SAE is attached: its certificate is of the deployment there */
export function deployments(all: readonly ReachedNetwork[], nodeOf: (sae: string) => string): Deployments {
  const at = (node: string): ReachedNetwork => {
    const found = all.find(({ kme }) => Object.hasOwn(kme, node));
    if (found === undefined) throw new Error(`no deployment hosts ${node}`);
    return found;
  };
  const tls: Deployments["tls"] = (sae) => at(nodeOf(sae)).tls(sae);
  return {
    all,
    kme: Object.assign({}, ...all.map(({ kme }) => kme)) as Deployments["kme"],
    at,
    ofLink: (nodes) => [...new Set(nodes.map((node) => at(node)))],
    tls,
    request: async (node, sae, path, options = {}, body) =>
      await at(node).request(node, sae, path, { ...tls(sae), ...options }, body),
  };
}
