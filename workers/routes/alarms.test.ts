/** Links with two ends and conditioning over HTTP, and the alarms they raise. */
import { beforeAll, describe, expect, test } from "vitest";
import { biasedBlock } from "../../shared/health/test-blocks.ts";
import { call, errorOf, NETWORK, setUp } from "../../test/support/in-workerd-network.ts";

const CONDITIONED = { health: "condition", conditioning_seed: "5a".repeat(32) } as const;

/** The network with its second link changed. */
async function putLink(more: object): Promise<Response> {
  const current = (await call("/api/v1/network", { as: "op" })).headers.get("ETag") ?? "";
  const links = NETWORK.links.map((link) => (link.id === "n2-n3" ? { ...link, ...more } : link));
  const body = JSON.stringify({ ...NETWORK, links });
  return await call("/api/v1/network", { as: "op", method: "PUT", headers: { "If-Match": current }, body });
}

const push = async (id: string, node: string, body: Uint8Array) =>
  await call(`/api/v1/links/n2-n3/blocks/${encodeURIComponent(id)}?node=${node}`, { as: "op", method: "PUT", body });
const linkBody = async () => await (await call("/api/v1/links/n2-n3", { as: "op" })).json<Record<string, unknown>>();
const clear = async (code: string, as = "op", link = "n2-n3") =>
  await call(`/api/v1/links/${link}/alarms/${code}`, { as, method: "DELETE" });
const random = () => crypto.getRandomValues(new Uint8Array(4096));

beforeAll(async () => {
  await setUp(0);
  expect((await putLink({ feed: "two-ended" })).status).toBe(200);
});

describe("alarms", () => {
  test("of a mismatch: operators see what it is about, SAEs a code and times", async () => {
    // The pool may be at work already, and the Worker's copy of the network is up to a second old.
    await expect.poll(linkBody).toMatchObject({ feed: "two-ended" });
    expect((await push("f.cor:0", "n2", random())).status).toBe(202);
    const twin = await push("f.cor:0", "n3", random());
    expect([twin.status, await twin.json()]).toMatchObject([202, { outcome: "quarantined", reason: "twin-mismatch" }]);
    const told = { code: "twin-mismatch", first: expect.any(String), last: expect.any(String) };
    expect(await linkBody()).toMatchObject({
      alarms: [
        { ...told, subject: "f.cor", count: 1, shard: 0, detail: "n2 and n3 pushed different bytes as f.cor:0" },
      ],
      pool: { alarms: [told] },
    });
    const status = await (await call("/api/v1/keys/sae-d/status", { as: "sae-b" })).text();
    expect(JSON.parse(status)).toMatchObject({ status_extension: { qkdedge: { alarms: [told] } } });
    expect(status).not.toContain("f.cor");
  });

  test("are cleared by operators only, by a code there is", async () => {
    expect((await clear("twin-mismatch", "agent-1")).status).toBe(403);
    expect((await clear("twin-mismatch", "sae-b")).status).toBe(403);
    expect((await clear("no-such-code")).status).toBe(404);
    expect((await clear("twin-mismatch", "op", "n1-n3")).status).toBe(404);
    expect((await call("/api/v1/links/n2-n3/alarms/twin-mismatch", { as: "op" })).status).toBe(405);
    const cleared = await clear("twin-mismatch");
    expect([cleared.status, await cleared.json()]).toEqual([200, { cleared: 1 }]);
    expect(await (await clear("twin-mismatch")).json()).toEqual({ cleared: 0 });
    expect(await linkBody()).toMatchObject({ alarms: [], pool: { alarms: [] } });
  });
});

describe("a conditioned link", () => {
  test("needs a seed", async () => {
    const refused = await putLink({ health: "condition" });
    expect(refused.status).toBe(400);
    expect((await errorOf(refused)).details).toMatchObject([{ pointer: "/links/1/conditioning_seed" }]);
  });

  test("says its design, and of a block how much of it was condensed", async () => {
    expect((await putLink(CONDITIONED)).status).toBe(200);
    await expect.poll(linkBody).toMatchObject({ health_policy: "condition", min_entropy_per_bit: 0.8 });
    const block = await push("g.cor:0", "n2", biasedBlock("worker", 8192));
    expect([block.status, await block.json()]).toMatchObject([
      201,
      { outcome: "ingested", bits: 65_536, condensed_bits: 65_536 - 52_296 },
    ]);
    expect(await linkBody()).toMatchObject({ pool: { conserved: true, ledger_bits: { available: 52_296 } } });
  });

  test("whose policy changes while a block is conditioned judges the block anew", async () => {
    // Several seconds of work: a second and more after it begins the pool hears of the change.
    const pushed = push("h.cor:0", "n2", biasedBlock("changed meanwhile", 1024 * 1024));
    expect((await putLink({ health: "reject" })).status).toBe(200);
    await expect.poll(linkBody, { timeout: 5000 }).toMatchObject({ health_policy: "reject" });
    const block = await pushed;
    expect([block.status, await block.json()]).toMatchObject([202, { outcome: "quarantined", reason: "health" }]);
    expect(await linkBody()).toMatchObject({ pool: { conserved: true, ledger_bits: { available: 52_296 } } });
  });
});
