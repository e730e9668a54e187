/** Quotas as SAEs meet them, on a link of two shards; and what status tells of the pool's flow. */
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { WhoamiSchema } from "../../shared/api/schemas.ts";
import { call, container, errorOf, NETWORK, post, setUp } from "../../test/support/in-workerd-network.ts";

let before: number;
const sequence = async () => {
  const { sequence: seen } = v.parse(WhoamiSchema, await (await call("/api/v1/whoami", { as: "sae-a" })).json());
  return seen;
};

beforeAll(async () => {
  await setUp(4);
  before = await sequence();
  const policy = { ...NETWORK.policy, quotas: [{ sae: "sae-a", link: "n1-n2", keys_per_day: 20 }] };
  const put = await call("/api/v1/network", {
    as: "op",
    method: "PUT",
    headers: { "If-Match": '"1"' },
    body: JSON.stringify({ ...NETWORK, policy }),
  });
  expect(put.status).toBe(200);
});

const enc = async (slave: string, as: string, number: number, headers: Record<string, string> = {}) =>
  await post(`/api/v1/keys/${slave}/enc_keys`, as, { number }, headers);

describe("keys a day", () => {
  test("are those of all the link's shards together, however they are asked for", async () => {
    // Workers may see the network as it was for another second.
    await expect.poll(sequence, { timeout: 10_000 }).toBeGreaterThan(before);
    const repeatable = { "Idempotency-Key": crypto.randomUUID() };
    expect((await container(await enc("sae-b", "sae-a", 2, repeatable))).keys).toHaveLength(2);
    const answers = await Promise.all(
      Array.from({ length: 24 }, async (_, i) =>
        enc("sae-b", "sae-a", 1, i % 2 === 0 ? {} : { "Idempotency-Key": crypto.randomUUID() }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(18);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(6);
    for (const answer of refused) {
      expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
      expect(await errorOf(answer)).toEqual({ message: "quota: 20 keys a day" });
    }
    // A repeat is no new request.
    expect((await container(await enc("sae-b", "sae-a", 2, repeatable))).keys).toHaveLength(2);
  });

  test("more than a day has is a bad request; others are not concerned", async () => {
    const response = await enc("sae-b", "sae-a", 21);
    expect([response.status, response.headers.get("Retry-After")]).toEqual([400, null]);
    expect((await container(await enc("sae-b", "sae-a2", 100))).keys).toHaveLength(100);
    expect((await container(await enc("sae-a2", "sae-a", 100))).keys).toHaveLength(100); // within one node
  });
});

const linkPool = async () => {
  const link = (await (await call("/api/v1/links/n1-n2", { as: "op" })).json()) as { pool: Record<string, unknown> };
  return link.pool;
};

test("status and link tell watermarks and rates", async () => {
  const members = {
    watermarks: { low_bytes: 64 * 1024, high_bytes: 8 * 1024 * 1024 },
    refill_rate_bps: expect.any(Number),
    consumption_rate_bps: expect.any(Number),
    time_to_empty_s: null, // what came in before is more than what has been given out
  };
  expect(Object.keys(await linkPool())).toEqual(expect.arrayContaining(Object.keys(members)));
  await expect.poll(linkPool, { timeout: 10_000 }).toMatchObject(members);
  const { status_extension: extension } = (await (await call("/api/v1/keys/sae-b/status", { as: "sae-a" })).json()) as {
    status_extension: { qkdedge: unknown };
  };
  expect(extension.qkdedge).toMatchObject(members);
});
