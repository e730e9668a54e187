/**
 * KeyStream: halves of ETSI GS QKD 004 key streams, one node's. This class only composes: each verb has a file of its own
 * beside it, and what has to survive is in the streams' pools.
 */
import { DurableObject } from "cloudflare:workers";
import { readSocketCall, SOCKET_CALL_HEADER, type SocketCall } from "../../shared/etsi004/socket.ts";
import type {
  ExchangeAnswer,
  ExchangeOffer,
  ExchangeOutcome,
  ExchangeVerdict,
  HybridHalfRpc,
} from "../../shared/hybrid/edge/rpc.ts";
import type { EpochStep } from "../../shared/keypool/types.ts";
import type { StatusName } from "../../shared/etsi004/status.ts";
import {
  type AvailableAnswer,
  type GetKeyAnswer,
  type GetKeyCall,
  type KeyStreamRpc,
  type Ksid,
  type OpenAnswer,
  type OpenCall,
  type StreamCaller,
  streamName,
  type StreamResult,
} from "../../shared/etsi004/types.ts";
import { poolName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { asOwn, ok } from "../../shared/result.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { edgeKem } from "../kem/edge-kem.ts";
import { Reviews } from "../standing/reviews.ts";
import { Database } from "../storage/database.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";
import { epochStoreOf } from "../storage/epoch-store.ts";
import { GroupCommit } from "../storage/group-commit.ts";
import { migrate } from "../storage/migrations.ts";
import { arm } from "../storage/planner.ts";
import { refused } from "./answers.ts";
import { availableChunks, closeStream } from "./close.ts";
import { getKey } from "./get-key.ts";
import type { Seat } from "./half.ts";
import { Halves } from "./halves.ts";
import { HybridExchanges } from "./hybrid/exchanges.ts";
import { rollStep } from "./hybrid/roll.ts";
import { HybridSealing } from "./hybrid/sealing.ts";
import { HybridStore } from "./hybrid/store.ts";
import { openStream } from "./open.ts";
import { MIGRATIONS } from "./schema.ts";
import { Sockets } from "./sockets.ts";
import { type Place, StreamStore } from "./store.ts";
import { sweep } from "./sweep.ts";

const SOON_MS = 50;
const RECOVERY_MS = 60_000;

export class KeyStream extends DurableObject<ObjectsEnv> implements KeyStreamRpc, HybridHalfRpc {
  readonly #store: StreamStore;
  readonly #hybrid: HybridStore;
  readonly #sealing: HybridSealing;
  readonly #halves: Halves;
  readonly #sockets: Sockets;
  readonly #reviews: Reviews<SocketCall>;
  /** When the alarm will ring, as far as is known. */
  #armedMs = Infinity;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    this.#store = new StreamStore(db);
    const commits = groupCommit(ctx.storage, db);
    const reach = {
      store: this.#store,
      commit: async (write: () => void) => await commits.run(write),
      nowMs: Date.now,
      poolOf: ({ pair, shard }: Place) => env.KEY_POOL.getByName(poolName(pair, shard)),
      other: (name: string) => env.KEY_STREAM.getByName(name),
      background: (work: Promise<unknown>) => ctx.waitUntil(work),
      planLook: () => {
        if (this.#dueMs < this.#armedMs) ctx.waitUntil(this.#plan());
      },
    };
    this.#hybrid = new HybridStore(db);
    const keys = new EpochKeys(epochStoreOf(env), `key-stream:${ctx.id.toString()}`);
    const directory = () => env.DIRECTORY.getByName(DIRECTORY_NAME);
    this.#sealing = new HybridSealing(keys, async (name) => await directory().streamEpoch(name));
    this.#halves = new Halves(
      reach,
      (halves) =>
        new HybridExchanges({
          ...reach,
          store: this.#hybrid,
          sealing: this.#sealing,
          random: (lengthBytes) => crypto.getRandomValues(new Uint8Array(lengthBytes)),
          kemOf: edgeKem,
          seatOf: async (call) => await halves.seatOf(call),
          look: async (seat, configVersion) => await halves.look(seat, configVersion),
        }),
    );
    this.#sockets = new Sockets(this.#halves, {
      sockets: (ksid) => ctx.getWebSockets(ksid),
      accept: (socket, ksid) => ctx.acceptWebSocket(socket, [ksid]),
    });
    this.#reviews = new Reviews("streams", this.#sockets, directory);
    this.#halves.changed = (half) => this.#sockets.changed(half);
    this.#halves.gone = (ksid) => this.#sockets.end("unknown-ksid", (call) => call.ksid === ksid);
  }

  async open(call: OpenCall): StreamResult<OpenAnswer> {
    return asOwn(await openStream(this.#halves, call));
  }

  async getKey(call: GetKeyCall): StreamResult<GetKeyAnswer> {
    return await this.#seated(call, { status: "unknown-ksid" }, async (seat) => await getKey(this.#halves, seat, call));
  }

  async close(call: StreamCaller): StreamResult<{ readonly status: StatusName }> {
    return await this.#seated(
      call,
      { status: "unknown-ksid" },
      async (seat) => await closeStream(this.#halves, seat, call),
    );
  }

  async available(call: StreamCaller & { readonly count: number | null }): StreamResult<AvailableAnswer> {
    const unknown: AvailableAnswer = { status: "unknown-ksid", indices: [], count: 0 };
    return await this.#seated(call, unknown, async (seat) => await availableChunks(this.#halves, seat, call));
  }

  async peerChanged({ ksid }: { readonly ksid: Ksid; readonly instance: number }): StreamResult<null> {
    const half = this.#halves.awake(ksid);
    const [socket] = this.#sockets.callsOf(ksid);
    const self = socket?.self ?? half?.ends[0]?.self;
    // Nobody here waits for news.
    if (self === undefined || (socket === undefined && half?.news.waiting === 0)) return ok(null);
    const seat = await this.#halves.seatOf({ configVersion: 0, ksid, self });
    if (!seat.ok || seat.value === null) return seat.ok ? ok(null) : seat;
    const looked = await this.#halves.look(seat.value, 0);
    if (!looked.ok) return asOwn(looked);
    seat.value.half.news.tell();
    this.#sockets.changed(seat.value.half);
    return ok(null);
  }

  async offerExchange(call: ExchangeOffer): StreamResult<ExchangeAnswer> {
    return asOwn(await this.#halves.hybrid.offered(call));
  }

  async confirmExchange(call: ExchangeVerdict): StreamResult<ExchangeOutcome> {
    return asOwn(await this.#halves.hybrid.judged(call));
  }

  async wantExchange(call: Parameters<HybridHalfRpc["wantExchange"]>[0]): StreamResult<null> {
    return asOwn(await this.#halves.hybrid.wanted(call));
  }

  async rollEpoch({ epoch }: { readonly epoch: number }): StreamResult<EpochStep> {
    return await rollStep(this.#halves.reach, this.#hybrid, this.#sealing, epoch);
  }

  async refresh(): Promise<void> {
    await this.#reviews.review(this.#name);
  }

  override async fetch(request: Request): Promise<Response> {
    const header = request.headers.get(SOCKET_CALL_HEADER);
    if (header === null || request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      return refused({ code: "upgrade-required", message: "a WebSocket is expected here" });
    }
    const call = readSocketCall(header);
    const seat = await this.#halves.seatOf(call);
    if (!seat.ok) return refused(seat.error);
    if (seat.value === null || seat.value.half.isClosedBy(call.self)) {
      return refused({ code: "not-found", message: "no such stream, or not one of yours" }, "unknown-ksid");
    }
    if (this.#sockets.isFullFor(call.self.sae))
      return refused({ code: "unavailable", message: "too many sockets, try again later" });
    const { 0: client, 1: server } = new WebSocketPair();
    this.#sockets.admit(server, call);
    const isThis = ({ ksid, self }: SocketCall): boolean => ksid === call.ksid && self.sae === call.self.sae;
    this.ctx.waitUntil(this.#reviews.begin(this.#name, isThis, Date.now));
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#sockets.heard(socket, message);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#sockets.ended(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#sockets.ended(socket);
  }

  override async alarm(): Promise<void> {
    // Should this run end in the middle, the next one goes on where it was.
    this.#armedMs = Date.now() + RECOVERY_MS;
    await this.ctx.storage.setAlarm(this.#armedMs);
    await sweep(this.#halves);
    await this.#plan(true);
  }

  get #name(): string {
    const [call] = this.#sockets.calls;
    return call === undefined ? (this.ctx.id.name ?? "") : streamName(call.ksid, call.self.node);
  }

  async #seated<T>(call: StreamCaller, unknown: T, work: (seat: Seat) => StreamResult<T>): StreamResult<T> {
    const seat = await this.#halves.seatOf(call);
    if (!seat.ok) return asOwn(seat);
    return seat.value === null ? ok(unknown) : asOwn(await work(seat.value));
  }

  /** The next look at a stream, or the end of something that is kept for one. */
  get #dueMs(): number {
    return Math.min(this.#store.nextLookMs() ?? Infinity, this.#hybrid.nextEndMs() ?? Infinity);
  }

  /** Arms the alarm for what is due next; one that rings sooner stays, unless this is its own end. */
  async #plan(replace = false): Promise<void> {
    this.#armedMs = await arm(this.ctx.storage, Math.max(this.#dueMs, Date.now() + SOON_MS), replace);
  }
}

const nothing = (): void => {};

function groupCommit(storage: DurableObjectStorage, db: Database): GroupCommit {
  return new GroupCommit(
    {
      durable: async () => await storage.sync(),
      transaction: (work) => db.transaction(work),
      flush: nothing,
      rollback: nothing,
      committed: nothing,
    },
    LIMITS,
  );
}
