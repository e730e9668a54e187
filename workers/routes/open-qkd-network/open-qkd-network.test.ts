/** Open-QKD-Network's KMS API as its clients see it: tokens, newkey, getkey, and all that is refused. */
import { SELF } from "cloudflare:test";
import { beforeAll, describe, expect, test } from "vitest";
import { tokenSha256 } from "../../../shared/auth/token.ts";
import type { SiteKey } from "../../../shared/open-qkd-network/answers.ts";
import {
  basic,
  hashOf,
  KMS_NETWORK,
  postForm,
  signIn,
  type Tokens,
  withToken,
} from "../../../test/support/in-workerd-kms.ts";
import { call, EDGE, post, setUp } from "../../../test/support/in-workerd-network.ts";

let ann: string;
let bob: string;
beforeAll(async () => {
  await setUp(1, KMS_NETWORK);
  [ann, bob] = [(await signIn("ann")).access_token, (await signIn("bob")).access_token];
});

const newKey = async (token: string, siteid: string): Promise<SiteKey> =>
  await (await withToken(token, `/api/newkey?siteid=${siteid}`)).json<SiteKey>();
const getKey = async (token: string, siteid: string, index: string | number, blockid: string | null) =>
  await withToken(token, `/api/getkey?siteid=${siteid}&index=${index}&blockid=${blockid}`);
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const NO_KEY = { index: -2, hexKey: null, blockId: null, error: expect.any(String) };

/** Bits of the first link, by state: nothing is consumed where none of them moves. */
async function ledger(): Promise<unknown> {
  const status = await call("/api/v1/keys/sae-b/status", { as: "sae-a" });
  const { status_extension: extension } = await status.json<{
    status_extension: { qkdedge: { ledger_bits: object } };
  }>();
  expect(extension.qkdedge.ledger_bits).toMatchObject({ available: expect.any(Number) });
  return extension.qkdedge.ledger_bits;
}

const whoami = async (token: string): Promise<number> => (await withToken(token, "/api/v1/whoami")).status;
/** Through the front of a KME. */
const atKme = async (node: string, token: string): Promise<Response> =>
  await SELF.fetch(`${EDGE}/api/v1/whoami`, { headers: { Authorization: `Bearer ${token}` }, cf: { qkd: { node } } });
const refresh = async (token: string): Promise<Response> =>
  await postForm("/uaa/oauth/token", { grant_type: "refresh_token", refresh_token: token });
const postMultipart = async (body: FormData): Promise<Response> =>
  await SELF.fetch(`${EDGE}/uaa/oauth/token`, {
    method: "POST",
    body,
    headers: { Authorization: basic("app", "app-secret") },
  });

const put = async (document: object) => {
  const etag = (await call("/api/v1/network", { as: "op" })).headers.get("ETag") ?? "";
  const body = JSON.stringify(document);
  const answer = await call("/api/v1/network", { as: "op", method: "PUT", headers: { "If-Match": etag }, body });
  expect(answer.status).toBe(200);
};
/** As soon as the Worker's copy of the network is no longer the one before. */
const signedIn = async (user: string): Promise<Tokens> => {
  const box: Tokens[] = [];
  const works = async () => {
    box[0] = await signIn(user);
    return await whoami(box[0].access_token);
  };
  await expect.poll(works).toBe(200);
  return box[0] as Tokens;
};
const ends = async (token: string) => await expect.poll(async () => await whoami(token)).toBe(401);

describe("tokens", () => {
  test("Q-01: the request as c-toxcore sends it", async () => {
    const form = "password=ann-password&client_secret=x&client=app&username=ann&grant_type=password&scope=openid";
    const answer = await postForm("/uaa/oauth/token", form);
    expect([answer.status, answer.headers.get("Cache-Control"), answer.headers.get("Pragma")]).toEqual([
      200,
      "no-store",
      "no-cache",
    ]);
    expect(await answer.json()).toEqual({
      access_token: expect.stringMatching(/^qkdk\.app\./),
      token_type: "bearer",
      refresh_token: expect.stringMatching(/^qkdk\.app\./),
      expires_in: 43_199,
      scope: "openid",
    });
  });

  test("as in the original's instructions: curl -F, whose form is multipart", async () => {
    const body = new FormData();
    for (const [name, value] of Object.entries({
      password: "ann-password",
      client_secret: "x",
      client: "app",
      username: "ann",
      grant_type: "password",
      scope: "openid",
    }))
      body.append(name, value);
    expect(await (await postMultipart(body)).json()).toMatchObject({ token_type: "bearer" });
    body.append("file", new Blob(["x"]), "x");
    expect(await (await postMultipart(body)).json()).toMatchObject({ error: "invalid_request" });
    const broken = await postForm("/uaa/oauth/token", "x", { "Content-Type": "multipart/form-data; boundary=y" });
    expect([broken.status, await broken.json()]).toEqual([400, expect.objectContaining({ error: "invalid_request" })]);
  });

  test("without Basic the form tells the client; a client by itself gets keys of its site", async () => {
    const form = { grant_type: "client_credentials", client_id: "app", client_secret: "app-secret" };
    const answer = await SELF.fetch(`${EDGE}/uaa/oauth/token`, { method: "POST", body: new URLSearchParams(form) });
    const { access_token: token, ...others } = await answer.json<{ access_token: string }>();
    expect(others).toEqual({ token_type: "bearer", expires_in: 43_199, scope: "openid" });
    expect(await newKey(token, "B")).toMatchObject({ index: 0 });
    const told = await (await withToken(token, "/api/v1/whoami")).json();
    expect(told).toMatchObject({ role: "kms-user", id: "app", node: "n1", by: "oauth" });
  });

  test("counts at the KME of the user's own site, and at no other", async () => {
    expect([(await atKme("n1", ann)).status, (await atKme("n2", ann)).status]).toEqual([200, 401]);
  });

  const GOOD = { grant_type: "password", username: "ann", password: "ann-password" };
  test.each([
    ["a wrong password", { ...GOOD, password: "x" }, {}, 400, "invalid_grant"],
    ["a user that there is not", { ...GOOD, username: "zed" }, {}, 400, "invalid_grant"],
    [
      "a client that the user may not use",
      { ...GOOD, username: "app-only", password: "bob-password" },
      { Authorization: basic("simple", "app-secret") },
      400,
      "invalid_grant",
    ],
    ["no password", { grant_type: "password", username: "ann" }, {}, 400, "invalid_request"],
    ["no grant", { username: "ann" }, {}, 400, "invalid_request"],
    ["a grant that there is not", { ...GOOD, grant_type: "implicit" }, {}, 400, "unsupported_grant_type"],
    [
      "a grant that the client may not use",
      { grant_type: "client_credentials" },
      { Authorization: basic("simple", "app-secret") },
      400,
      "unauthorized_client",
    ],
    ["a scope that there is not", { ...GOOD, scope: "openid admin" }, {}, 400, "invalid_scope"],
    ["a parameter twice", "grant_type=password&grant_type=password", {}, 400, "invalid_request"],
    ["too many parameters", Array.from({ length: 40 }, (_, n) => `p${n}=1`).join("&"), {}, 400, "invalid_request"],
    ["a wrong client secret", GOOD, { Authorization: basic("app", "x") }, 401, "invalid_client"],
    ["a client that there is not", GOOD, { Authorization: basic("zed", "app-secret") }, 401, "invalid_client"],
    ["no Basic at all", GOOD, { Authorization: "Basic ???" }, 401, "invalid_client"],
    ["JSON", JSON.stringify(GOOD), { "Content-Type": "application/json" }, 400, "invalid_request"],
    ["a body that is too large", `x=${"y".repeat(9000)}`, {}, 413, "invalid_request"],
    [
      "a refresh token of another client",
      { grant_type: "refresh_token", refresh_token: "qkdk.simple.A" },
      {},
      400,
      "invalid_grant",
    ],
  ])("%s is refused as OAuth says", async (_what, form, headers, status, error) => {
    const answer = await postForm("/uaa/oauth/token", form, headers);
    expect([answer.status, await answer.json()]).toEqual([status, { error, error_description: expect.any(String) }]);
    expect(answer.headers.get("WWW-Authenticate")).toBe(status === 401 ? 'Basic realm="qkd-edge"' : null);
  });

  test("other methods are refused in the same form, and nothing is read from a URL", async () => {
    const got = await SELF.fetch(`${EDGE}/uaa/oauth/token?grant_type=client_credentials`);
    expect([got.status, await got.json()]).toEqual([405, expect.objectContaining({ error: "invalid_request" })]);
    const empty = await postForm("/uaa/oauth/token?grant_type=client_credentials", "");
    expect([empty.status, await empty.json()]).toEqual([400, expect.objectContaining({ error: "invalid_request" })]);
  });

  test("a refresh token is good once; shown again it takes all of its sign-in with it", async () => {
    const first = await signIn("ann");
    const second = await (await refresh(first.refresh_token)).json<typeof first>();
    expect([await whoami(first.access_token), await whoami(second.access_token)]).toEqual([401, 200]);
    const again = await refresh(first.refresh_token);
    expect([again.status, await again.json()]).toEqual([400, expect.objectContaining({ error: "invalid_grant" })]);
    expect((await refresh(second.refresh_token)).status).toBe(400);
    await expect.poll(async () => await whoami(second.access_token)).toBe(401);
    // A refresh token is no access token.
    expect(await whoami((await signIn("ann")).refresh_token)).toBe(401);
  });

  test("RFC 7009: a revoked token is none, at once; what is none is revoked already", async () => {
    const { access_token: access, refresh_token: refreshing } = await signIn("ann");
    expect((await withToken(access, "/api/v1/whoami")).status).toBe(200);
    const stranger = await postForm("/uaa/oauth/revoke", { token: access }, { Authorization: basic("app", "x") });
    expect([stranger.status, (await withToken(access, "/api/v1/whoami")).status]).toEqual([401, 200]);
    expect((await postForm("/uaa/oauth/revoke", { token: access })).status).toBe(200);
    expect((await withToken(access, "/api/v1/whoami")).status).toBe(401);
    expect((await postForm("/uaa/oauth/revoke", { token: "no such token" })).status).toBe(200);
    expect((await postForm("/uaa/oauth/revoke", {})).status).toBe(400);
    expect((await postForm("/uaa/oauth/revoke", { token: refreshing })).status).toBe(200);
    const form = { grant_type: "refresh_token", refresh_token: refreshing };
    expect((await postForm("/uaa/oauth/token", form)).status).toBe(400);
  });
});

describe("keys", () => {
  test("Q-02, Q-03: newkey at one site, getkey at the other, once; by query or form, GET or POST", async () => {
    const made = await newKey(ann, "B");
    expect(made).toEqual({
      index: 0,
      hexKey: expect.stringMatching(/^[0-9a-f]{64}$/),
      blockId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const fetched = await getKey(bob, "A", 0, made.blockId);
    expect([fetched.status, await fetched.json()]).toEqual([200, made]);
    const again = await getKey(bob, "A", 0, made.blockId);
    expect([again.status, await again.json()]).toEqual([200, NO_KEY]);

    const posted = await withToken(bob, "/api/newkey", { method: "POST", body: "siteid=n1", headers: FORM });
    const back = await posted.json<SiteKey>();
    const body = new URLSearchParams({ siteid: "B", index: "0", blockid: String(back.blockId).toUpperCase() });
    const answer = await withToken(ann, "/api/getkey", { method: "POST", body: String(body), headers: FORM });
    expect(await answer.json()).toEqual(back);
  });

  test("of many at once each is another, and each of them is fetched by one of two who race for it", async () => {
    const made = await Promise.all(Array.from({ length: 8 }, async () => await newKey(ann, "B")));
    expect(new Set(made.map(({ hexKey }) => hexKey)).size).toBe(8);
    const raced = await Promise.all(
      [...made, ...made].map(async ({ blockId }) => await (await getKey(bob, "A", 0, blockId)).json<SiteKey>()),
    );
    const won = raced.filter(({ index }) => index === 0).map(({ hexKey }) => hexKey);
    expect(won).toHaveLength(8);
    expect(new Set(won)).toEqual(new Set(made.map(({ hexKey }) => hexKey)));
  });

  test("a repeat with the same Idempotency-Key is answered alike, so that an answer that got lost is none", async () => {
    const init = { method: "POST", body: "siteid=B", headers: { ...FORM, "Idempotency-Key": "again" } };
    const [one, two] = [await withToken(ann, "/api/newkey", init), await withToken(ann, "/api/newkey", init)];
    expect(await two.json()).toEqual(await one.json());
  });

  test("Q-04: without a token that counts there is an error, and nothing else", async () => {
    for (const path of ["/api/newkey?siteid=B", "/api/getkey?siteid=A&index=0&blockid=x"]) {
      for (const token of ["", "qkdk.app.AAAA", `qkdk.app.${"A".repeat(43)}`, `qkdk.none.${"A".repeat(43)}`]) {
        const answer = await SELF.fetch(EDGE + path, {
          headers: token === "" ? {} : { Authorization: `Bearer ${token}` },
        });
        expect([answer.status, await answer.json()]).toEqual([
          401,
          expect.objectContaining({ error: "invalid_token" }),
        ]);
        expect(answer.headers.get("WWW-Authenticate")).toContain('error="invalid_token"');
      }
    }
    const sae = await call("/api/newkey?siteid=B", { as: "sae-a" });
    expect([sae.status, await sae.json()]).toEqual([403, NO_KEY]);
  });

  test("Q-05: the wrong block, index or site is no key, and the key is still to be had", async () => {
    const made = await newKey(ann, "B");
    const before = await ledger();
    const carol = (await call(`/api/v1/keys/sae-b/enc_keys`, { as: "sae-a" })).json<{ keys: { key_ID: string }[] }>();
    const foreign = (await carol).keys[0]?.key_ID ?? "";
    const afterwards = await ledger();
    expect(afterwards).not.toEqual(before);
    for (const [token, site, index, block] of [
      [bob, "A", 0, crypto.randomUUID()],
      [bob, "A", 1, made.blockId],
      [bob, "A", 4_294_967_295, made.blockId],
      [bob, "C", 0, made.blockId],
      [ann, "B", 0, made.blockId],
      [bob, "A", 0, foreign],
    ] as const) {
      const answer = await getKey(token, site, index, block);
      expect([answer.status, await answer.json()]).toEqual([200, NO_KEY]);
    }
    expect(await ledger()).toEqual(afterwards);
    expect(await (await getKey(bob, "A", 0, made.blockId)).json()).toEqual(made);
  });

  test("a key of another size, which the site's SAE has made by ETSI 014, is no key here, and stays where it is", async () => {
    const given = await call("/api/v1/keys/kms-n2/enc_keys?size=512", { as: "sae-a2" });
    const { keys } = await given.json<{ keys: { key_ID: string }[] }>();
    const before = await ledger();
    const answer = await getKey(bob, "A", 0, keys[0]?.key_ID ?? "");
    expect([answer.status, await answer.json()]).toEqual([200, NO_KEY]);
    expect(await ledger()).toEqual(before);
  });

  const BLOCK = "11111111-2222-4333-8444-555555555555";
  test.each([
    ["/api/newkey", "siteid: missing"],
    ["/api/newkey?siteid=", "siteid: missing"],
    ["/api/newkey?siteid=A", "siteid: is the caller's own site"],
    ["/api/newkey?siteid=n1", "siteid: is the caller's own site"],
    ["/api/newkey?siteid=Z", "siteid: no such site"],
    ["/api/newkey?siteid=n4", "siteid: the site is not served by this API"],
    ["/api/newkey?siteid=B&siteid=B", "siteid: given more than once"],
    [`/api/getkey?siteid=B&index=0`, "blockid: missing"],
    [`/api/getkey?siteid=B&blockid=${BLOCK}`, "index: missing"],
    [`/api/getkey?siteid=Z&index=0&blockid=${BLOCK}`, "siteid: no such site"],
    [`/api/getkey?siteid=A&index=0&blockid=${BLOCK}`, "siteid: is the caller's own site"],
    [`/api/getkey?siteid=B&index=-1&blockid=${BLOCK}`, "index: shall be a whole number of 0 to 4294967295"],
    [`/api/getkey?siteid=B&index=4294967296&blockid=${BLOCK}`, "index: shall be a whole number of 0 to 4294967295"],
    [`/api/getkey?siteid=B&index=1e0&blockid=${BLOCK}`, "index: shall be a whole number of 0 to 4294967295"],
    [`/api/getkey?siteid=B&index=0&blockid=${BLOCK}${BLOCK}`, "blockid: shall be a UUID of 36 characters"],
    [`/api/getkey?siteid=B&index=0&blockid=..%2F..%2F`, "blockid: shall be a UUID of 36 characters"],
  ])("%s: %s", async (path, error) => {
    const before = await ledger();
    const answer = await withToken(ann, path);
    expect([answer.status, await answer.json()]).toEqual([400, { index: -2, hexKey: null, blockId: null, error }]);
    expect(await ledger()).toEqual(before);
  });

  test("a body that is no form, or too large, is refused in the same shape", async () => {
    for (const [body, headers, status] of [
      ['{"siteid":"B"}', { "Content-Type": "application/json" }, 400],
      [`siteid=${"B".repeat(9000)}`, FORM, 413],
    ] as const) {
      const answer = await withToken(ann, "/api/newkey", { method: "POST", body, headers });
      expect([answer.status, await answer.json()]).toEqual([status, NO_KEY]);
    }
    expect((await withToken(ann, "/api/newkey?siteid=B", { method: "PUT" })).status).toBe(405);
  });

  test("a pair without key: HTTP 200, and index -2 that says why", async () => {
    const answer = await withToken(bob, "/api/newkey?siteid=C");
    expect([answer.status, await answer.json()]).toEqual([200, NO_KEY]);
  });
});

describe("the variant of ETSI 014", () => {
  test("sites in place of SAEs, index and block in place of the key ID", async () => {
    const enc = await withToken(ann, "/api/v1/keys/B/enc_keys");
    const { keys } = await enc.json<{ keys: SiteKey[] }>();
    expect(keys).toEqual([{ index: 0, hexKey: expect.stringMatching(/^[0-9a-f]{64}$/), blockId: expect.any(String) }]);
    const path = `/api/v1/keys/A/dec_keys?key_ID=0-${keys[0]?.blockId}`;
    expect(await (await withToken(bob, path)).json()).toEqual({ keys });
    expect(await (await withToken(bob, path, { method: "POST", body: "" })).json()).toEqual({ keys: [NO_KEY] });
    expect(await (await withToken(ann, "/api/v1/keys/B/status")).json()).toEqual({
      source_KME_ID: "A",
      target_KME_ID: "B",
      master_KME_ID: "A",
      slave_KME_ID: "B",
      key_size: 32,
      key_block_size: 1,
    });
  });

  test.each(["/api/v1/keys/A/enc_keys", "/api/v1/keys/B/dec_keys", "/api/v1/keys/B/dec_keys?key_ID=x"])(
    "%s is refused in its form",
    async (path) => {
      const answer = await withToken(ann, path);
      expect([answer.status, await answer.json()]).toEqual([400, { keys: [NO_KEY] }]);
    },
  );

  test("an SAE's own credentials still mean 014 itself, and a user's token nothing anywhere else", async () => {
    const enc = await call("/api/v1/keys/sae-b/enc_keys", { as: "sae-a" });
    expect(await enc.json()).toMatchObject({ keys: [{ key_ID: expect.any(String) }] });
    for (const path of ["/api/v1/network", "/api/v1/links", "/api/v1/audit", "/kmapi/versions", "/api/v1/nodes"]) {
      expect([path, (await withToken(ann, path)).status]).toEqual([path, 403]);
    }
    expect((await withToken(ann, "/api/v1/keys/sae-b/enc_keys")).status).toBe(400);
  });
});

describe("tokens end with what they were given for", () => {
  test("a changed password, a client's new secret, a user or a site that is gone", async () => {
    const { kms_users: users = [], kms_clients: clients = [], nodes } = KMS_NETWORK;
    const served = { kms_users: [], kms_clients: clients.filter(({ id }) => id === "simple") };
    const withAnn = (change: object) => users.map((user) => (user.id === "ann" ? { ...user, ...change } : user));
    for (const change of [
      { kms_users: withAnn({ password: hashOf("ann-password") }) },
      { kms_clients: clients.map((client) => ({ ...client, secret: hashOf("app-secret") })) },
      { kms_users: users.filter(({ id }) => id !== "ann") },
      { kms_users: withAnn({ clients: ["simple"] }) },
      { ...served, nodes: nodes.map((node) => ({ ...node, kms_sae: undefined })) },
    ]) {
      await put(KMS_NETWORK);
      const { access_token: token } = await signedIn("ann");
      await put({ ...KMS_NETWORK, ...change });
      await ends(token);
    }
    await put(KMS_NETWORK);
  });

  test("a token, and then a user, that an operator revokes: for good", async () => {
    const { access_token: one } = await signedIn("bob");
    const { access_token: two, refresh_token: refreshing } = await signedIn("bob");
    await post("/api/v1/revocations", "op", { kind: "token", value: tokenSha256(one), reason: "lost" });
    await ends(one);
    expect(await whoami(two)).toBe(200);
    await post("/api/v1/revocations", "op", { kind: "principal", value: "kms-user:bob", reason: "left" });
    await ends(two);
    for (const form of [
      { grant_type: "password", username: "bob", password: "bob-password" },
      { grant_type: "refresh_token", refresh_token: refreshing },
    ]) {
      const answer = await postForm("/uaa/oauth/token", form);
      expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({ error: "invalid_grant" })]);
    }
  });
});
