/** Nodes with an IPsec host, as an edge knows them: what the network document says, and what their ProxyAgent objects tell. */
import * as v from "valibot";
import { BatchSchema, IpsecStatusSchema } from "../../shared/api/ipsec-schemas.ts";
import { type NodeIpsec, NodeIpsecSchema } from "../../shared/network/node-ipsec.ts";
import { expectShape } from "./answers.ts";
import type { Answer, Api } from "./api.ts";
import { CliFailure } from "./failure.ts";
import { nodePath } from "./nodes.ts";
import { didYouMean } from "./suggest.ts";

export type Batch = v.InferOutput<typeof BatchSchema>;
export type EntryReport = Batch["entries"][number];
export type IpsecStatus = v.InferOutput<typeof IpsecStatusSchema>;
export type IpsecAlarm = IpsecStatus["alarms"][number];

export interface IpsecNode {
  readonly node: string;
  /** Another deployment's, or another system's: nothing can be asked of it here. */
  readonly isElsewhere: boolean;
  readonly ipsec: NodeIpsec;
}

/** As much of the network document as tells which nodes have an IPsec host. */
const NodesOfDocument = v.object({
  nodes: v.array(v.object({ id: v.string(), remote: v.optional(v.unknown()), ipsec: v.optional(v.unknown()) })),
});

const MAY_NOT_OR_NONE = [403, 404] as const;

/** Null for a caller who may not read the network document, and where there is none yet. */
export async function listIpsecNodesIfAllowed(api: Api): Promise<readonly IpsecNode[] | null> {
  const answer = await api.call({ path: "/api/v1/network", retry: true, accept: MAY_NOT_OR_NONE });
  return answer.status === 200 ? nodesOf(answer) : null;
}

export const listIpsecNodes = async (api: Api): Promise<readonly IpsecNode[]> =>
  nodesOf(await api.get("/api/v1/network"));

const nodesOf = ({ json }: Answer): readonly IpsecNode[] =>
  expectShape(NodesOfDocument, json).nodes.flatMap(({ id, remote, ipsec: written }) => {
    if (written === undefined) return [];
    const ipsec = expectShape(NodeIpsecSchema, written);
    return [{ node: id, isElsewhere: remote !== undefined || ipsec.foreign, ipsec }];
  });

export const ipsecPath = (node: string, rest: string): string => `${nodePath(node)}/ipsec/${rest}`;
const ENTRIES = "ipsec-entries";

/** @throws CliFailure naming the node that was meant, perhaps */
export async function readIpsec(api: Api, node: string): Promise<IpsecStatus> {
  const answer = await api.call({ path: ipsecPath(node, ENTRIES), retry: true, accept: [404] });
  if (answer.status === 404) throw await noIpsecHost(api, node);
  return expectShape(IpsecStatusSchema, answer.json);
}

/** None of a node without an IPsec host, for a caller who may not read them, nor of an edge of the release before. */
export async function ipsecAlarmsOf(api: Api, node: string): Promise<readonly IpsecAlarm[]> {
  const answer = await api.call({ path: ipsecPath(node, ENTRIES), retry: true, accept: MAY_NOT_OR_NONE });
  return answer.status === 200 ? expectShape(IpsecStatusSchema, answer.json).alarms : [];
}

export interface EntriesCall {
  readonly method: "POST" | "DELETE";
  readonly node: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly contentType?: string;
  readonly waitS: number;
}

/** The same again changes nothing, so it may be repeated. */
export async function sendEntries(api: Api, { method, node, body, contentType, waitS }: EntriesCall): Promise<Batch> {
  const answer = await api.call({
    method,
    path: ipsecPath(node, ENTRIES),
    body,
    prefer: `wait=${waitS}`,
    retry: true,
    accept: [404],
    ...(contentType === undefined ? {} : { contentType }),
  });
  if (answer.status === 404) throw await noIpsecHost(api, node);
  return expectShape(BatchSchema, answer.json);
}

/** Naming the node that was meant, perhaps; or who could be asked of it. */
export async function noIpsecHost(api: Api, node: string): Promise<CliFailure> {
  const known = (await listIpsecNodesIfAllowed(api)) ?? [];
  if (known.some((each) => each.node === node && each.isElsewhere)) return elsewhere(node);
  const ids = known.map((each) => each.node);
  return new CliFailure(
    `no node "${node.slice(0, 80)}" with an IPsec host.${didYouMean(node, ids)}`,
    ids.length === 0 ? "`ipsec` of a node in the network document makes it one" : `there are: ${ids.join(", ")}`,
  );
}

export const elsewhere = (node: string): CliFailure =>
  new CliFailure(`the IPsec host of ${node} is not this deployment's: ask the system that has it`);
