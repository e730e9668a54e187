/**
 * What a key management system says besides keys holds none: logs of engine, fronts and starter, errors, status, links,
 * audit, headers. Every delivered key is looked for, and its digests.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KeyScan } from "../support/key-scan.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork({ args: ["--prefill", "1"] });
});
afterAll(async () => void (await network.stop()));

test.each(["latin1", "hex", "base64", "base64url"] as const)("the scan finds a key written in %s", (encoding) => {
  const scan = new KeyScan();
  const key = randomBytes(32);
  scan.add(key);
  expect(scan.find(`key=${key.toString(encoding)}.`)).not.toBeNull();
  expect(scan.find(`part ${key.subarray(7, 20).toString(encoding)}`)).not.toBeNull();
  expect(scan.find(`other ${randomBytes(64).toString(encoding)}`)).toBeNull();
});

interface Key {
  readonly key_ID: string;
  readonly key: string;
}

test("the KMS API's keys and tokens are in its answers only, and a wrong name or password is nowhere", async () => {
  const scan = new KeyScan();
  const said: string[] = [];
  const ask = async (
    path: string,
    body: Record<string, string>,
    authorization: string,
  ): Promise<Record<string, string>> => {
    const answer = await fetch(network.edge + path, {
      method: "POST",
      body: new URLSearchParams(body),
      headers: { Authorization: authorization },
    });
    said.push(JSON.stringify([...answer.headers]));
    return (await answer.json()) as Record<string, string>;
  };
  const signIn = async (username: string, password = "bot"): Promise<Record<string, string>> => {
    const form = { grant_type: "password", username, password };
    return await ask("/uaa/oauth/token", form, `Basic ${btoa("html5:password")}`);
  };
  const tokens = [await signIn("pwebb"), await signIn("site2")];
  for (const { access_token: access = "", refresh_token: refresh = "" } of tokens) {
    for (const token of [access, refresh]) scan.add(Buffer.from(token.split(".").at(-1) ?? "", "base64url"));
  }
  const [atA, atB] = tokens.map(({ access_token: token }) => `Bearer ${token}`);
  for (let n = 0; n < 5; n++) {
    const { hexKey = "", blockId = "" } = await ask("/api/newkey", { siteid: "B" }, atA ?? "");
    scan.add(Buffer.from(hexKey, "hex"));
    const wanted = { siteid: "A", index: "0", blockid: blockId };
    expect(await ask("/api/getkey", wanted, atB ?? "")).toMatchObject({ hexKey });
    said.push(JSON.stringify(await ask("/api/getkey", wanted, atB ?? "")));
  }
  const typed = ["a name typed by mistake", "the password of another system"];
  expect(await signIn(...(typed as [string, string]))).toMatchObject({ error: "invalid_grant" });
  await expect.poll(() => auditOf("tn-1"), { timeout: 30_000 }).toContain("kms-token.issue");
  await expect.poll(() => auditOf("deployment"), { timeout: 30_000 }).toContain("kms-token.refused");
  for (const log of ["tn-1", "tn-2", "deployment"]) said.push(await auditOf(log));
  said.push(network.output());
  for (const text of said) {
    expect(scan.find(text)).toBeNull();
    for (const secret of typed) expect(text).not.toContain(secret);
  }
});

test("nothing but the containers holds bytes of keys, or a digest of one", async () => {
  const scan = new KeyScan();
  const said: string[] = [];
  const ids: string[] = [];
  /** A request whose answer must hold no key; only its status is compared. */
  const ask = async (node: string, sae: string, path: string, body?: string): Promise<number> => {
    const headers = { "content-type": "application/json" };
    const answer = await network.request(node, sae, path, body === undefined ? {} : { method: "POST", headers }, body);
    said.push(answer.body, JSON.stringify(answer.headers));
    return answer.status;
  };
  for (let round = 0; round < 20; round++) {
    const wish = { number: 1 + round, size: 64 * (1 + (round % 8)), ...(round % 5 === 0 ? MULTICAST : {}) };
    const given = await network.request("tn-1", "sae-a", "/api/v1/keys/sae-c/enc_keys", POST, JSON.stringify(wish));
    expect(given.status).toBe(200);
    said.push(JSON.stringify(given.headers));
    const { keys } = JSON.parse(given.body) as { keys: Key[] };
    for (const { key_ID, key } of keys) {
      scan.add(Buffer.from(key, "base64"));
      ids.push(key_ID);
    }
    if (round % 2 === 1) continue; // left pending
    const wanted = JSON.stringify({ key_IDs: keys.map(({ key_ID }) => ({ key_ID })) });
    const fetched = await network.request("tn-2", "sae-c", "/api/v1/keys/sae-a/dec_keys", POST, wanted);
    expect(fetched.status).toBe(200);
    expect(await ask("tn-2", "sae-c", "/api/v1/keys/sae-a/dec_keys", wanted)).toBe(400);
    expect(await ask("tn-4", "sae-b", "/api/v1/keys/sae-a/dec_keys", wanted)).toBeGreaterThanOrEqual(400);
  }
  expect(await ask("tn-1", "sae-a", "/api/v1/keys/sae-c/status")).toBe(200);
  expect(await ask("tn-1", "sae-a", "/api/v1/keys/sae-c/enc_keys?size=7")).toBe(400);
  expect(await ask("tn-1", "sae-a", "/api/v1/keys/sae-c/enc_keys", "{")).toBe(400);
  expect(await ask("tn-1", "sae-a", "/api/v1/keys/sae-a/dec_keys", JSON.stringify({ key_IDs: ids }))).toBe(400);
  for (const path of ["links", "links/tn-1-tn-2", "network", "network/versions", "revocations", "epochs", "whoami"]) {
    said.push(await (await network.fetch(`/api/v1/${path}`, "operator")).text());
  }
  // The pools send their events within a second or so.
  await expect.poll(() => auditOf("tn-1"), { timeout: 30_000 }).toContain("keys.enc");
  for (const log of ["tn-1", "tn-2", "deployment"]) said.push(await auditOf(log));
  await network.stop({ keep: true });
  said.push(network.output());

  expect(said.join("").length).toBeGreaterThan(10_000);
  for (const text of said) expect(scan.find(text)).toBeNull();
});

const POST = { method: "POST", headers: { "content-type": "application/json" } };
const MULTICAST = { additional_slave_SAE_IDs: ["sae-c2"] };

const auditOf = async (node: string): Promise<string> =>
  await (await network.fetch(`/api/v1/audit?node=${node}&limit=1000`, "operator")).text();
