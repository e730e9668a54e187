/** Hops over the link of a pool's two nodes, as nodes draw and take them: short words for tests. */
import { expect } from "vitest";
import { type NodeId, pairName, pairOf } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import type { Ledger } from "../../shared/keypool/types.ts";
import type { DrawCall, LinkDraw, RelayId, RelayLinkRpc, RelayTerms } from "../../shared/relay/types.ts";
import { defaultPolicy, makePool, randomBytes, type TestPool, value } from "./in-workerd-pool.ts";

/** Where relays over the link go on to. */
export const FAR = "n-3" as NodeId;
export const LOW_BYTES = 4096;
/** A pool whose low watermark tests reach, and that is not full before they are done. */
export const LEVELS = { capacity_bytes: 1024 * 1024, high_bytes: 512 * 1024, low_bytes: LOW_BYTES };
const LIFETIME_MS = 8000;

export interface Ends {
  readonly from: NodeId;
  readonly to: NodeId;
}

/** Of a relay that comes over the link, and goes on from it. */
export const termsOver = ({ from, to }: Ends, changes: Partial<RelayTerms> = {}): RelayTerms => ({
  relay: crypto.randomUUID() as RelayId,
  pair: pairName(pairOf(from, FAR)),
  shard: relayShardOf(1),
  path: [from, to, FAR],
  share: [0, 1],
  bytes: 32,
  expiresMs: Date.now() + LIFETIME_MS,
  ...changes,
});

/** Another pair whose keys come over the link: from its first node to one of this number. */
export const otherTerms = (ends: Ends, number: number, changes: Partial<RelayTerms> = {}): RelayTerms => {
  const last = `n-4.${number}` as NodeId;
  return termsOver(ends, { pair: pairName(pairOf(ends.from, last)), path: [ends.from, ends.to, last], ...changes });
};

export const up = ({ low, high }: Pick<TestPool, "low" | "high">): Ends => ({ from: low, to: high });
export const down = ({ low, high }: Pick<TestPool, "low" | "high">): Ends => ({ from: high, to: low });

export const hopsOf = (pool: TestPool, shard = 0): RelayLinkRpc => pool.shard(shard) as unknown as RelayLinkRpc;
export const drawCall = (node: NodeId, terms: RelayTerms): DrawCall => ({ configVersion: 0, node, terms });

export const draw = async (
  pool: TestPool,
  ends: Ends,
  terms = termsOver(ends),
  shard = 0,
): ReturnType<RelayLinkRpc["drawHop"]> => await hopsOf(pool, shard).drawHop(drawCall(ends.from, terms));

export const take = async (
  pool: TestPool,
  ends: Ends,
  terms: RelayTerms,
  drawn: LinkDraw,
): ReturnType<RelayLinkRpc["takeHop"]> =>
  await hopsOf(pool, drawn.shard).takeHop({ ...drawCall(ends.to, terms), draw: drawn });

/** A hop that goes well. */
export async function hop(pool: TestPool, ends: Ends, terms = termsOver(ends), shard = 0): Promise<Uint8Array> {
  const drawn = await value(draw(pool, ends, terms, shard));
  expect(await value(take(pool, ends, terms, drawn.draw))).toEqual(drawn.bytes);
  return drawn.bytes;
}

/** With so much key. */
export async function makeLink(bytes = 64 * 1024, changes: Parameters<typeof makePool>[0] = {}): Promise<TestPool> {
  const { policy, ...rest } = changes;
  const pool = await makePool({
    ...rest,
    policy: { pool: LEVELS, rate_limit: { requests_per_s: 10_000, burst: 10_000 }, ...policy },
  });
  for (let at = 0; at < bytes; at += 65_536) {
    await value(pool.push(`f:${at}`, randomBytes(Math.min(65_536, bytes - at))));
  }
  return pool;
}

export const relayPolicy = (changes: Partial<typeof defaultPolicy.relay>) => ({
  relay: { ...defaultPolicy.relay, ...changes },
});

/** What is not zero of the ledger, which adds up. */
export async function booksOf(pool: TestPool, shard = 0): Promise<Partial<Ledger>> {
  const { conserved, ledgerBits } = await pool.status(shard);
  expect(conserved).toBe(true);
  return Object.fromEntries(Object.entries(ledgerBits).filter(([, bits]) => bits !== 0));
}

export const linkStateOf = async (pool: TestPool, shard = 0) =>
  await value(hopsOf(pool, shard).linkState({ configVersion: 0 }));
