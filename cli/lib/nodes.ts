/** The nodes an edge knows, for commands that name one. */
import type * as v from "valibot";
import { NodeSchema, NodesSchema } from "../../shared/api/node-schemas.ts";
import { expectShape } from "./answers.ts";
import type { Answer, Api } from "./api.ts";
import { CliFailure } from "./failure.ts";
import { didYouMean } from "./suggest.ts";

export type ListedNode = v.InferOutput<typeof NodesSchema>["nodes"][number];
export type NodeState = v.InferOutput<typeof NodeSchema>;
export type HostedNode = Extract<NodeState, { hosted: true }>;

export const nodePath = (node: string): string => `/api/v1/nodes/${encodeURIComponent(node)}`;

export const listNodes = async (api: Api): Promise<ListedNode[]> => nodesOf(await api.get("/api/v1/nodes"));

const nodesOf = ({ json }: Answer): ListedNode[] => expectShape(NodesSchema, json).nodes;

/** @throws CliFailure naming the node that was meant, perhaps */
export async function readNode(api: Api, node: string): Promise<NodeState> {
  const answer = await api.call({ path: nodePath(node), retry: true, accept: [404] });
  if (answer.status !== 404) return expectShape(NodeSchema, answer.json);
  throw unknownNode(node, await listNodes(api));
}

/** Naming the node that was meant, perhaps. */
export function unknownNode(node: string, known: readonly ListedNode[]): CliFailure {
  const ids = known.map((each) => each.node);
  return new CliFailure(`no node "${node.slice(0, 80)}".${didYouMean(node, ids)}`);
}

export const hostedElsewhere = (node: string): CliFailure =>
  new CliFailure(`${node} is hosted by another deployment: ask that one`);
