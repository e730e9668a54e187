/** The network as the Directory last told this node's ProxyAgent of it. */
import type { NodeId } from "../../shared/ids.ts";
import type { IpsecNode, IpsecView } from "../../shared/ipsec/view.ts";
import type { DirectoryRpc } from "../../shared/network/directory-types.ts";
import { KnownNetwork } from "../known-network.ts";

export class ProxyNetwork extends KnownNetwork<IpsecView> {
  constructor(node: NodeId, directory: () => Pick<DirectoryRpc, "ipsecView">) {
    super(async (knownSequence) => await directory().ipsecView({ node, knownSequence }));
  }

  /** Null before the Directory has been asked, too. */
  get own(): IpsecNode | null {
    return this.isKnown ? this.view.own : null;
  }

  node(id: string): IpsecNode | null {
    return (this.isKnown ? this.view.nodes.find((node) => node.id === id) : undefined) ?? null;
  }

  /** The other end of an SA, where its object can be spoken with. */
  peer(id: string): IpsecNode | null {
    const node = this.node(id);
    return node?.hosted === "here" ? node : null;
  }
}
