/** The network as the Directory last told this node of it. */
import type { NodeId } from "../../shared/ids.ts";
import type { DirectoryRpc } from "../../shared/network/directory-types.ts";
import type { OwnRelayView, RelayLink, RelayNode } from "../../shared/network/relay-view.ts";
import { KnownNetwork } from "../known-network.ts";

export class NodeNetwork extends KnownNetwork<OwnRelayView> {
  readonly #node: NodeId;
  #nodes: ReadonlyMap<string, RelayNode> = new Map();
  /** Of this node, by who is at the other end. */
  #links: ReadonlyMap<string, RelayLink> = new Map();

  constructor(node: NodeId, directory: () => Pick<DirectoryRpc, "relayView">) {
    super(async (knownSequence) => await directory().relayView({ node, knownSequence }));
    this.#node = node;
  }

  node(id: string): RelayNode | undefined {
    return this.#nodes.get(id);
  }

  /** Does another deployment host it? */
  isElsewhere(id: string): boolean {
    return this.node(id)?.remote != null;
  }

  linkTo(neighbour: string): RelayLink | undefined {
    return this.#links.get(neighbour);
  }

  /** This node's own links, by who is at the other end. */
  get links(): ReadonlyMap<string, RelayLink> {
    return this.#links;
  }

  protected override adopt(view: OwnRelayView): void {
    super.adopt(view);
    this.#nodes = new Map(view.nodes.map((node) => [node.id, node]));
    const own = view.links.filter(({ nodes }) => nodes.includes(this.#node));
    this.#links = new Map(own.map((link) => [link.nodes[0] === this.#node ? link.nodes[1] : link.nodes[0], link]));
  }
}
