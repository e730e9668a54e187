/** Relays over links that have little: how much is brought at once, and who still gets some where another was refused. */
import { env } from "cloudflare:test";
import { beforeAll, expect, test } from "vitest";
import { call, setUp, token } from "../../test/support/in-workerd-network.ts";
import { pushLink } from "../../test/support/network-document.ts";
import type { NodeId } from "../../shared/ids.ts";
import { pairName, pairOf } from "../../shared/ids.ts";
import { FIRST_RELAY_SHARD } from "../../shared/keypool/relay-shard.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { ObjectsEnv } from "../env.ts";

const LOW_BYTES = 4096;
const STOCK_BYTES = 20 * 1024;
const PLENTY_BYTES = 512 * 1024;

const NETWORK: NetworkDocumentInput = {
  nodes: ["s1", "s2", "s3"].map((id) => ({ id })),
  links: [pushLink("s1-s2", "s1", "s2", { health: "accept" }), pushLink("s2-s3", "s2", "s3", { health: "accept" })],
  saes: [],
  operators: [{ id: "op", credentials: [{ type: "token", sha256: tokenSha256(token("op")) }] }],
  policy: { pool: { capacity_bytes: 1024 * 1024, high_bytes: 64 * 1024, low_bytes: LOW_BYTES } },
};

const [from, to] = ["s1" as NodeId, "s3" as NodeId];

const nodeAt = (node: NodeId) => (env as unknown as ObjectsEnv).TRUSTED_NODE.getByName(node);

/** As the pool of the two ends asks for it. */
async function brought(bytes: number, isUrgent: boolean, upToBytes = bytes): Promise<number | string> {
  const pair = pairName(pairOf(from, to));
  const wish = { configVersion: 1, pair, shard: FIRST_RELAY_SHARD, bytes, upToBytes, isUrgent };
  const answer = await nodeAt(from).bringKey(wish);
  return answer.ok ? answer.value.bytes : answer.error.code;
}

beforeAll(async () => {
  await setUp(0, NETWORK);
  for (const link of ["s1-s2", "s2-s3"]) await pushed(link, "one.bin", STOCK_BYTES);
});

async function pushed(link: string, file: string, bytes: number): Promise<void> {
  for (let offset = 0; offset < bytes; offset += LIMITS.fileBlockBytes) {
    const answer = await call(`/api/v1/links/${link}/blocks/${file}:${offset}?node=s2`, {
      as: "op",
      method: "PUT",
      body: crypto.getRandomValues(new Uint8Array(Math.min(LIMITS.fileBlockBytes, bytes - offset))),
    });
    expect(answer.status).toBe(201);
  }
}

test("who wants little is not told to go around the only link, which had not enough for who wanted much", async () => {
  // Nobody has heard yet how little the links have: the more that would be brought with it they have not.
  expect(await brought(32, true, 64 * 1024)).toBe(32);
  expect(await brought(64 * 1024, true)).toBe("link-budget");
  expect(await brought(32, true)).toBe(32);
});

test("what is for later takes as much as links have, and leaves half of it to those who wait", async () => {
  const spareBytes = STOCK_BYTES - LOW_BYTES;
  await expect.poll(async () => await brought(64 * 1024, false), { timeout: 10_000 }).toBeTypeOf("number");
  const states = await Promise.all(["s1-s2", "s2-s3"].map(async (link) => await availableBytes(link)));
  for (const bytes of states) {
    expect(bytes).toBeGreaterThanOrEqual(LOW_BYTES + spareBytes / 2 - 1024);
    expect(bytes).toBeLessThan(STOCK_BYTES - 2048);
  }
});

test("who waits for little has more brought with it, once it is known how much links have: it leaves them half", async () => {
  await pushed("s1-s2", "more.bin", PLENTY_BYTES);
  await expect.poll(async () => await toldBytes("s1-s2"), { timeout: 10_000 }).toBeGreaterThan(PLENTY_BYTES / 2);
  // While nothing is known of s2-s3, what is too much for it is lost on s1-s2; while little was heard of it since, more comes.
  const cameShare = async () => {
    const spareBytes = (await availableBytes("s2-s3")) - LOW_BYTES;
    const came = await brought(32, true, 64 * 1024);
    return typeof came === "number" && came > 32 ? came / spareBytes : 1;
  };
  await expect.poll(cameShare, { timeout: 30_000, interval: 1000 }).toBeLessThan(0.75);
  expect(await brought(32, true, 64)).toBe(64);
});

test("who wants more than a link tells of costs the links before it nothing", async () => {
  const before = await availableBytes("s1-s2");
  // It is known by now how little the other link has.
  for (let i = 0; i < 3; i++) expect(await brought(64 * 1024, true)).toBe("link-budget");
  expect(await availableBytes("s1-s2")).toBe(before);
  expect(await brought(32, true)).toBe(32);
});

/** What node s1 says that relays may take of its link. */
async function toldBytes(link: string): Promise<number> {
  const answer = await nodeAt(from).status({ configVersion: 1 });
  const told = answer.ok ? answer.value.links.find((own) => own.link === link) : undefined;
  return (told?.state?.availableBits ?? 0) / 8;
}

async function availableBytes(link: string): Promise<number> {
  const answer = await call(`/api/v1/links/${link}`, { as: "op" });
  const { pool } = await answer.json<{ pool: { ledger_bits: { available: number; reserved: number } } }>();
  // What is set aside for hops is as good as there.
  return (pool.ledger_bits.available + pool.ledger_bits.reserved) / 8;
}
