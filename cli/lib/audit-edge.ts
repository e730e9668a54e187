/** Audit logs as an edge serves them: how one stands, and its records and checkpoints in their order. */
import type * as v from "valibot";
import { AuditCheckpointsSchema, AuditKeysSchema, AuditStateSchema } from "../../shared/api/audit-operations.ts";
import { AuditSchema } from "../../shared/api/schemas.ts";
import type { AuditKey, Checkpoint } from "../../shared/audit/checkpoint.ts";
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
import type { AuditItem } from "../../shared/audit/verify.ts";
import { LIMITS } from "../../shared/limits.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { expectShape } from "./answers.ts";
import type { Api } from "./api.ts";
import { listNodes } from "./nodes.ts";

export type AuditState = v.InferOutput<typeof AuditStateSchema>;
export type ServedRecord = v.InferOutput<typeof AuditSchema>["records"][number];

const PATH = "/api/v1/audit";
const query = (node: string, more: Readonly<Record<string, number>> = {}): string =>
  `?${new URLSearchParams({ node, ...Object.fromEntries(Object.entries(more).map(([name, n]) => [name, String(n)])) }).toString()}`;

/** Every log there is: of the nodes hosted there, and the deployment's own. */
export async function logsAt(api: Api): Promise<readonly string[]> {
  const nodes = await listNodes(api);
  return [DEPLOYMENT_LOG, ...nodes.flatMap(({ node, hosted }) => (hosted ? [node] : []))];
}

export const stateAt = async (api: Api, node: string): Promise<AuditState> =>
  expectShape(AuditCheckpointsSchema, (await api.get(`${PATH}/checkpoints${query(node, { limit: 1 })}`)).json);

/** Has a checkpoint made that covers all records. @returns null where the deployment has no identity to sign by */
export async function signedStateAt(api: Api, node: string): Promise<AuditState | null> {
  const path = `${PATH}/checkpoints${query(node)}`;
  const { status, json } = await api.call({ method: "POST", path, retry: true, accept: [409] });
  return status === 409 ? null : expectShape(AuditStateSchema, json);
}

export const keysAt = async (api: Api, node: string): Promise<readonly AuditKey[]> =>
  expectShape(AuditKeysSchema, (await api.get(`${PATH}/keys${query(node)}`)).json).keys;

/** Oldest first, from after an index on. */
export async function* servedRecords(api: Api, node: string, from: number): AsyncGenerator<ServedRecord> {
  for (let after: number | null = from; after !== null;) {
    const path: string = `${PATH}${query(node, { after, limit: LIMITS.auditReadRecords })}`;
    const page = expectShape(AuditSchema, (await api.get(path)).json);
    yield* page.records;
    after = page.next;
  }
}

/** Oldest first, with numbers above one. */
export async function* checkpointsAt(api: Api, node: string, from: number): AsyncGenerator<Checkpoint> {
  for (let after: number | null = from; after !== null;) {
    const path: string = `${PATH}/checkpoints${query(node, { after, limit: LIMITS.auditCheckpointsRead })}`;
    const page = expectShape(AuditCheckpointsSchema, (await api.get(path)).json);
    yield* page.checkpoints;
    after = page.next;
  }
}

/**
 * Records and checkpoints in their order.
 * @param range those after `start`, up to record `lastIndex`
 */
export async function* itemsAt(
  api: Api,
  node: string,
  { start, lastIndex }: { readonly start: Checkpoint | null; readonly lastIndex: number },
): AsyncGenerator<AuditItem> {
  const checkpoints = checkpointsAt(api, node, start?.number ?? 0);
  let next = await checkpoints.next();
  for await (const served of servedRecords(api, node, start?.index ?? 0)) {
    if (served.index > lastIndex) break;
    for (; next.done !== true && next.value.index < served.index; next = await checkpoints.next()) {
      yield { checkpoint: next.value };
    }
    yield { record: recordOf(served) };
  }
  for (; next.done !== true && next.value.index <= lastIndex; next = await checkpoints.next()) {
    yield { checkpoint: next.value };
  }
}

/** As it was chained. */
export const recordOf = ({
  index,
  source,
  seq,
  at,
  act,
  who,
  node,
  detail,
  hash,
  check,
}: ServedRecord): AuditRecord => ({
  index,
  source,
  seq,
  atMs: Date.parse(at),
  act,
  who,
  node,
  detail: detail as AuditEvent["detail"],
  hash,
  ...(check !== undefined && { check }),
});
