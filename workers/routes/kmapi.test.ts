import { env, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { pairName, pairOf, poolName } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import { nodeId } from "../../shared/network/lookup.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { call, errorOf, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import type { Env } from "../env.ts";

const objects = env as unknown as Env;
const peer = (id: string, node: string, saes: string[], more: object = {}) => ({
  id,
  node,
  saes,
  credentials: [{ type: "token" as const, sha256: tokenSha256(token(id)) }],
  ...more,
});
/** kms-x sits at n1, kms-y at n2; no key is relayed to n3, as its link has none. */
const WITH_PEERS: NetworkDocumentInput = {
  ...NETWORK,
  kms_peers: [
    peer("kms-x", "n1", ["sae-x", "sae-x2"], { callback_hosts: ["kms-x.test", "localhost:9443"] }),
    peer("kms-y", "n2", ["sae-y"], { form: "key_id_container" }),
  ],
};
const CALLBACK = "https://kms-x.test/kmapi/v1/ext_keys/ack";

beforeAll(async () => await setUp(2, WITH_PEERS));
afterEach(() => vi.restoreAllMocks());

interface Key {
  readonly key_id: string;
  readonly value: string;
}
/** Of IDs that are not of our making, as another vendor's may be. */
const newKey = (bytes = 32): Key => ({
  key_id: crypto.randomUUID().replace(/^(.{14})4/, "$11"),
  value: toBase64(crypto.getRandomValues(new Uint8Array(bytes))),
});
const newKeys = (count: number): Key[] => Array.from({ length: count }, () => newKey());
const idsOf = (keys: readonly Key[]) => keys.map(({ key_id }) => ({ key_id }));

type Acks = Record<string, unknown>[];
/** To kms-x for sae-a of sae-x, where not said otherwise. */
const handOver = async (keys: readonly Key[], more: object = {}, as = "kms-x") =>
  await post("/kmapi/v1/ext_keys", as, { keys, initiator_sae_id: "sae-x", target_sae_ids: ["sae-a"], ...more });
const takeBack = async (keys: readonly Key[], more: object = {}, as = "kms-x") =>
  await post("/kmapi/v1/ext_keys/void", as, {
    key_ids: idsOf(keys),
    initiator_sae_id: "sae-x",
    target_sae_ids: ["sae-a"],
    ...more,
  });
async function acks(response: Response): Promise<Acks> {
  expect(response.status).toBe(200);
  return await response.json<Acks>();
}
const statuses = async (response: Response) => (await acks(response)).map((ack) => ack["ack_status"]);
const fetchKeys = async (keys: readonly Key[], as = "sae-a", master = "sae-x") =>
  await post(`/api/v1/keys/${master}/dec_keys`, as, { key_IDs: keys.map(({ key_id }) => ({ key_ID: key_id })) });
const asContainer = (keys: readonly Key[]) => ({
  keys: keys.map(({ key_id, value }) => ({ key_ID: key_id, key: value })),
});

/** Fetched, as they were handed over. */
async function fetched(keys: readonly Key[], as = "sae-a", master = "sae-x"): Promise<void> {
  const response = await fetchKeys(keys, as, master);
  expect(await response.json()).toEqual(asContainer(keys));
}
async function notFound(keys: readonly Key[], as = "sae-a"): Promise<void> {
  const response = await fetchKeys(keys, as);
  expect(response.status).toBe(400);
  expect((await errorOf(response)).message).toBe("one or more keys specified are not found on KME");
}

describe("who may", () => {
  test("only key management systems of the document; the versions are told to them", async () => {
    expect(await (await call("/kmapi/versions", { as: "kms-x" })).json()).toEqual({
      versions: ["v1"],
      capabilities: ["synchronous_mode"],
    });
    expect((await call("/kmapi/versions")).status).toBe(401);
    const denied = await call("/kmapi/versions", { as: "sae-a" });
    expect(denied.status).toBe(403);
    expect(await denied.json()).toMatchObject({ type: "about:blank", status: 403 });
    const wrong = await call("/kmapi/versions", { as: "kms-x", method: "DELETE" });
    expect([wrong.status, wrong.headers.get("Allow")]).toEqual([405, "GET"]);
    expect(await wrong.json()).toMatchObject({ status: 405 });
    expect((await call("/api/v1/network", { as: "kms-x" })).status).toBe(403);
    expect((await call("/api/v1/keys/sae-a/enc_keys", { as: "kms-x" })).status).toBe(401);
  });

  test.each([
    ["another's SAE", { initiator_sae_id: "sae-y" }, /initiator/],
    ["an SAE of ours", { initiator_sae_id: "sae-a2" }, /initiator/],
    ["a target that is nowhere", { target_sae_ids: ["nobody"] }, /target_sae_ids: no such SAE/],
    ["a target behind another KMS", { target_sae_ids: ["sae-y"] }, /target_sae_ids: no such SAE/],
    ["a target twice", { target_sae_ids: ["sae-a", "sae-a"] }, /twice/],
    ["a callback elsewhere", { ack_callback_url: "https://edge.test/internal" }, /none of this KMS/],
    ["a callback at another port", { ack_callback_url: "https://kms-x.test:444/" }, /none of this KMS/],
    ["a callback without TLS", { ack_callback_url: "http://kms-x.test/" }, /https/],
    ["what is mandatory", { extension_mandatory: { E1_x: 1 } }, /extension_mandatory/],
  ])("refuses %s, and takes nothing", async (_, more, words) => {
    const keys = newKeys(1);
    const response = await handOver(keys, more);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      type: "about:blank",
      status: 400,
      title: expect.stringMatching(words),
    });
    await notFound(keys);
  });
});

/** Bits of the first link that became pads. */
const pad = async () => {
  const link = await (
    await call("/api/v1/links/n1-n2", { as: "op" })
  ).json<{ pool: { ledger_bits: Record<string, number> } }>();
  return link.pool.ledger_bits["pad"] ?? 0;
};

describe("synchronous", () => {
  test("keys within the node are fetched under their own IDs, once, by whom they are for", async () => {
    const keys = [newKey(16), newKey(32), newKey(16)];
    expect(await acks(await handOver(keys))).toEqual([
      { key_ids: idsOf(keys), ack_status: "relayed", initiator_sae_id: "sae-x", target_sae_id: "sae-a" },
    ]);
    expect((await fetchKeys(keys, "sae-a2")).status).toBe(401);
    expect((await fetchKeys(keys, "sae-b")).status).toBe(401);
    const mixed = [keys[2], keys[0]] as Key[];
    await fetched(mixed);
    await notFound(mixed);
    await fetched([keys[1] as Key]);
  });

  test("IDs that count up belong to one request, and to no other SAE's", async () => {
    const keys = newKeys(3).map((key, n) => ({ ...key, key_id: `00000000-0000-4000-8000-00000000000${n}` }));
    await acks(await handOver(keys));
    await fetched(keys);
  });

  test("keys for another node come under a pad of its link, which is counted", async () => {
    const [keys, before] = [newKeys(4), await pad()];
    expect(await statuses(await handOver(keys, { target_sae_ids: ["sae-b", "sae-a"] }))).toEqual([
      "relayed",
      "relayed",
    ]);
    expect((await pad()) - before).toBe(4 * 256);
    await fetched(keys, "sae-b");
    await fetched(keys, "sae-a");
  });

  test("keys for a node without a link come under relayed key", async () => {
    const [peerNode, far] = [nodeId("n1"), nodeId("n3")];
    const pool = objects.KEY_POOL.getByName(poolName(pairName(pairOf(peerNode, far)), relayShardOf(1)));
    const relay = crypto.randomUUID() as RelayId;
    const relayed = { relay, paths: [[peerNode, nodeId("n2"), far]] as const };
    const bytes = crypto.getRandomValues(new Uint8Array(4096));
    for (const node of [peerNode, far]) {
      const put = { configVersion: 1, principal: "system", block: blockOfRelay(relay), node, bytes, relayed };
      expect((await pool.ingest(put)).ok).toBe(true);
    }
    const keys = newKeys(2);
    expect(await statuses(await handOver(keys, { target_sae_ids: ["sae-d"] }))).toEqual(["relayed"]);
    await fetched(keys, "sae-d");
    expect((await fetchKeys(keys, "sae-b")).status).toBe(400);
  });

  test("a target that no key reaches fails alone; where all fail for now, it is 503", async () => {
    const keys = Array.from({ length: 2 }, () => newKey(4096));
    const answer = await acks(await handOver(keys, { target_sae_ids: ["sae-a", "sae-d"] }));
    expect(answer.map(({ target_sae_id: sae, ack_status: status }) => [sae, status])).toEqual([
      ["sae-a", "relayed"],
      ["sae-d", "failed"],
    ]);
    const none = await handOver([newKey(4096)], { target_sae_ids: ["sae-d"] });
    expect([none.status, none.headers.has("Retry-After")]).toEqual([503, true]);
    expect(await none.json()).toMatchObject({ status: 503 });
  });

  test("the same again is the same; another value, or another initiator, is refused", async () => {
    const keys = newKeys(2);
    expect(await statuses(await handOver(keys))).toEqual(["relayed"]);
    expect(await statuses(await handOver(keys))).toEqual(["relayed"]);
    const [other] = await acks(await handOver([keys[0] as Key, { ...newKey(), key_id: keys[1]?.key_id ?? "" }]));
    expect(other).toMatchObject({ ack_status: "failed", message: expect.stringContaining("another value") });
    expect(await statuses(await handOver(keys, { initiator_sae_id: "sae-x2" }))).toEqual(["failed"]);
    await fetched(keys);
    // It was fetched: it is not given again.
    expect(await statuses(await handOver(keys))).toEqual(["relayed"]);
    await notFound(keys);
  });

  test("the other form is written where the peer's entry says so", async () => {
    const keys = newKeys(1);
    const more = { initiator_sae_id: "sae-y", target_sae_ids: ["sae-b"] };
    expect(await acks(await handOver(keys, more, "kms-y"))).toEqual([
      { key_id_container: idsOf(keys), ack_status: "relayed", initiator_sae_id: "sae-y", target_sae_ids: ["sae-b"] },
    ]);
    await fetched(keys, "sae-b", "sae-y");
  });
});

describe("void", () => {
  test("a key not yet fetched is gone; one that was is not taken back", async () => {
    const [early, late] = [newKeys(2), newKeys(1)];
    await acks(await handOver([...early, ...late]));
    await fetched(late);
    expect(await acks(await takeBack([...early, ...late]))).toEqual([
      { key_ids: idsOf(early), ack_status: "voided", initiator_sae_id: "sae-x", target_sae_id: "sae-a" },
      { key_ids: idsOf(late), ack_status: "failed to void", initiator_sae_id: "sae-x", target_sae_id: "sae-a" },
    ]);
    await notFound(early);
    expect(await statuses(await takeBack(early))).toEqual(["voided"]);
    expect(await statuses(await handOver(early))).toEqual(["failed"]);
    await notFound(early);
  });

  test("for one target of two: the other still has it", async () => {
    const keys = newKeys(1);
    await acks(await handOver(keys, { target_sae_ids: ["sae-a", "sae-a2"] }));
    expect(await statuses(await takeBack(keys))).toEqual(["voided"]);
    await notFound(keys);
    await fetched(keys, "sae-a2");
  });

  test("before the key: what is late is not taken, for that target", async () => {
    const keys = newKeys(1);
    const plain = { key_ids: keys.map(({ key_id }) => key_id) };
    expect(await statuses(await takeBack(keys, plain))).toEqual(["key not present"]);
    const [ack] = await acks(await handOver(keys));
    expect(ack).toMatchObject({ ack_status: "failed", message: expect.stringContaining("voided") });
    await notFound(keys);
    expect(await statuses(await handOver(keys, { target_sae_ids: ["sae-a2"] }))).toEqual(["relayed"]);
    await fetched(keys, "sae-a2");
  });

  test("another KMS cannot take it back", async () => {
    const keys = newKeys(1);
    await acks(await handOver(keys, { target_sae_ids: ["sae-b"] }));
    const theirs = { initiator_sae_id: "sae-y", target_sae_ids: ["sae-b"] };
    expect(await statuses(await takeBack(keys, theirs, "kms-y"))).toEqual(["key not present"]);
    expect((await takeBack(keys, { target_sae_ids: ["sae-b"] }, "kms-y")).status).toBe(400);
    await fetched(keys, "sae-b");
  });

  test("all of an initiator's, by the member or the query; no IDs without it", async () => {
    const [mine, others] = [newKeys(3), newKeys(1)];
    const second = { initiator_sae_id: "sae-x2" };
    await acks(await handOver(mine, { ...second, target_sae_ids: ["sae-a", "sae-b"] }));
    await acks(await handOver(others));
    expect((await takeBack([], second)).status).toBe(400);
    const [all] = await acks(await takeBack([], { ...second, all_confirmation: true }));
    expect(all).toMatchObject({ ack_status: "voided", key_ids: expect.arrayContaining(idsOf(mine)) });
    expect((await fetchKeys(mine, "sae-a", "sae-x2")).status).toBe(400);
    const body = { ...second, key_ids: [], target_sae_ids: ["sae-b"] };
    expect(await statuses(await post("/kmapi/v1/ext_keys/void?all_confirmation=true", "kms-x", body))).toEqual([
      "voided",
    ]);
    expect((await fetchKeys(mine, "sae-b", "sae-x2")).status).toBe(400);
    await fetched(others);
  });
});

/** Answers of the peer, one a letter. */
function peerAnswers(...answers: (number | Error)[]) {
  const sent: { url: string; init: RequestInit }[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    sent.push({ url: url as string, init: init ?? {} });
    const answer = answers.shift() ?? 200;
    if (answer instanceof Error) throw answer;
    return new Response(null, { status: answer });
  });
  return sent;
}
// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const ring = async () => await runDurableObjectAlarm(objects.KMS_PEER.getByName("kms-x") as any);

describe("asynchronous", () => {
  test("the answer is 202, and the callback hears what became of the keys, once it listens", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const sent = peerAnswers(new Error("refused"), 503, 200);
    const keys = newKeys(1);
    expect((await handOver(keys, { ack_callback_url: CALLBACK })).status).toBe(202);
    await fetched(keys);
    while (sent.length < 3) {
      vi.setSystemTime(Date.now() + 60_000);
      await ring();
    }
    vi.useRealTimers();
    expect(new Set(sent.map(({ url }) => url))).toEqual(new Set([CALLBACK]));
    expect(sent[2]?.init).toMatchObject({ method: "POST", redirect: "manual" });
    expect(JSON.parse(sent[2]?.init.body as string)).toEqual([
      { key_ids: idsOf(keys), ack_status: "relayed", initiator_sae_id: "sae-x", target_sae_id: "sae-a" },
    ]);
    const said = JSON.stringify(sent);
    for (const { value } of keys) expect(said).not.toContain(value);
    expect(await ring()).toBe(false);
  });

  test("a void is confirmed there too", async () => {
    const sent = peerAnswers();
    const keys = newKeys(1);
    await acks(await handOver(keys));
    expect((await takeBack(keys, { ack_callback_url: "https://localhost:9443/ack?kms=1" })).status).toBe(202);
    while (sent.length === 0) await ring();
    expect(sent[0]?.url).toBe("https://localhost:9443/ack?kms=1");
    expect(JSON.parse(sent[0]?.init.body as string)).toMatchObject([{ ack_status: "voided" }]);
  });
});
