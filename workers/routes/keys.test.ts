import { beforeAll, describe, expect, test } from "vitest";
import * as v from "valibot";
import { StatusSchema } from "../../shared/etsi014/status-schema.ts";
import { shardOfKeyId } from "../../shared/keypool/key-id.ts";
import type { KeyId } from "../../shared/ids.ts";
import { call, container, errorOf, post, setUp } from "../../test/support/in-workerd-network.ts";

beforeAll(async () => await setUp(4));

const statusOf = async (slave: string, as: string) =>
  v.parse(StatusSchema, await (await call(`/api/v1/keys/${slave}/status`, { as })).json());
const enc = async (slave: string, as: string, body: unknown = {}) =>
  (await container(await post(`/api/v1/keys/${slave}/enc_keys`, as, body))).keys;
const dec = async (master: string, as: string, ids: readonly string[], headers: Record<string, string> = {}) =>
  await post(`/api/v1/keys/${master}/dec_keys`, as, { key_IDs: ids.map((key_ID) => ({ key_ID })) }, headers);
const NOT_FOUND = "one or more keys specified are not found on KME";

describe("status", () => {
  test("sums the shards of the pair and says where its bits are", async () => {
    const status = await statusOf("sae-b", "sae-a");
    expect(status).toMatchObject({
      source_KME_ID: "kme-1",
      target_KME_ID: "n2",
      master_SAE_ID: "sae-a",
      slave_SAE_ID: "sae-b",
    });
    expect(status.stored_key_count).toBeLessThanOrEqual(status.max_key_count);
    expect(status.status_extension?.["qkdedge"]).toMatchObject({
      link: "n1-n2",
      source: "push",
      conserved: true,
      simulated: false,
      shards: [{ shard: 0 }, { shard: 1 }],
    });
    const swapped = await statusOf("sae-a", "sae-b");
    expect([swapped.source_KME_ID, swapped.target_KME_ID]).toEqual(["n2", "kme-1"]);
  });

  test("an id that needs encoding is decoded exactly once", async () => {
    const status = await statusOf(encodeURIComponent("urn:sae/é %2F.."), "sae-a");
    expect(status.slave_SAE_ID).toBe("urn:sae/é %2F..");
    expect(
      (await call(`/api/v1/keys/${encodeURIComponent(encodeURIComponent("sae-b"))}/status`, { as: "sae-a" })).status,
    ).toBe(200);
    expect((await call("/api/v1/keys/sae%252Db/status", { as: "sae-a" })).status).toBe(400);
  });

  test.each([
    ["no-such-sae", "no such slave SAE"],
    ["sae-a", "slave_SAE_ID: is the calling SAE itself"],
  ])("%s: a clear 400", async (slave, message) => {
    for (const method of ["status", "enc_keys"]) {
      const response = await call(`/api/v1/keys/${slave}/${method}`, { as: "sae-a" });
      expect(response.status).toBe(400);
      expect((await errorOf(response)).message).toContain(message);
    }
  });
});

describe("keys", () => {
  test("the same key in two hands, in the order asked for, once", async () => {
    const keys = await enc("sae-b", "sae-a", { number: 5, size: 128 });
    const ids = keys.map(({ key_ID }) => key_ID).toReversed();
    const fetched = await container(
      await dec(
        "sae-a",
        "sae-b",
        ids.map((id) => id.toUpperCase()),
      ),
    );
    expect(fetched.keys).toEqual(keys.toReversed());
    for (const { key } of keys) expect(atob(key)).toHaveLength(16);
    const again = await dec("sae-a", "sae-b", ids.slice(0, 1));
    expect([again.status, (await errorOf(again)).message]).toEqual([400, NOT_FOUND]);
  });

  test("keys of both shards in one request: all or nothing", async () => {
    const byShard = new Map<number | null, { key_ID: string; key: string }>();
    for (let i = 0; i < 40 && byShard.size < 2; i++) {
      for (const key of await enc("sae-b", "sae-a")) byShard.set(shardOfKeyId(key.key_ID as KeyId), key);
    }
    const keys = [...byShard.values()];
    expect(keys).toHaveLength(2);
    const ids = keys.map(({ key_ID }) => key_ID);
    expect((await dec("sae-a", "sae-b", [...ids, crypto.randomUUID()])).status).toBe(400);
    expect((await dec("sae-a", "sae-b2", ids)).status).toBe(401);
    expect((await container(await dec("sae-a", "sae-b", ids))).keys).toEqual(keys);
    expect((await dec("sae-a", "sae-b", ids)).status).toBe(400);
  });

  test("a key of others is refused with 401 wherever the asker sits, and stays", async () => {
    const [key] = await enc("sae-b", "sae-a");
    const id = key?.key_ID ?? "";
    // The same pool, the master's own node, a node the master shares no link with, and the master itself.
    const askers = [
      ["sae-b2", "sae-a"],
      ["sae-a2", "sae-a"],
      ["sae-d", "sae-a"],
      ["sae-a", "sae-b"],
      ["sae-a", "sae-a"],
    ];
    for (const [as, master] of askers)
      expect([as, (await dec(master ?? "", as ?? "", [id])).status]).toEqual([as, 401]);
    expect((await dec("sae-b2", "sae-b", [id])).status).toBe(400);
    expect((await container(await dec("sae-a", "sae-b", [id]))).keys).toEqual([key]);
  });

  test("one key of others poisons a request and costs nothing", async () => {
    const [mine] = await enc("sae-a2", "sae-a");
    const [theirs] = await enc("sae-b", "sae-a");
    const ids = [mine?.key_ID ?? "", theirs?.key_ID ?? ""];
    expect((await dec("sae-a", "sae-a2", ids)).status).toBe(401);
    expect((await container(await dec("sae-a", "sae-a2", ids.slice(0, 1)))).keys).toEqual([mine]);
  });

  test("unknown keys and an unknown master", async () => {
    for (const [as, id] of [
      ["sae-b", crypto.randomUUID()],
      ["sae-d", crypto.randomUUID()],
      ["sae-b", "00000000-0000-0000-0000-000000000000"],
    ]) {
      const response = await dec("sae-a", as ?? "", [id ?? ""]);
      expect([response.status, (await errorOf(response)).message]).toEqual([400, NOT_FOUND]);
    }
    const response = await dec("nobody", "sae-b", [crypto.randomUUID()]);
    expect([response.status, (await errorOf(response)).message]).toEqual([400, "no such master SAE"]);
  });

  test("too few keys: 503 with Retry-After, nothing consumed", async () => {
    const drained = "sae-d"; // its link has no material
    const ledgerOf = async () => {
      const extension = (await statusOf(drained, "sae-b")).status_extension?.["qkdedge"];
      return v.parse(v.looseObject({ ledger_bits: v.record(v.string(), v.number()) }), extension).ledger_bits;
    };
    const before = await ledgerOf();
    const response = await post(`/api/v1/keys/${drained}/enc_keys`, "sae-b", { number: 2 });
    expect([response.status, (await errorOf(response)).message]).toEqual([503, "not enough keys available"]);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await ledgerOf()).toEqual(before);
  });

  test("two SAEs of one node share keys too", async () => {
    const [key] = await enc("sae-a2", "sae-a", { size: 512 });
    expect((await container(await dec("sae-a", "sae-a2", [key?.key_ID ?? ""]))).keys).toEqual([key]);
  });
});

const wish = async (slave: string, body: unknown) => await post(`/api/v1/keys/${slave}/enc_keys`, "sae-a", body);

describe("extensions", () => {
  const direct = { extension_mandatory: [{ qkdedge_route_type: "direct" }] };

  test("supported and met, supported and unmet, unsupported, optional", async () => {
    expect((await wish("sae-b", direct)).status).toBe(200);
    for (const slave of ["sae-a2", "sae-d"]) {
      const unmet = await wish(slave, direct);
      expect([unmet.status, (await errorOf(unmet)).message]).toEqual([
        400,
        "not all extension_mandatory request options could be met",
      ]);
    }
    const unsupported = await errorOf(await wish("sae-b", { extension_mandatory: { zzz: 1 } }));
    expect(unsupported.message).toBe("not all extension_mandatory parameters are supported");
    expect(unsupported.details).toEqual([{ extension_mandatory_unsupported: "zzz is not supported" }]);
    expect((await wish("sae-b", { extension_optional: [{ zzz: 1 }] })).status).toBe(200);
  });
});

describe("multicast", () => {
  test("one key for slaves of the same pool, of the master's node; each fetches once", async () => {
    const keys = await enc("sae-b", "sae-a", { number: 2, additional_slave_SAE_IDs: ["sae-b2", "sae-a2"] });
    const ids = keys.map(({ key_ID }) => key_ID);
    expect((await dec("sae-a", "sae-d", ids)).status).toBe(401);
    for (const slave of ["sae-b", "sae-b2", "sae-a2"]) {
      expect((await container(await dec("sae-a", slave, ids))).keys).toEqual(keys);
      expect((await dec("sae-a", slave, ids)).status).toBe(400);
    }
  });

  test.each([
    ["nobody", "no such slave SAE"],
    ["sae-a", "calling SAE itself"],
    ["sae-b", "slave SAE of the path"],
  ])("additional slave %s: 400 naming it, nothing consumed", async (slave, message) => {
    const before = await statusOf("sae-b", "sae-a");
    const response = await post("/api/v1/keys/sae-b/enc_keys", "sae-a", { additional_slave_SAE_IDs: [slave] });
    expect(response.status).toBe(400);
    expect((await errorOf(response)).message).toContain(message);
    expect((await statusOf("sae-b", "sae-a")).stored_key_count).toBe(before.stored_key_count);
  });
});

describe("Idempotency-Key, where the policy grants it", () => {
  test("the same request again gets the same container, another one is refused, nobody else gets it", async () => {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const path = "/api/v1/keys/sae-b/enc_keys";
    const first = await container(await post(path, "sae-a", { number: 2 }, headers));
    expect(await container(await post(path, "sae-a", { number: 2 }, headers))).toEqual(first);
    const others = await container(await post(path, "sae-a2", { number: 2 }, headers));
    expect(others.keys[0]?.key_ID).not.toBe(first.keys[0]?.key_ID);
    expect((await container(await post(path, "sae-a", { number: 2 }))).keys[0]?.key_ID).not.toBe(first.keys[0]?.key_ID);

    const ids = first.keys.map(({ key_ID }) => key_ID);
    expect(await container(await dec("sae-a", "sae-b", ids, headers))).toEqual(first);
    expect(await container(await dec("sae-a", "sae-b", ids, headers))).toEqual(first);
    expect((await dec("sae-a", "sae-b", ids)).status).toBe(400);
  });

  test("the same key with another request is refused, whichever shard that would have gone to", async () => {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const ask = async (size: number) => await post("/api/v1/keys/sae-b/enc_keys", "sae-a", { size }, headers);
    expect((await ask(64)).status).toBe(200);
    for (let size = 72; size <= 144; size += 8) expect((await ask(size)).status).toBe(422);
  });

  test("an unusable key is refused", async () => {
    const response = await post("/api/v1/keys/sae-b/enc_keys", "sae-a", {}, { "Idempotency-Key": "x".repeat(129) });
    expect(response.status).toBe(400);
  });
});
