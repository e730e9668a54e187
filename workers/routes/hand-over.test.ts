import { beforeAll, expect, it, test } from "vitest";
import { call, errorOf, NETWORK, setUp } from "../../test/support/in-workerd-network.ts";

const LINK = "/api/v1/links/n1-n2";
const IDS = ["0a000000-0000-4000-8000-000000000001", "0A000000-0000-4000-8000-00000000000F"];
const BLOCK = IDS[0] ?? "";

beforeAll(async () => {
  await setUp(0);
  const links = NETWORK.links.map((link) => ({ ...link, feed: "two-ended" }));
  const changed = await call("/api/v1/network", {
    as: "op",
    method: "PUT",
    headers: { "If-Match": '"1"' },
    body: JSON.stringify({ ...NETWORK, links }),
  });
  expect(changed.status).toBe(200);
});

const put = async (path: string, body: unknown, as = "op") =>
  await call(`${LINK}/blocks/${path}`, {
    as,
    method: "PUT",
    body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
  });
const list = async (query: string, as = "op") => await call(`${LINK}/blocks?${query}`, { as });

test("one end tells the key IDs, the other reads them, in lower case", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(4096));
  expect((await put(`${BLOCK}/key-ids?node=n1`, { key_ids: IDS }, "agent-1")).status).toBe(404);
  expect((await put(`${BLOCK}?node=n1`, bytes, "agent-1")).status).toBe(202);
  const told = await put(`${BLOCK}/key-ids?node=n1`, { key_ids: IDS }, "agent-1");
  expect([told.status, await told.json()]).toEqual([200, { outcome: "awaits-twin" }]);
  expect((await put(`${BLOCK}/key-ids?node=n1`, { key_ids: [BLOCK] }, "agent-1")).status).toBe(409);

  const waiting = await list("awaiting=n2");
  const keyIds = IDS.map((id) => id.toLowerCase());
  expect(await waiting.json()).toEqual({ blocks: [{ block: BLOCK, bits: 32_768, key_ids: keyIds }], next: null });
  expect((await put(`${BLOCK}?node=n2`, bytes)).status).toBe(201);
  expect(await (await list("awaiting=n2")).json()).toEqual({ blocks: [], next: null });
});

it.each([
  [{ key_ids: [] }, "key_ids: shall hold at least one id"],
  [{ key_ids: ["x"] }, "key_ids.0: shall be a UUID"],
  [{ key_ids: [BLOCK, BLOCK] }, "key_ids: holds an id twice"],
  [{ key_ids: [IDS[1]] }, "key_ids: the first shall be the block's id"],
  [{ key_ids: Array.from({ length: 4097 }, () => BLOCK) }, "key_ids: shall hold at most 4096 ids"],
])("refuses key IDs that cannot be right (%#)", async (body, message) => {
  const refused = await put(`${BLOCK}/key-ids?node=n1`, body);
  expect([refused.status, (await errorOf(refused)).message]).toEqual([400, message]);
});

it.each([
  ["", 400],
  ["awaiting=n3", 400],
  ["awaiting=n1&limit=65", 400],
  ["awaiting=n1&after=x", 400],
  ["awaiting=n1", 200],
])("answers a question like ?%s with %i", async (query, status) => {
  expect((await list(query)).status).toBe(status);
});

it("serves an agent for its own site only", async () => {
  expect((await list("awaiting=n1", "agent-1")).status).toBe(200);
  expect((await list("awaiting=n2", "agent-1")).status).toBe(403);
  expect((await put(`${BLOCK}/key-ids?node=n2`, { key_ids: IDS }, "agent-1")).status).toBe(403);
  expect((await list("awaiting=n1", "sae-a")).status).toBe(403);
});
