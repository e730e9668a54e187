import { expect, it } from "vitest";
import { makeStreams, newKsid, opened } from "../../test/support/in-workerd-streams.ts";
import { hex } from "../../test/support/in-workerd-pool.ts";
import { makeStreamPool, openBoth } from "../../test/support/in-workerd-pool-streams.ts";

it("S1 a call that waited while the stream became another", async () => {
  const { a, b } = await makeStreams();
  const ksid = newKsid();
  const [x] = await Promise.all([a.open(ksid, { chunkBytes: 64, maxBps: 512, timeoutMs: 5000 }), b.open(ksid)]);
  expect(x.status).toBe("success");
  await a.key(ksid);
  const late = a.get(ksid);
  await a.close(ksid);
  await b.close(ksid);
  await Promise.all([a.open(ksid, { chunkBytes: 32 }), b.open(ksid)]);
  const answer = await late;
  console.log("S1", answer.status, "key" in answer ? [answer.indices, hex(answer.key), answer.chunkBytes] : "");
  console.log("S1 next", (await a.key(ksid)).indices);
});

it("S2 re-read within the grace, given back", async () => {
  const { a, b } = await makeStreams({ policy: { delivery_grace_s: 5 } });
  const ksid = await opened(a, b);
  const first = await a.key(ksid);
  console.log("S2", first.indices, (await a.get(ksid, { indices: [0], metadataSize: 1 })).status);
  await new Promise((r) => setTimeout(r, 1800));
  console.log("S2 available to a", (await a.available(ksid)).indices);
  await new Promise((r) => setTimeout(r, 5000));
  console.log("S2 after the grace", await a.status(ksid, { indices: [0] }));
  const again = await a.open(ksid);
  console.log(again.status);
}, 20000);

it("S2b pool", async () => {
  const pool = await makeStreamPool({ policy: { delivery_grace_s: 1 } });
  const [a, b] = await openBoth(pool);
  await a.fetch([0]);
  await a.settle([]);
  await a.fetch([0]);
  await a.settle([0]);
  console.log("S2b", await a.available());
  await new Promise((r) => setTimeout(r, 1500));
  console.log("S2b", await a.outcome([0]), await b.outcome([0]));
});
