/** Applications that use hybrid streams, and what happens to their halves' messages on the way. */
import { runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import { KeyStream } from "../../durable-objects/key-stream/key-stream.ts";
import type { KdfMethod } from "../../shared/hybrid/methods.ts";
import type { HybridHalfRpc } from "../../shared/hybrid/edge/rpc.ts";
import type { HybridTerms } from "../../shared/hybrid/edge/terms.ts";
import type { SourceAlgorithm } from "../../shared/hybrid/types.ts";
import type { Qos } from "../../shared/etsi004/qos.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { NodeId } from "../../shared/ids.ts";
import { type App, makeStreams, newKsid, streamStub } from "./in-workerd-streams.ts";
import type { TestPool } from "./in-workerd-pool.ts";

const UUIDS = ["aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"] as const;

export interface Wish {
  readonly method?: KdfMethod;
  readonly algorithms?: readonly SourceAlgorithm[];
  readonly dropped?: readonly string[];
  /** The source's node is the pair's higher one. */
  readonly turned?: boolean;
}

export function termsOf({ low, high }: TestPool, wish: Wish = {}): HybridTerms {
  const { method = "qkdedge-hkdf-v1", algorithms = ["ML-KEM-768", "QKD"], dropped = [], turned = false } = wish;
  const nodes = [low, high].map((node, at) => ({ uuid: UUIDS[at] ?? "", node }));
  const [initiator, responder] = turned ? nodes.toReversed() : nodes;
  if (initiator === undefined || responder === undefined) throw new Error("a pool has two nodes");
  const sources = algorithms.map((algorithm, at) => ({
    algorithm,
    slot: algorithm === "QKD" ? 0 : at,
    required: true,
  }));
  return { method, sources, dropped, initiator, responder };
}

export interface HybridStreams {
  readonly pool: TestPool;
  /** At the initiator's node unless it is turned. */
  readonly a: App;
  readonly b: App;
  readonly hybrid: HybridTerms;
  /** Both ends at once. @returns what each is told */
  readonly openBoth: (
    ksid?: Ksid,
    qos?: Partial<Qos>,
  ) => Promise<{ readonly ksid: Ksid; readonly told: readonly string[] }>;
  /** Fails unless both ends are open. */
  readonly opened: (qos?: Partial<Qos>) => Promise<Ksid>;
}

export async function makeHybrid(wish: Wish & { readonly units?: number } = {}): Promise<HybridStreams> {
  const { units, ...rest } = wish;
  const { pool, a, b } = await makeStreams(units === undefined ? {} : { units });
  const hybrid = termsOf(pool, rest);
  const openBoth: HybridStreams["openBoth"] = async (ksid = newKsid(), qos = {}) => {
    const wanted = { chunkBytes: 32, ...qos };
    const told = await Promise.all([a, b].map(async (end) => await outcome(end.open(ksid, wanted, { hybrid }))));
    return { ksid, told };
  };
  const opened: HybridStreams["opened"] = async (qos) => {
    const { ksid, told } = await openBoth(newKsid(), qos);
    if (told.some((each) => each !== "success")) throw new Error(`not opened: ${told.join(", ")}`);
    return ksid;
  };
  return { pool, a, b, hybrid, openBoth, opened };
}

/** A status, or what a fault says. */
export async function outcome(answer: Promise<{ readonly status: string }>): Promise<string> {
  return await answer.then(
    ({ status }) => status,
    (error: unknown) => (error instanceof Error ? messageIn(error.message) : String(error)),
  );
}

/** Of a refused call's fault, as `value` of a pool's tests tells it. */
function messageIn(text: string): string {
  const at = text.indexOf("{");
  return at === -1 ? text : (JSON.parse(text.slice(at)) as { readonly message: string }).message;
}

type Method = "offerExchange" | "confirmExchange" | "wantExchange";
type Call<M extends Method> = Parameters<HybridHalfRpc[M]>[0];
type Answer<M extends Method> = Awaited<ReturnType<HybridHalfRpc[M]>>;

/**
 * Stands between the halves, for calls of one kind about one stream, or several.
 * @param through what becomes of a call; `pass` hands it on
 * @returns how often it was asked, and its end
 */
export function between<M extends Method>(
  method: M,
  concerned: Ksid | ReadonlySet<Ksid>,
  through: (call: Call<M>, pass: (call: Call<M>) => Promise<Answer<M>>) => Promise<Answer<M>>,
): { readonly calls: () => number; readonly end: () => void } {
  let calls = 0;
  const real = KeyStream.prototype[method] as (this: KeyStream, call: Call<M>) => Promise<Answer<M>>;
  const spy = vi.spyOn(KeyStream.prototype, method as "offerExchange").mockImplementation(async function (
    this: KeyStream,
    call: Call<M>,
  ) {
    const pass = (passed: Call<M>): Promise<Answer<M>> => real.call(this, passed);
    if (typeof concerned === "string" ? call.ksid !== concerned : !concerned.has(call.ksid)) return await pass(call);
    calls++;
    return await through(call, pass);
  } as never);
  return { calls: () => calls, end: () => spy.mockRestore() };
}

export const flipped = (bytes: Uint8Array, at = 3): Uint8Array => bytes.with(at, (bytes[at] ?? 0) ^ 1);

export interface StoredExchange {
  readonly number: number;
  readonly state: string;
  readonly epoch: number;
  readonly sealedBytes: number;
  readonly ends_ms: number | null;
}

/** What a node's object keeps of a stream's exchanges. */
export const exchangesOf = async (ksid: Ksid, node: NodeId): Promise<readonly StoredExchange[]> =>
  await runInDurableObject(streamStub(ksid, node) as never, (_: unknown, { storage }: DurableObjectState) =>
    storage.sql
      .exec<{ number: number; state: string; epoch: number; sealedBytes: number; ends_ms: number | null }>(
        `SELECT number, state, epoch, length(sealed) AS sealedBytes, ends_ms FROM hybrid_exchange WHERE ksid = ?
         ORDER BY number`,
        ksid,
      )
      .toArray(),
  );
