/** Applications that use key streams, directly at the KeyStream objects of their nodes, over a pool of their own. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import type { Standing } from "../../shared/auth/standing.ts";
import { NO_WISHES, type Qos } from "../../shared/etsi004/qos.ts";
import { SOCKET_CALL_HEADER, type SocketCall, writeSocketCall } from "../../shared/etsi004/socket.ts";
import type { ProfileName } from "../../shared/etsi004/profiles.ts";
import {
  type GetKeyAnswer,
  type GetKeyCall,
  type KeyStreamRpc,
  type Ksid,
  type OpenAnswer,
  type OpenCall,
  type StreamCaller,
  type StreamEnd,
  streamName,
} from "../../shared/etsi004/types.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import type { StreamPoolRpc } from "../../shared/keypool/streams.ts";
import { hex, makePool, randomBytes, type TestPool, value } from "./in-workerd-pool.ts";

const objects = env as unknown as ObjectsEnv;

export const streamStub = (ksid: Ksid, node: NodeId): KeyStreamRpc =>
  objects.KEY_STREAM.getByName(streamName(ksid, node));
// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const raw = (stub: unknown): any => stub;

/** A pool, as KeyStream objects see it. */
export const poolOf = ({ stub }: TestPool): StreamPoolRpc => stub as TestPool["stub"] & StreamPoolRpc;

export const newKsid = (): Ksid => crypto.randomUUID() as Ksid;

export type Key = Extract<GetKeyAnswer, { status: "success" }>;

/** As the Worker treats one application of a certain binding. */
export class App {
  readonly self: StreamEnd;
  readonly #pool: Pick<TestPool, "pair">;
  readonly #profile: ProfileName;
  #peer: StreamEnd | undefined;

  constructor(pool: Pick<TestPool, "pair">, self: StreamEnd, profile: ProfileName = "native") {
    this.#pool = pool;
    this.self = self;
    this.#profile = profile;
  }

  towards(peer: App): this {
    this.#peer = peer.self;
    return this;
  }

  caller(ksid: Ksid): StreamCaller {
    return { configVersion: 0, principal: `sae:${this.self.sae}`, profile: this.#profile, ksid, self: this.self };
  }

  /** Null: has one allocated. */
  async open(
    ksid: Ksid | null,
    qos: Partial<Qos> = {},
    more: Partial<OpenCall> = {},
  ): Promise<OpenAnswer & { readonly ksid: Ksid }> {
    const id = ksid ?? newKsid();
    const peer = this.#peer;
    if (peer === undefined) throw new Error("towards whom?");
    const call: OpenCall = {
      ...this.caller(id),
      peer,
      pair: this.#pool.pair,
      shard: 0,
      qos: { ...NO_WISHES, ...qos },
      allocated: ksid === null,
      ...more,
    };
    return { ...(await value(streamStub(id, this.self.node).open(call))), ksid: id };
  }

  async get(ksid: Ksid, more: Partial<GetKeyCall> = {}): Promise<GetKeyAnswer> {
    const call = { ...this.caller(ksid), indices: null, metadataSize: 0, ...more };
    return await value(streamStub(ksid, this.self.node).getKey(call));
  }

  async key(ksid: Ksid, more: Partial<GetKeyCall> = {}): Promise<Key> {
    const answer = await this.get(ksid, more);
    if (answer.status !== "success") throw new Error(`no key: ${answer.status}`);
    return answer;
  }

  /** One chunk by its index, as hexadecimal text. */
  async chunk(ksid: Ksid, index: number): Promise<string> {
    return hex((await this.key(ksid, { indices: [index] })).key);
  }

  async status(ksid: Ksid, more: Partial<GetKeyCall> = {}): Promise<string> {
    return (await this.get(ksid, more)).status;
  }

  async close(ksid: Ksid): Promise<string> {
    return (await value(streamStub(ksid, this.self.node).close(this.caller(ksid)))).status;
  }

  async available(ksid: Ksid, count: number | null = null) {
    return await value(streamStub(ksid, this.self.node).available({ ...this.caller(ksid), count }));
  }

  /** The object ends where it stands. */
  async crash(ksid: Ksid): Promise<void> {
    const stub = raw(streamStub(ksid, this.self.node));
    await runInDurableObject(stub, (_: unknown, state: DurableObjectState) => state.abort("crash")).catch(
      () => undefined,
    );
  }

  /** The object starts anew, from what is stored. What it had under way is done before. */
  async evict(ksid: Ksid): Promise<void> {
    const stub = streamStub(ksid, this.self.node);
    await stub.peerChanged({ ksid: newKsid(), instance: 0 }); // only a running object can be evicted
    await evictDurableObject(raw(stub));
  }

  /** A refusal comes with its body: one that nobody reads would keep the object awake. */
  async socket(ksid: Ksid, standing: Partial<Standing> = {}): Promise<Response> {
    const call: SocketCall = {
      ...this.caller(ksid),
      standing: { credentials: [], agent: null, untilMs: null, ...standing },
    };
    const headers = { Upgrade: "websocket", [SOCKET_CALL_HEADER]: writeSocketCall(call) };
    const answer = await streamStub(ksid, this.self.node).fetch(new Request("https://stream.test/", { headers }));
    return answer.webSocket === null ? new Response(await answer.text(), answer) : answer;
  }
}

/** Rows that a KeyStream object holds. */
export const rowsOf = async (ksid: Ksid, node: NodeId): Promise<number> =>
  await runInDurableObject(
    raw(streamStub(ksid, node)),
    (_: unknown, { storage }: DurableObjectState) =>
      storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM stream").one().n,
  );

export const app = (pool: Pick<TestPool, "pair">, sae: string, node: NodeId, profile?: ProfileName): App =>
  new App(pool, { sae: sae as SaeId, node }, profile);

const FAST = { requests_per_s: 100_000, burst: 100_000 };
let pushed = 0;

/** A pair of nodes with `units` of 4 KiB, and an application at each that means the other. */
export async function makeStreams(
  options: {
    readonly units?: number;
    readonly profile?: ProfileName;
    readonly policy?: NonNullable<Parameters<typeof makePool>[0]>["policy"];
  } = {},
): Promise<{ readonly pool: TestPool; readonly a: App; readonly b: App }> {
  const pool = await makePool({
    health: "accept",
    policy: { rate_limit: FAST, delivery_grace_s: 0, audit_overflow: "drop", ...options.policy },
  });
  if (options.units !== 0) await push(pool, options.units ?? 16);
  const a = app(pool, "sae-a", pool.low, options.profile);
  const b = app(pool, "sae-b", pool.high, options.profile);
  a.towards(b);
  b.towards(a);
  return { pool, a, b };
}

export async function push(pool: TestPool, units: number): Promise<void> {
  await value(pool.push(`streams-${pushed++}.bin:0`, randomBytes(units * 4096)));
}

/** Opened by both, with an allocated KSID. */
export async function opened(a: App, b: App, qos: Partial<Qos> = { chunkBytes: 32 }): Promise<Ksid> {
  const { ksid } = await a.open(null, qos);
  const { status } = await b.open(ksid);
  if (status !== "success") throw new Error(`not joined: ${status}`);
  return ksid;
}
