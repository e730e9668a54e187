import { beforeAll, describe, expect, test } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { call, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";

beforeAll(async () => await setUp(0));

const whoami = async (as: string | null) => {
  const response = await call("/api/v1/whoami", { as });
  return { status: response.status, body: response.status === 200 ? await response.json() : await response.text() };
};
const put = async (document: object, version: number) =>
  await call("/api/v1/network", {
    as: "op",
    method: "PUT",
    body: JSON.stringify(document),
    headers: { "If-Match": `"${version}"` },
  });

describe("whoami", () => {
  test.each([
    ["sae-a", { role: "sae", id: "sae-a", node: "n1" }],
    ["agent-1", { role: "agent", id: "agent-1", site: "n1" }],
    ["op", { role: "operator", id: "op" }],
  ])("tells %s who it is", async (as, expected) => {
    expect(await whoami(as)).toEqual({
      status: 200,
      body: { ...expected, by: "token", scopes: null, draining: false, sequence: expect.any(Number) },
    });
  });

  test("is 401 without a body for nobody, and for somebody unknown", async () => {
    for (const as of [null, "stranger"]) expect(await whoami(as)).toEqual({ status: 401, body: "" });
  });

  test("answers whatever the token is limited to, and an SAE that drains", async () => {
    const scoped = { type: "token", sha256: tokenSha256(token("scoped")), scopes: ["audit.read"] };
    const saes = NETWORK.saes.filter(({ id }) => id !== "sae-a2");
    expect(
      (await put({ ...NETWORK, saes, operators: [...NETWORK.operators, { id: "scoped", credentials: [scoped] }] }, 1))
        .status,
    ).toBe(200);
    await expect
      .poll(async () => (await whoami("scoped")).body)
      .toMatchObject({ id: "scoped", scopes: ["audit.read"] });
    expect((await whoami("sae-a2")).body).toMatchObject({ id: "sae-a2", node: "n1", draining: true });
  });

  test("has a sequence that grows with a revocation, and ends with one", async () => {
    const sequence = async () => ((await whoami("sae-b")).body as { sequence: number }).sequence;
    const before = await sequence();
    expect((await post("/api/v1/revocations", "op", { kind: "principal", value: "sae:sae-d" })).status).toBe(201);
    await expect.poll(sequence).toBeGreaterThan(before);
    expect((await whoami("sae-d")).status).toBe(401);
  });
});
