/** Audit logs over HTTP: who may read what, checkpoints and keys. */
import { beforeAll, expect, test } from "vitest";
import type * as v from "valibot";
import type { AuditCheckpointsSchema, AuditKeysSchema } from "../../shared/api/audit-operations.ts";
import { call, NETWORK, setUp } from "../../test/support/in-workerd-network.ts";

beforeAll(async () => await setUp(1));

type Checkpoints = v.InferOutput<typeof AuditCheckpointsSchema>;
const PATH = "/api/v1/audit";
const read = async <T>(path: string, method = "GET"): Promise<T> =>
  await (await call(`${PATH}${path}`, { as: "op", method })).json<T>();

test("a checkpoint is made for who asks, and signed by the node's own keys", async () => {
  await expect.poll(async () => (await read<Checkpoints>("/checkpoints?node=n1")).head.index).toBeGreaterThan(0);
  const made = await read<Checkpoints>("/checkpoints?node=n1", "POST");
  expect(made).toMatchObject({ node: "n1", signed: true, start: null, checkpoint: { number: 1, node: "n1" } });
  expect(made.checkpoint?.index).toBe(made.head.index);
  const listed = await read<Checkpoints>("/checkpoints?node=n1");
  expect(listed).toMatchObject({ checkpoints: [made.checkpoint], next: null });
  const { keys } = await read<v.InferOutput<typeof AuditKeysSchema>>("/keys?node=n1");
  const identity = await (await call("/api/v1/nodes/n1/identity", { as: "op" })).json<object>();
  expect(keys).toHaveLength(1);
  expect({ node: "n1", ...keys[0] }).toEqual({ ...identity, key: made.checkpoint?.key });
});

test.each<[string, string, number]>([
  ["GET", "/checkpoints?node=nowhere", 404],
  ["GET", "/keys?node=..%2Fn1", 404],
  ["POST", "/checkpoints?node=nowhere", 404],
  ["GET", "/checkpoints?limit=0", 400],
  ["GET", "/checkpoints?limit=101", 400],
  ["GET", "/checkpoints?after=-1", 400],
])("%s %s is refused: %i", async (method, path, status) => {
  const response = await call(`${PATH}${path}`, { as: "op", method });
  expect(response.status).toBe(status);
  await response.arrayBuffer();
});

const toldByDeployment = async () => (await read<{ records: { act: string; who: string }[] }>("?limit=1000")).records;

test.each(["sae-a", "agent-1"])("%s may do none of it", async (as) => {
  for (const [path, method] of [
    ["", "GET"],
    ["/checkpoints", "GET"],
    ["/checkpoints", "POST"],
    ["/keys", "GET"],
  ] as const) {
    const response = await call(`${PATH}${path}`, { as, method });
    expect([path, response.status]).toEqual([path, 403]);
    await response.arrayBuffer();
  }
  await expect
    .poll(toldByDeployment)
    .toContainEqual(expect.objectContaining({ act: "access.refused", who: expect.stringMatching(as) }));
});

test("the log of a node that was removed can still be read", async () => {
  await expect.poll(async () => (await read<Checkpoints>("/checkpoints?node=n3")).node).toBe("n3");
  const pushed = await call("/api/v1/links/n2-n3/blocks/gone.bin:0?node=n3", {
    as: "op",
    method: "PUT",
    body: crypto.getRandomValues(new Uint8Array(65536)),
  });
  expect(pushed.status).toBe(201);
  await expect.poll(async () => (await read<Checkpoints>("/checkpoints?node=n3")).head.index).toBeGreaterThan(0);
  const { nodes, links, saes, ...rest } = NETWORK;
  const document = {
    ...rest,
    nodes: nodes.filter(({ id }) => id !== "n3"),
    links: links.filter(({ id }) => id !== "n2-n3"),
    saes: saes.filter(({ node }) => node !== "n3"),
  };
  const put = { as: "op", method: "PUT", headers: { "If-Match": '"1"' }, body: JSON.stringify(document) };
  expect((await call("/api/v1/network", put)).status).toBe(200);
  await expect.poll(async () => (await call("/api/v1/links/n2-n3", { as: "op" })).status).toBe(404);
  const { records } = await read<{ records: { act: string }[] }>("?node=n3");
  expect(records.map(({ act }) => act)).toContain("block.ingested");
});
