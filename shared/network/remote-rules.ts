/** What must hold of nodes that other deployments host, and of pairs whose keys come over several paths. */
import type { LinkId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { countDisjointPaths } from "../routing/disjoint-paths.ts";
import { buildGraph } from "../routing/graph.ts";
import type { RouteLink } from "../routing/types.ts";
import type { PointerFault } from "./directory-types.ts";
import type { NodeEntry } from "./document.ts";
import { nodeId, pairOfLink } from "./lookup.ts";
import { type Entry, type InForce, repeated, type Sections, unknownNode } from "./rule-parts.ts";

type RemoteEntry = Entry<NodeEntry & { readonly remote: NonNullable<NodeEntry["remote"]> }>;

const isRemote = (entry: Entry<NodeEntry>): entry is RemoteEntry => entry.value.remote !== undefined;

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** What another deployment knows of its node is not written down here. */
export function remoteNodes({ nodes }: Sections): PointerFault[] {
  return nodes.filter(isRemote).flatMap(({ pointer, value }) => {
    const problem = urlProblem(value.remote.url);
    const theirs = (["site", "credentials"] as const).filter((member) => value[member] !== undefined);
    return [
      ...(problem === null ? [] : [{ pointer: `${pointer}/remote/url`, message: problem }]),
      ...theirs.map((member) => ({
        pointer: `${pointer}/${member}`,
        message: `is for nodes hosted here; this one is known by its keys`,
      })),
    ];
  });
}

export function urlProblem(text: string): string | null {
  if (!URL.canParse(text)) return "shall be a URL, as in https://edge.example";
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (protocol !== "https:" && !(protocol === "http:" && LOOPBACK.has(hostname))) {
    return "shall begin with https://, or http:// on loopback";
  }
  return username + password + search + hash === "" && !/[?#]/u.test(text)
    ? null
    : "shall have no user, query or fragment";
}

export function someHosted({ nodes, nodeIds }: Sections): PointerFault[] {
  // One that is at fault may be meant to be.
  const areAllRemote = nodes.length > 0 && nodes.every(isRemote) && nodes.length >= nodeIds.size;
  return areAllRemote ? [{ pointer: "/nodes", message: "at least one node shall be hosted here: without remote" }] : [];
}

/** Ids of nodes hosted elsewhere. Nothing is said of nodes that are at fault themselves. */
const remoteIds = ({ nodes }: Sections): ReadonlySet<string> =>
  new Set(nodes.filter(isRemote).map(({ value }) => value.id));

/** An SAE is attached to one node; who may announce one that is attached here could take its keys. */
export function remoteSaes(sections: Sections): PointerFault[] {
  const elsewhere = remoteIds(sections);
  const first = new Map(sections.saes.map(({ pointer, value }) => [value.id, pointer]));
  const attached = sections.saes.flatMap(({ pointer, value: { node } }) =>
    elsewhere.has(node)
      ? [{ pointer: `${pointer}/node`, message: `${node} is hosted elsewhere: its SAEs stand in its remote.saes` }]
      : [],
  );
  const announced = sections.nodes.filter(isRemote).flatMap(({ pointer, value }) =>
    value.remote.saes.flatMap((sae, index) => {
      const at = `${pointer}/remote/saes/${index}`;
      const earlier = first.get(sae);
      if (earlier === undefined) first.set(sae, at);
      return earlier === undefined ? [] : [{ pointer: at, message: `the same SAE as ${earlier}` }];
    }),
  );
  const total =
    sections.saes.length + sections.nodes.reduce((sum, { value }) => sum + (value.remote?.saes.length ?? 0), 0);
  const tooMany = { pointer: "/nodes", message: `with those of remote nodes ${total} SAEs, more than ${LIMITS.saes}` };
  return [...attached, ...announced, ...(total > LIMITS.saes ? [tooMany] : [])];
}

/** One end's agent or device feeds this deployment's half; what this deployment makes itself the other cannot have. */
export function remoteLinks(sections: Sections): PointerFault[] {
  const elsewhere = remoteIds(sections);
  return sections.links.flatMap(({ pointer, value: { nodes, source, feed, shards } }) => {
    const ends = nodes.filter((node) => elsewhere.has(node)).length;
    if (ends === 0) return [];
    if (ends === 2) return [{ pointer: `${pointer}/nodes`, message: "at least one of the two shall be hosted here" }];
    const why = "where one of the nodes is hosted elsewhere";
    return [
      ...(source === "push" ? [] : [{ pointer: `${pointer}/source`, message: `shall be push ${why}` }]),
      ...(feed === "one-ended"
        ? []
        : [{ pointer: `${pointer}/feed`, message: `shall be one-ended ${why}: only this end's blocks come here` }]),
      ...(shards === 1 ? [] : [{ pointer: `${pointer}/shards`, message: `shall be 1 ${why}` }]),
    ];
  });
}

/** What two halves of a pool hold is not what one pool holds. */
export function hostingKept({ nodes }: Sections, { previous }: InForce): PointerFault[] {
  const before = new Map((previous?.nodes ?? []).map(({ id, remote }) => [id, remote !== undefined]));
  return nodes.flatMap((entry) => {
    const was = before.get(entry.value.id);
    const message = `never ${was === true ? "taken away from" : "given to"} a node: take the node out, and put it back once it has drained`;
    return was === undefined || was === isRemote(entry) ? [] : [{ pointer: `${entry.pointer}/remote`, message }];
  });
}

export function multipathPairs(sections: Sections): PointerFault[] {
  const elsewhere = remoteIds(sections);
  const { pairs, policy } = sections;
  return [
    ...pairs.flatMap(({ pointer, value: { nodes } }) => [
      ...unknownNode(pointer, "nodes/0", nodes[0], sections),
      ...unknownNode(pointer, "nodes/1", nodes[1], sections),
      ...(nodes[0] === nodes[1] ? [{ pointer: `${pointer}/nodes`, message: "two different nodes" }] : []),
      ...(nodes.every((node) => elsewhere.has(node))
        ? [{ pointer: `${pointer}/nodes`, message: "at least one of the two shall be hosted here" }]
        : []),
      ...(policy?.relay.enabled === false
        ? [{ pointer, message: "keys that come over paths need /policy/relay/enabled" }]
        : []),
    ]),
    ...repeated(pairs, "nodes", pairOfLink, "the same two nodes"),
  ];
}

/**
 * What the links of the document cannot give, however much key they have, nobody should wait for. Links of other
 * deployments between their own nodes stand in their documents: judged only where all nodes are hosted here.
 */
export function pathsThereAre(sections: Sections): PointerFault[] {
  const { nodes, links, pairs, linkIds, nodeIds, nodesTold } = sections;
  const areAllTold = nodesTold && nodes.length === nodeIds.size && links.length === linkIds?.size;
  if (pairs.length === 0 || !areAllTold || nodes.some(isRemote)) return [];
  const routes = links.map(({ value: { id, nodes: ends } }): RouteLink => ({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ids become branded here
    link: id as LinkId,
    nodes: [nodeId(ends[0]), nodeId(ends[1])],
    cost: 1,
  }));
  const graph = buildGraph([...nodeIds].map(nodeId), routes);
  const linked = new Set(links.map(({ value }) => pairOfLink(value)));
  return pairs.slice(0, LIMITS.multipathPairsJudged).flatMap(({ pointer, value }) => {
    const [from, to] = [nodeId(value.nodes[0]), nodeId(value.nodes[1])];
    if (from === to || !nodeIds.has(from) || !nodeIds.has(to)) return [];
    const wanted = value.disjoint_paths;
    // The link between the two is no path of relayed key; it may be a share.
    const isAround = wanted === 1 && linked.has(pairOfLink(value));
    const count = countDisjointPaths(graph, { from, to }, isAround ? 2 : wanted) - (isAround ? 1 : 0);
    if (count >= wanted) return [];
    const message = isAround
      ? "the links of this document have no way around the link between the two nodes"
      : `the links of this document have ${count} of ${wanted} node-disjoint paths between the two nodes`;
    return [{ pointer: `${pointer}/disjoint_paths`, message }];
  });
}

/** A pool that is full and keeps all it has would never give a key. */
export function relayFloor({ policy }: Sections): PointerFault[] {
  if (policy === null) return [];
  const { capacity_bytes: capacity } = policy.pool;
  const pointer = "/policy/relay/authentication_floor_bytes";
  return policy.relay.authentication_floor_bytes < capacity
    ? []
    : [{ pointer, message: `less than pool.capacity_bytes, ${capacity}` }];
}
