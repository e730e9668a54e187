/**
 * Two halves of one pool, as if of two deployments: each on an object's storage of its own, each the other's remote
 * half through a carrier that may lose, double, delay and reorder what it carries, and crash either side.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as v from "valibot";
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import { assemblePool } from "../../durable-objects/key-pool/assemble.ts";
import type { PoolContext } from "../../durable-objects/key-pool/context.ts";
import { deliverKeys } from "../../durable-objects/key-pool/dec-keys.ts";
import { type EncReach, giveKeys } from "../../durable-objects/key-pool/enc-keys.ts";
import type { HalfPatience } from "../../durable-objects/key-pool/half-line.ts";
import { RemoteHalf } from "../../durable-objects/key-pool/half-remote.ts";
import { ingestBlock } from "../../durable-objects/key-pool/ingest.ts";
import { voidImport } from "../../durable-objects/key-pool/imports.ts";
import { receiveImport } from "../../durable-objects/key-pool/imports-elsewhere.ts";
import { expanded } from "../../durable-objects/key-pool/read-keys.ts";
import type { Refill } from "../../durable-objects/key-pool/refill.ts";
import { fromHex } from "../../shared/bytes/hex.ts";
import { type BlockId, type LinkId, type NodeId, type PairName, poolName, type SaeId } from "../../shared/ids.ts";
import type { HalfAnswer, HalfBatch, OtherHalf } from "../../shared/keypool/half.ts";
import type { ImportsElsewhere, SealedImport } from "../../shared/keypool/sealed-import.ts";
import type {
  StreamNews,
  StreamQuestion,
  StreamReply,
  StreamsElsewhere,
} from "../../shared/keypool/stream-question.ts";
import { StreamQuestionSchema, StreamReplySchema } from "../../shared/peers/stream-wire.ts";
import { fail } from "../../shared/errors/errors.ts";
import { ok } from "../../shared/result.ts";
import { answerStream } from "../../durable-objects/key-pool/stream-answers.ts";
import { importText, SealedImportSchema } from "../../shared/peers/import-wire.ts";
import { sumOfLedger } from "../../shared/keypool/ledger.ts";
import type {
  DecKeysCall,
  EncKeysCall,
  KeyGrant,
  Ledger,
  PoolConfig,
  PoolResult,
  PoolToPoolRpc,
} from "../../shared/keypool/types.ts";
import { defaultPolicy } from "./in-workerd-pool.ts";
import { padsAlone, refillAlone } from "./in-workerd-refill.ts";

const NOTHING = new Uint8Array();
const objects = env as unknown as ObjectsEnv;
let count = 0;

/** Short, as the tests make the other half fall silent on purpose. */
export const SHORT: HalfPatience = { waitMs: 400, postMs: 100, retryMs: 5 };
/** For tests that say themselves when something is lost. */
export const LONG: HalfPatience = { waitMs: 30_000, postMs: 30_000, retryMs: 5 };

/** Of a half that has crashed nothing ever comes back. */
const never = async (): Promise<never> => await new Promise<never>(() => {});

/** From one start of a half to its crash. */
interface Life {
  readonly pool: PoolContext;
  readonly half: RemoteHalf;
  readonly refill: Refill;
  isOver: boolean;
}

/** What becomes of one post. `send` hands it to the other half and resolves with the answer. */
export type Fate = (send: () => PoolResult<HalfAnswer>, batch: HalfBatch) => PoolResult<HalfAnswer>;

/** The same of a question about a stream. */
export type StreamFate = (ask: () => PoolResult<StreamReply>, question: StreamQuestion) => PoolResult<StreamReply>;

export class Crashed extends Error {}

export class TestHalf {
  readonly node: NodeId;
  readonly config: PoolConfig;
  /** What the carrier does with posts of this half. */
  fate: Fate = async (send) => await send();
  /** What it does with this half's questions about streams. */
  streamFate: StreamFate = async (ask) => await ask();
  /** What ends here have told the other half's. */
  readonly news: StreamNews[] = [];
  /** Higher than any before as soon as its pool has voided all it had. */
  generation = 1;
  /** The other pool of a multicast. */
  importer: Pick<PoolToPoolRpc, "canImport" | "importKeys" | "voidImport"> | undefined;
  other!: TestHalf;
  /** From its next start on. */
  patience: HalfPatience;
  readonly #object: string;
  #starting: Promise<Life> | undefined;
  #life: Life | undefined;

  constructor(node: NodeId, object: string, config: PoolConfig, patience: HalfPatience) {
    this.node = node;
    this.#object = object;
    this.config = config;
    this.patience = patience;
  }

  /** The half stops where it stands; whatever it had not committed is lost. The next call starts it again. */
  crash(): void {
    if (this.#life === undefined) return;
    this.#life.isOver = true;
    this.#life = undefined;
    this.#starting = undefined;
  }

  /** @throws Crashed where the half crashes meanwhile */
  async run<T>(work: (life: Life) => Promise<T>): Promise<T> {
    return await this.#inObject(async (state) => {
      this.#starting ??= this.#start(state);
      const life = await this.#starting;
      return await new Promise<T>((resolve, reject) => {
        const watch = setInterval(() => {
          if (life.isOver) reject(new Crashed(`the half of ${this.node} crashed`));
        }, 1);
        void work(life)
          .then(resolve, reject)
          .finally(() => clearInterval(watch));
      });
    });
  }

  async sql<T>(query: string, ...params: (string | number)[]): Promise<T[]> {
    return await this.#inObject(async ({ storage }) => storage.sql.exec(query, ...params).toArray() as T[]);
  }

  async #inObject<T>(work: (state: DurableObjectState) => Promise<T>): Promise<T> {
    // oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
    const stub = objects.KEY_POOL.getByName(this.#object) as any;
    return await runInDurableObject(stub, async (_: unknown, state: DurableObjectState) => await work(state));
  }

  async #start(state: DurableObjectState): Promise<Life> {
    state.storage.sql.exec(
      "INSERT OR REPLACE INTO setting (name, value) VALUES ('name', ?)",
      poolName(this.config.pair, 0),
    );
    // A commit waits for `sync` first: after the crash there are none.
    const sync = async () => {
      await state.storage.sync();
      if (life.isOver) await never();
    };
    const storage = new Proxy(state.storage, {
      get: (target, name) => {
        if (name === "sync") return sync;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      },
    });
    const other: OtherHalf & ImportsElsewhere & StreamsElsewhere = {
      stream: async (question) => {
        if (life.isOver) await never();
        const reply = await this.streamFate(async () => await this.#askStream(question), question);
        if (life.isOver) await never();
        return reply;
      },
      streamNews: async (news) => {
        this.news.push(news);
        return await Promise.resolve(ok(null));
      },
      importKeys: async (sealed) => await this.handOver(sealed),
      voidImport: async ({ nonce, from }) =>
        await this.other.run(async ({ pool: theirs }) => await voidImport(theirs, fromHex(nonce) ?? NOTHING, from)),
      post: async (batch) => {
        if (life.isOver) await never();
        const answer = await this.fate(async () => await this.#send(batch), batch);
        if (life.isOver) await never();
        return answer;
      },
    };
    const pool = assemblePool({ id: state.id, storage } as DurableObjectState, objects, {
      config: () => this.config,
      committed: () => {},
      isLeased: () => true,
      useLease: () => {},
      remote: () => ({ ownNode: this.node, other, patience: this.patience, generation: () => this.generation }),
    });
    const half = pool.half as RemoteHalf;
    const life: Life = { pool, half, refill: refillAlone(pool), isOver: false };
    await pool.epochs.start(undefined);
    this.#life = life;
    return life;
  }

  /** Keys of a multicast, as the carrier brings them: the test may change them on the way. */
  handOver = async (sealed: SealedImport): PoolResult<null> => {
    const carried = v.parse(SealedImportSchema, JSON.parse(importText(sealed)));
    return await this.other.run(async ({ pool }) => await receiveImport(pool, carried, padsAlone(pool)));
  };

  /** Plain data only, as over HTTPS. */
  async #send(batch: HalfBatch): PoolResult<HalfAnswer> {
    const plain = JSON.parse(JSON.stringify(batch)) as HalfBatch;
    const answer = await this.other.run(async ({ half }) => await half.receive(plain));
    return JSON.parse(JSON.stringify(answer)) as Awaited<PoolResult<HalfAnswer>>;
  }

  /** By the carrier's own schemas, as over HTTPS. */
  async #askStream(question: StreamQuestion): PoolResult<StreamReply> {
    const plain = v.parse(StreamQuestionSchema, JSON.parse(JSON.stringify(question)));
    const reply = await this.other.run(
      async ({ pool, refill }) => await answerStream(pool, plain, async (bytes) => (await refill.bytes({ bytes })).ok),
    );
    if (!reply.ok) return fail(reply.error.code, reply.error.message);
    return ok(v.parse(StreamReplySchema, JSON.parse(JSON.stringify(reply.value))));
  }

  // ---- what others do with a pool

  async push(block: string, bytes: Uint8Array): ReturnType<typeof ingestBlock> {
    const pushed = { id: block as BlockId, node: this.node, bytes, origin: "pushed", principal: "agent:x" } as const;
    return await this.run(async ({ pool }) => await ingestBlock(pool, pushed));
  }

  /** For SAEs at the other half's node. */
  async enc(call: Partial<EncKeysCall> = {}): PoolResult<KeyGrant> {
    const asked: EncKeysCall = {
      configVersion: 0,
      principal: `sae:${this.sae}`,
      master: this.sae,
      masterNode: this.node,
      recipients: [{ sae: this.other.sae, node: this.other.node }],
      count: 1,
      sizeBits: 256,
      ...call,
    };
    return await this.run(async ({ pool, refill }) => {
      const reach: EncReach = {
        poolOf: () => (this.importer ?? expectNoSiblings()) as PoolToPoolRpc,
        refill: async (need) => await refill.bytes(need),
        published: () => {},
      };
      return expanded(await giveKeys(pool, asked, reach));
    });
  }

  /** Of masters at the other half's node. */
  async dec(keyIds: KeyGrant["keyIds"], call: Partial<DecKeysCall> = {}): PoolResult<KeyGrant> {
    const { sae, other } = this;
    const asked = { configVersion: 0, principal: `sae:${sae}`, sae, master: other.sae, keyIds, ...call };
    return await this.run(async ({ pool }) => expanded(await deliverKeys(pool, asked, async () => false)));
  }

  get sae(): SaeId {
    return `sae-at-${this.node}` as SaeId;
  }

  /** What its alarm does about the other half. */
  async catchUp(): Promise<void> {
    await this.run(async ({ half }) => await half.catchUp());
  }

  async books(): Promise<{ readonly ledger: Ledger; readonly isConserved: boolean }> {
    return await this.run(async ({ pool }) => {
      const { ledger, ingested } = pool.books.totals;
      return { ledger, isConserved: sumOfLedger(ledger) === ingested };
    });
  }

  async alarms(): Promise<readonly string[]> {
    return await this.run(async ({ pool }) => pool.standingAlarms.list().map(({ code }) => code));
  }
}

const expectNoSiblings = (): never => {
  throw new Error("a pool in two halves has no siblings and no imports");
};

export interface Halves {
  readonly low: TestHalf;
  readonly high: TestHalf;
  readonly both: readonly [TestHalf, TestHalf];
  /** The same block at both ends. */
  readonly push: (block: string, bytes: Uint8Array) => Promise<void>;
  /** The carrier carries, and both halves call until neither has anything left to tell. */
  readonly settle: () => Promise<void>;
}

export function makeHalves(changes: Partial<PoolConfig> = {}, patience = SHORT): Halves {
  const nodes = [`n-1.h${++count}`, `n-2.h${count}`] as [NodeId, NodeId];
  const pair = `${nodes[0]}|${nodes[1]}` as PairName;
  const config: PoolConfig = {
    version: 1,
    pair,
    link: "link" as LinkId,
    state: "active",
    source: "push",
    feed: "one-ended",
    health: "reject",
    keyRateBps: 0,
    shards: 1,
    policy: defaultPolicy,
    ...changes,
  };
  // In one deployment there is only one object of that name: the halves live in others.
  const [low, high] = nodes.map((node) => new TestHalf(node, `half at ${node} of ${pair}#0`, config, patience)) as [
    TestHalf,
    TestHalf,
  ];
  low.other = high;
  high.other = low;
  const both = [low, high] as const;
  return {
    low,
    high,
    both,
    push: async (block, bytes) => {
      for (const half of both) {
        const result = await half.push(block, bytes);
        if (!result.ok) throw new Error(result.error.message);
      }
    },
    settle: async () => {
      for (const half of both) half.fate = async (send) => await send();
      for (let rounds = 0; rounds < 100; rounds++) {
        for (const half of both) await half.catchUp();
        const open = await Promise.all(both.map(async (half) => await half.sql("SELECT * FROM half_log LIMIT 1")));
        if (open.every((rows) => rows.length === 0)) return;
      }
      const states = await Promise.all(
        both.map(async (half) => [
          await half.sql("SELECT * FROM half"),
          await half.sql("SELECT seq, kind, record FROM half_log"),
        ]),
      );
      throw new Error(`the halves never come to an end: ${JSON.stringify(states)}`);
    },
  };
}
