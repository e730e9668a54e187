import { beforeAll, expect, it } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NodeId, PairName } from "../../shared/ids.ts";
import { revocationKey } from "../../shared/network/lookup.ts";
import { setUp, token } from "../../test/support/in-workerd-network.ts";
import { connect } from "../../test/support/in-workerd-sockets.ts";
import { app, opened } from "../../test/support/in-workerd-streams.ts";
const pool = { pair: "n1|n2" as PairName };
const [n1, n2] = ["n1" as NodeId, "n2" as NodeId];
const a = app(pool, "sae-a", n1);
const b = app(pool, "sae-b", n2).towards(a);
a.towards(b);
beforeAll(async () => await setUp());
const timed = async (name: string, work: () => Promise<void>) => {
  const at = Date.now();
  const how = await work().then(() => "ok", (e: Error) => e.message);
  console.log(name, Date.now() - at, how);
};
it("base", async () => {
  const ksid = await opened(a, b);
  await timed("base", async () => await a.evict(ksid));
});
it("unread", async () => {
  const ksid = await opened(a, b);
  expect((await app(pool, "sae-a2", n1).socket(ksid)).status).toBe(404);
  await timed("unread", async () => await a.evict(ksid));
}, 60_000);
it("absent", async () => {
  const { ksid } = await a.open(null);
  const client = await connect(a, ksid);
  client.give(5);
  await new Promise((r) => setTimeout(r, 2500));
  client.close();
  await client.ended();
  await timed("absent", async () => await a.evict(ksid));
}, 60_000);
it("rate", async () => {
  const ksid = await opened(a, b, { chunkBytes: 32, maxBps: 1, timeoutMs: 60_000 });
  const client = await connect(a, ksid);
  client.give(10);
  await client.has(1);
  client.close();
  await client.ended();
  await timed("rate", async () => await a.evict(ksid));
}, 60_000);
it("open sockets with credits pushing", async () => {
  const ksid = await opened(a, b);
  const c = await connect(a, ksid);
  c.give(60);
  await c.has(60);
  await timed("pushed", async () => await a.evict(ksid));
}, 60_000);
it("revoke many", async () => {
  for (let i = 0; i < 10; i++) {
    const ksid = await opened(a, b);
    const sha256 = tokenSha256(token("sae-a"));
    await connect(a, ksid, { credentials: [revocationKey("token", sha256)] });
    await connect(b, ksid);
    await timed("r" + i, async () => await a.evict(ksid));
  }
}, 60_000);
