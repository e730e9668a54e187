/** SAEs of another deployment: what their node announces of them counts, within what the document allows it. */
import { beforeAll, describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../shared/bytes/base64.ts";
import { NO_WISHES } from "../../shared/etsi004/qos.ts";
import type { LinkId, NodeId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { bytesOfAdvertisement } from "../../shared/routing/flood/wire.ts";
import type { Advertisement } from "../../shared/routing/types.ts";
import { call, errorOf, NETWORK, NODE_UUIDS, post, setUp } from "../../test/support/in-workerd-network.ts";
import { TestPeer } from "../../test/support/in-workerd-peer.ts";
import { openAs } from "../../test/support/in-workerd-stream-routes.ts";
import { pushLink } from "../../test/support/network-document.ts";

const peer = new TestPeer("r1", 31);
const UUID = "11111111-2222-4333-8444-555555555555";
const ALLOWED = ["sae-r", "sae-q"];

beforeAll(async () => {
  await setUp(1, {
    ...NETWORK,
    nodes: [...NETWORK.nodes, { ...(await peer.entry("https://other.example", ALLOWED)), uuid: UUID }],
    links: [...NETWORK.links, pushLink("n1-r1", "n1", "r1", { health: "accept" })],
  });
});

async function announce(saes: readonly string[], sequence = Date.now()): Promise<void> {
  const unsigned: Advertisement = {
    node: peer.node as NodeId,
    sequence,
    ageMs: 0,
    links: [{ link: "n1-r1" as LinkId, peer: "n1" as NodeId, availableBits: 8192, keyRateBps: 0, qber: null }],
    saes: saes.map((sae) => sae as SaeId),
    signature: null,
  };
  const { ed25519, mlDsa65 } = await peer.identities.signByBoth(peer.node, bytesOfAdvertisement(unsigned));
  const parts = [ed25519, mlDsa65].map((part) => fromBase64(part) ?? new Uint8Array());
  const signature = toBase64(Uint8Array.from(parts.flatMap((part) => [...part])));
  const body = JSON.stringify({ from: peer.node, advertisements: [{ ...unsigned, signature }] });
  expect(await peer.answer({ to: "n1", question: "advertise", body })).toEqual({ ok: true, value: null });
}

const ask = async (slave: string) => {
  const response = await post(`/api/v1/keys/${slave}/enc_keys`, "sae-a", {});
  return [response.status, (await errorOf(response)).message] as const;
};
const NOT_ANNOUNCED = "node r1, which another deployment hosts, does not announce this SAE at present";

describe("an SAE of another deployment", () => {
  test("gets no keys before its node announces it, and is found from then on", async () => {
    const response = await post("/api/v1/keys/sae-r/enc_keys", "sae-a", {});
    expect([response.status, (await errorOf(response)).message]).toEqual([503, NOT_ANNOUNCED]);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect((await call("/api/v1/keys/sae-r/status", { as: "sae-a" })).status).toBe(503);
    await announce(["sae-r", "sae-other"]);
    // The link has no key: this much further it has come.
    await expect.poll(async () => await ask("sae-r"), { timeout: 5000 }).toEqual([503, "not enough keys available"]);
    expect((await call("/api/v1/keys/sae-r/status", { as: "sae-a" })).status).toBe(200);
    expect(await ask("sae-q")).toEqual([503, NOT_ANNOUNCED]);
  });

  test("that the document does not allow its node is nobody, whatever that announces", async () => {
    expect(await ask("sae-other")).toEqual([400, "no such slave SAE"]);
  });

  test("is named where it is one of several slaves", async () => {
    const body = { additional_slave_SAE_IDs: ["sae-q"] };
    const response = await post("/api/v1/keys/sae-b/enc_keys", "sae-a", body);
    expect([response.status, (await errorOf(response)).message]).toEqual([503, `sae-q: ${NOT_ANNOUNCED}`]);
  });

  test("that its node announces no longer gets no more keys within a second", async () => {
    await announce([], Date.now() + 1000);
    await expect.poll(async () => (await ask("sae-r"))[1], { timeout: LIMITS.announcedMs + 5000 }).toBe(NOT_ANNOUNCED);
  });

  test("has key streams with one here: who waits for it here is told when it has joined", async () => {
    const key_stream_ID = crypto.randomUUID();
    const self = { sae: "sae-r", node: "r1" };
    const where = { pair: "n1|r1", shard: 0, from: "r1" };
    const asked = (verb: string, about: object, changes = {}) => ({
      to: "n1",
      question: "stream",
      body: JSON.stringify({ ...where, verb, call: about, ...changes }),
    });
    const QOS = { Key_chunk_size: 32, Timeout: 20_000 };
    const opening = openAs("sae-a", { destination: "sae-r", key_stream_ID, QOS });
    const state = asked("state", { ksid: key_stream_ID, sae: "sae-a" });
    await expect
      .poll(async () => await peer.answer(state), { timeout: 10_000 })
      .toMatchObject({
        value: { verb: "state", answer: { ends: [{ sae: "sae-a", state: "open" }, { state: "absent" }] } },
      });
    const joining = {
      ksid: key_stream_ID,
      self,
      peer: { sae: "sae-a", node: "n1" },
      qos: NO_WISHES,
      opensAdjusted: false,
    };
    const joined = await peer.answer(asked("open", joining));
    expect(joined).toMatchObject({ value: { verb: "open", answer: { outcome: "joined" } } });
    const { instance } = (joined as { value: { answer: { stream: { instance: number } } } }).value.answer.stream;
    const news = JSON.stringify({ ...where, ksid: key_stream_ID, instance });
    expect(await peer.answer({ to: "n1", question: "stream-news", body: news })).toEqual({ ok: true, value: null });
    expect(await opening).toMatchObject({ http: 200, body: { status: 0 } });

    // Not for another's end, of no other pool, and by one question only once.
    const named = { ksid: key_stream_ID, instance };
    const others = asked("close", { ...named, self: { sae: "sae-a", node: "n1" } });
    expect(await peer.answer(others)).toMatchObject({ ok: false, error: { code: "forbidden" } });
    const elsewhere = asked("close", { ...named, self }, { shard: 7 });
    expect(await peer.answer(elsewhere)).toMatchObject({ ok: false, error: { code: "no-route" } });
    const claims = { nonce: toBase64(crypto.getRandomValues(new Uint8Array(16))) };
    const close = { ...asked("close", { ...named, self }), claims };
    expect(await peer.answer(close)).toMatchObject({ ok: true, value: { verb: "close" } });
    expect(await peer.answer(close)).toMatchObject({ ok: false, error: { code: "unavailable" } });
  });

  test("has no hybrid key streams with one here: status 4 says why", async () => {
    const [source, destination] = [NODE_UUIDS.n1, UUID].map((node) => `hybrid://SPI_1@${node}?key_sources=QKD`);
    const { http, body } = await openAs("sae-a", { source, destination });
    expect([http, body]).toEqual([503, expect.objectContaining({ status: 4 })]);
    expect(body["message"]).toContain("node r1 is hosted by another deployment");
  });
});
