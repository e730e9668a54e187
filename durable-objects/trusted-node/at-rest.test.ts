/** Nodes that have nothing to do: they are woken by relays alone, and do nothing at all once they are gone. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { call, setUp, token } from "../../test/support/in-workerd-network.ts";
import { pushLink } from "../../test/support/network-document.ts";
import type { ObjectsEnv } from "../env.ts";
import { KeyPool } from "../key-pool/key-pool.ts";
import type { TrustedNode } from "./trusted-node.ts";

const network = (nodes: readonly string[], policy: NetworkDocumentInput["policy"] = {}): NetworkDocumentInput => ({
  nodes: nodes.map((id) => ({ id })),
  links: nodes.slice(1).map((id, i) => pushLink(`${nodes[i]}-${id}`, nodes[i] ?? "", id)),
  saes: [],
  operators: [{ id: "op", credentials: [{ type: "token", sha256: tokenSha256(token("op")) }] }],
  policy,
});
const NODES = ["n1", "n2", "n3"];

const { TRUSTED_NODE } = env as unknown as ObjectsEnv;
const named = (id: string) => TRUSTED_NODE.getByName(id);
const raw = (id: string) => named(id) as unknown as DurableObjectStub<TrustedNode>;
const statusOf = async (id: string) => {
  const status = await named(id).status({ configVersion: 0 });
  if (!status.ok) throw new Error(status.error.message);
  return status.value;
};
/** What the node says of its links: null where it has not looked. */
const toldOf = async (id: string) => (await statusOf(id)).links.map(({ state }) => state);
const alarmOf = async (id: string) =>
  await runInDurableObject(raw(id), async (_, state) => await state.storage.getAlarm());

let version = 1;
async function put(document: NetworkDocumentInput): Promise<void> {
  const headers = { "If-Match": `"${version}"` };
  const body = JSON.stringify(document);
  const answer = await call("/api/v1/network", { as: "op", method: "PUT", headers, body });
  if (answer.status !== 200) throw new Error(await answer.text());
  version += 1;
}

beforeAll(async () => {
  await setUp(0, network(NODES));
});

describe("a node at rest", () => {
  test("is not woken by what others say of their links", async () => {
    await toldOf("n2");
    const look = vi.spyOn(KeyPool.prototype, "linkState");
    const answer = await named("n2").advertise({ from: "n1" as NodeId, advertisements: [], has: [] });
    expect(answer).toEqual({ ok: true, value: null });
    // Does at once what is due.
    await runDurableObjectAlarm(raw("n2"));
    expect(look).not.toHaveBeenCalled();
    expect(await toldOf("n2")).toEqual([null, null]);
  });

  test("is woken by who wants a relay", async () => {
    await named("n2").routeTo({ configVersion: 1, node: "n1" as NodeId, disjointPaths: 1 });
    await expect.poll(async () => await toldOf("n2")).toEqual([expect.anything(), expect.anything()]);
  });
});

describe("a node does nothing more, and plans nothing,", () => {
  test("once it has been removed", async () => {
    await toldOf("n3");
    await put(network(["n1", "n2"]));
    await named("n3").refresh();
    await runDurableObjectAlarm(raw("n3"));
    expect(await alarmOf("n3")).toBeNull();
    expect(await named("n3").status({ configVersion: 0 })).toMatchObject({ ok: false, error: { code: "no-route" } });
  });

  test("while its network relays nothing", async () => {
    await put(network(NODES, { relay: { enabled: false } }));
    await named("n3").refresh();
    await runDurableObjectAlarm(raw("n3"));
    expect(await alarmOf("n3")).toBeNull();
    const message = expect.stringContaining("policy.relay.enabled is false");
    const asked = { configVersion: 0, node: "n1" as NodeId, disjointPaths: 1 };
    expect(await named("n3").routeTo(asked)).toMatchObject({ ok: false, error: { code: "no-route", message } });
  });

  test("and begins anew when it is back", async () => {
    await put(network(NODES));
    await named("n3").refresh();
    await expect.poll(async () => (await statusOf("n3")).heard.map(({ node }) => node)).toContain("n2");
  });
});
