import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { useCliEdge } from "../../test/support/cli-edge.ts";

const { seen, replies, qkd, folder } = useCliEdge();

const ID = "550e8400-e29b-41d4-a716-446655440000";
const ID_2 = "650e8400-e29b-41d4-a716-446655440000";
const KEY = Buffer.alloc(32, 7).toString("base64");
const container = (...ids: readonly string[]) => ({ keys: ids.map((key_ID) => ({ key_ID, key: KEY })) });
const gives = (json: object, status = 200) => {
  replies["GET /api/v1/keys/sae-b/enc_keys"] = [{ status, json }];
  replies["POST /api/v1/keys/sae-b/enc_keys"] = [{ status, json }];
};

describe("keys get", () => {
  test("tells the ID and how long the key is; the key itself only with --show", async () => {
    gives(container(ID));
    expect(await qkd("keys", "get", "sae-b")).toEqual({ code: 0, out: `${ID}  [32 bytes]`, err: "" });
    expect(seen[0]?.headers.authorization).toBe("Bearer a-token-of-the-tests");
    expect(await qkd("keys", "get", "sae-b", "--show")).toEqual({ code: 0, out: `${ID}  ${KEY}`, err: "" });
    const hidden = await qkd("keys", "get", "sae-b", "--json");
    expect(JSON.parse(hidden.out)).toEqual({ keys: [{ key_ID: ID, key_bytes: 32 }] });
    const shown = await qkd("keys", "get", "sae-b", "--json", "--show");
    expect(JSON.parse(shown.out)).toEqual(container(ID));
  });

  test("number, size and further slaves are asked for", async () => {
    gives(container(ID, ID_2));
    await qkd("keys", "get", "sae-b", "--number", "2", "--size", "256");
    expect(seen[0]?.url).toBe("/api/v1/keys/sae-b/enc_keys?number=2&size=256");
    gives(container(ID));
    await qkd("keys", "get", "sae-b", "sae-c");
    expect(JSON.parse(seen[1]?.body.toString() ?? "")).toEqual({ additional_slave_SAE_IDs: ["sae-c"] });
  });

  test("--out writes a file that its owner alone can read, and prints no key", async () => {
    gives(container(ID));
    const result = await qkd("keys", "get", "sae-b", "--out", "key.json");
    const file = join(folder(), "key.json");
    expect(result).toEqual({ code: 0, out: `${ID}  [32 bytes]`, err: `1 key -> ${file}` });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(container(ID));
  });

  test("a file that is there is neither overwritten nor is a key asked for; one without a key does not stay", async () => {
    writeFileSync(join(folder(), "mine"), "mine");
    const taken = await qkd("keys", "get", "sae-b", "--out", "mine");
    expect([taken.code, taken.err, seen.length]).toEqual([1, expect.stringContaining("cannot write"), 0]);
    expect(readFileSync(join(folder(), "mine"), "utf8")).toBe("mine");
    gives({ message: "not enough keys available" }, 400);
    expect((await qkd("keys", "get", "sae-b", "--out", "new")).code).toBe(1);
    expect(existsSync(join(folder(), "new"))).toBe(false);
  });

  test("what is refused is said, with what helps", async () => {
    gives({ message: "unauthorised" }, 401);
    const result = await qkd("keys", "get", "sae-b");
    expect([result.code, result.out]).toEqual([1, ""]);
    expect(result.err).toMatch(/^qkd: unauthorised \(HTTP 401\): keys are for SAEs; --as names one of a tokens\.json/);
    gives({ keys: [{ key_ID: ID, key: "not base64" }] });
    expect((await qkd("keys", "get", "sae-b")).err).toBe(`qkd: key ${ID} is not base64`);
    replies["GET /api/v1/keys/sae-b/enc_keys"] = [{ status: 0 }];
    expect((await qkd("keys", "get", "sae-b")).err).toMatch(/^qkd: cannot reach http:\S+: /);
    expect((await qkd("keys", "get", "sae-b", "--number", "0")).err).toContain("--number must be a whole number");
  });
});

test("keys dec: by their IDs, in one call, and none where one is not given", async () => {
  replies["POST /api/v1/keys/sae-a/dec_keys"] = [{ status: 200, json: container(ID, ID_2) }];
  const result = await qkd("keys", "dec", "sae-a", ID, ID_2);
  expect(result).toEqual({ code: 0, out: `${ID}  [32 bytes]\n${ID_2}  [32 bytes]`, err: "" });
  expect(JSON.parse(seen[0]?.body.toString() ?? "")).toEqual({ key_IDs: [{ key_ID: ID }, { key_ID: ID_2 }] });
  replies["POST /api/v1/keys/sae-a/dec_keys"] = [{ status: 200, json: container(ID) }];
  expect((await qkd("keys", "dec", "sae-a", ID, ID_2)).err).toContain("holds 1 keys, not 2");
  expect((await qkd("keys", "dec", "sae-a", ID, ID)).err).toContain("asked for twice");
  expect((await qkd("keys", "dec", "sae-a")).err).toContain("MASTER KEY_ID... is missing");
});
