import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { useCliEdge } from "../../test/support/cli-edge.ts";

const { seen, replies, qkd, file, folder, sent } = useCliEdge();

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const document = {
  nodes: [{ id: "tn-1" }],
  links: [],
  saes: [{ id: "sae-a", node: "tn-1", credentials: [{ type: "certificate", match: "cn", value: "sae-a" }] }],
  operators: [{ id: "operator", credentials: [] }],
};
const inForce = (put: { status: number; json?: unknown } = { status: 200, json: { version: 8 } }) => {
  replies["GET /api/v1/network"] = [{ status: 200, json: document, headers: { etag: '"7"' } }];
  replies["PUT /api/v1/network"] = [put];
};

describe("token create", () => {
  test("prints the token once and its entry, and changes nothing", async () => {
    const result = await qkd("token", "create", "sae:sae-a", "--days", "10", "--scopes", "keys.enc,keys.dec");
    expect([result.code, result.err, seen.length]).toEqual([0, "", 0]);
    const [first = "", , entry = ""] = result.out.split("\n");
    const token = /^token, shown this once: ([0-9a-f]{64})$/.exec(first)?.[1] ?? "";
    const credential = JSON.parse(entry) as { expires: string };
    expect(credential).toMatchObject({ type: "token", sha256: sha256(token), scopes: ["keys.enc", "keys.dec"] });
    const days = (Date.parse(credential.expires) - Date.now()) / (24 * 3600 * 1000);
    expect([Math.round(days)]).toEqual([10]);
    expect(await qkd("token", "create", "sae:sae-a", "--json")).not.toEqual(result);
  });

  test("--out hides it in a file of its owner's; --apply puts the entry where it belongs, and nothing else", async () => {
    inForce();
    const result = await qkd("token", "create", "sae:sae-a", "--out", "a.token", "--apply");
    const path = join(folder(), "a.token");
    const token = readFileSync(path, "utf8");
    expect([token, statSync(path).mode & 0o777]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), 0o600]);
    expect(result).toMatchObject({ code: 0, err: "" });
    expect(result.out).toContain("admitted as sae sae-a by version 8");
    expect(result.out).not.toContain(token);
    const credentials = [...document.saes[0]!.credentials, { type: "token", sha256: sha256(token) }];
    expect(sent()).toEqual({ ...document, saes: [{ ...document.saes[0], credentials }] });
    expect(seen.at(-1)?.headers["if-match"]).toBe('"7"');
    expect(seen.some(({ body }) => body.includes(token))).toBe(false);
  });

  test("what the edge refuses leaves no file", async () => {
    inForce({ status: 412, json: { message: "the version in force is 8" } });
    const result = await qkd("token", "create", "operator:operator", "--out", "o.token", "--apply");
    expect([result.code, result.err]).toEqual([1, "qkd: the version in force is 8 (412)"]);
    expect(existsSync(join(folder(), "o.token"))).toBe(false);
  });

  test.each([
    ["no answer", { status: 0 }, "cannot reach"],
    ["the edge's own trouble", { status: 503, json: { message: "try again" } }, "try again (503)"],
    ["an answer of another version", { status: 200, json: {} }, "not what this version expects"],
  ])("%s: it may have been admitted, so the file stays", async (_what, put, reason) => {
    inForce(put);
    const result = await qkd("token", "create", "sae:sae-a", "--out", "a.token", "--apply");
    const token = readFileSync(join(folder(), "a.token"), "utf8");
    expect([result.code, result.out]).toEqual([1, ""]);
    for (const words of [reason, "may or may not count", sha256(token), join(folder(), "a.token")]) {
      expect(result.err).toContain(words);
    }
    const shown = await qkd("token", "create", "sae:sae-a", "--apply");
    expect(shown.err).toMatch(/^token, shown this once: [0-9a-f]{64}\nqkd: /);
  });

  test("--apply without a network document is refused", async () => {
    const result = await qkd("token", "create", "sae:sae-a", "--out", "a.token", "--apply");
    expect([result.code, result.err]).toEqual([1, expect.stringContaining("there is no network document yet")]);
    expect(existsSync(join(folder(), "a.token"))).toBe(false);
  });

  test.each([
    [["seo:sae-a"], 'no role "seo" has tokens. Did you mean "sae"?'],
    [["sae"], '"sae" names nobody'],
    [["sae:sae-b", "--apply"], 'the network document has no sae "sae-b". Did you mean "sae-a"?'],
    [["sae:sae-a", "--scopes", "keys.encc"], '"keys.encc" is no action of role sae. Did you mean "keys.enc"?'],
    [["sae:sae-a", "--scopes", "network.read"], '"network.read" is no action of role sae.'],
    [["sae:sae-a", "--days", "0"], "--days must be a whole number from 1 to 3652"],
  ])("%j is refused", async (argv, message) => {
    inForce();
    const result = await qkd("token", "create", ...argv);
    expect([result.code, result.out, result.err]).toEqual([1, "", expect.stringContaining(message)]);
    expect(seen.some(({ method }) => method === "PUT")).toBe(false);
  });
});

test("token revoke is `revoke token`", async () => {
  const at = "2026-01-01T00:00:00.000Z";
  const value = sha256("a-token-to-be-revoked");
  inForce();
  replies["POST /api/v1/revocations"] = [
    { status: 201, json: { kind: "token", value, reason: "lost", at, by: "operator:operator" } },
  ];
  file("t", "a-token-to-be-revoked\n");
  const result = await qkd("token", "revoke", "@t", "--reason", "lost");
  expect([result.code, result.out]).toEqual([0, `revoked token ${value}`]);
  expect(sent()).toEqual({ kind: "token", value, reason: "lost", force: false });
});
