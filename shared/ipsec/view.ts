/** The network as a ProxyAgent object sees it: its own node, and those that may be at the other end of an SA. */
import { siteOf } from "../auth/policy.ts";
import type { NodeId } from "../ids.ts";
import type { NetworkDocument } from "../network/document.ts";
import type { NodeIpsec } from "../network/node-ipsec.ts";
import { nodeId } from "../network/lookup.ts";
import { canonicalPrefix } from "./addresses.ts";
import type { Dialect } from "./algorithms.ts";
import type { IpsecEnd, SaKey } from "./rendezvous.ts";

export interface IpsecNode extends IpsecEnd {
  readonly id: NodeId;
  /** `elsewhere`: another deployment's, or another system's. */
  readonly hosted: "here" | "elsewhere";
  readonly addresses: readonly string[];
  readonly dialect: Dialect;
  readonly qkdRequired: boolean;
  /** A list: of the tunnels to these prefixes, in canonical form. */
  readonly rekey: boolean | readonly string[];
  readonly meetMs: number;
}

export interface IpsecView {
  /** Of the snapshot. */
  readonly sequence: number;
  readonly site: string;
  /** Null: the node has no IPsec host, or is not hosted here. */
  readonly own: IpsecNode | null;
  /** All that have one. */
  readonly nodes: readonly IpsecNode[];
  readonly dropsAudit: boolean;
}

export interface IpsecViewCall {
  readonly node: NodeId;
  /** -1: none. */
  readonly knownSequence: number;
}

export const dialectOf = ({ registry, compat }: Pick<NodeIpsec, "registry" | "compat">): Dialect => ({
  registry,
  compat,
});

const canonicalPrefixes = (texts: readonly string[]): readonly string[] =>
  texts.flatMap((text) => canonicalPrefix(text) ?? []);

export const rekeyOf = ({ rekey }: Pick<NodeIpsec, "rekey">): IpsecNode["rekey"] =>
  typeof rekey === "boolean" ? rekey : canonicalPrefixes(rekey);

/** Does this end say that SAs between the two prefixes are made anew without being asked for? */
export const makesAnew = (
  { rekey }: Pick<IpsecNode, "rekey">,
  { sourcePrefix, destinationPrefix }: Pick<SaKey, "sourcePrefix" | "destinationPrefix">,
): boolean =>
  typeof rekey === "boolean" ? rekey : rekey.some((prefix) => prefix === sourcePrefix || prefix === destinationPrefix);

export function ipsecView(
  { sequence, document }: { readonly sequence: number; readonly document: NetworkDocument },
  node: NodeId,
): IpsecView {
  const nodes = document.nodes.flatMap(({ id, uuid, remote, ipsec }): IpsecNode[] =>
    ipsec === undefined || uuid === undefined
      ? []
      : [
          {
            id: nodeId(id),
            uuid,
            hosted: remote === undefined && !ipsec.foreign ? "here" : "elsewhere",
            prefixes: canonicalPrefixes(ipsec.prefixes),
            addresses: ipsec.addresses,
            dialect: dialectOf(ipsec),
            qkdRequired: ipsec.qkd_required,
            rekey: rekeyOf(ipsec),
            meetMs: ipsec.meet_ms,
          },
        ],
  );
  const entry = document.nodes.find(({ id }) => id === node);
  return {
    sequence,
    site: entry === undefined ? node : siteOf(entry),
    own: nodes.find(({ id, hosted }) => id === node && hosted === "here") ?? null,
    nodes,
    dropsAudit: document.policy.audit_overflow === "drop",
  };
}
