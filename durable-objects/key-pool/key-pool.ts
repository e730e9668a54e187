/**
 * KeyPool: the key material of one pair of nodes (one shard of it) and the ledger of who was given what. This class
 * only composes: each verb has a file of its own beside it.
 */
import { DurableObject } from "cloudflare:workers";
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { type NodeId, poolName } from "../../shared/ids.ts";
import { type KeyIdRun, packRuns } from "../../shared/keypool/key-id-run.ts";
import { flawOfIngest } from "../../shared/keypool/relayed-block.ts";
import type {
  DecKeysCall,
  EncKeysCall,
  ImportCall,
  IngestCall,
  KeyGrant,
  KeyPoolRpc,
  LentUnit,
  PoolCall,
  PoolResult,
  PoolStatus,
  PoolToPoolRpc,
} from "../../shared/keypool/types.ts";
import type { ForeignKeysRpc } from "../../shared/etsi020/types.ts";
import type { QuotaRpc } from "../../shared/keypool/quota-claims.ts";
import type { StreamPoolRpc } from "../../shared/keypool/streams.ts";
import type { HalfAnswer, HalfRpc } from "../../shared/keypool/half.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { RelayedPoolRpc, RelayLinkRpc } from "../../shared/relay/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_NAME, generationOf, type ObjectsEnv } from "../env.ts";
import { serving } from "../telemetry/served.ts";
import { Alarms } from "./alarms.ts";
import { Arrivals } from "./arrivals.ts";
import { assemblePool } from "./assemble.ts";
import { commit, type PoolContext } from "./context.ts";
import { checkKeys, deliverKeys } from "./dec-keys.ts";
import { giveKeys } from "./enc-keys.ts";
import { awaitedBlocks, putKeyIds } from "./block-key-ids.ts";
import { importForeign, voidForeign } from "./foreign-keys.ts";
import { drawPad, Pads, takePad } from "./import-pads.ts";
import { canImport, importKeys, voidImport } from "./imports.ts";
import { receiveImport } from "./imports-elsewhere.ts";
import { rollStep } from "./epoch-roll.ts";
import type { FillAhead } from "./fill-ahead.ts";
import { Gate } from "./gate.ts";
import { halfElsewhere } from "./half-elsewhere.ts";
import { ingestBlock } from "./ingest.ts";
import { PoolLease } from "./lease.ts";
import { expanded } from "./read-keys.ts";
import { heldHere, judgeClaim } from "./pair-quotas.ts";
import { type Need, Refill } from "./refill.ts";
import { defect } from "./refusals.ts";
import { relayedKey } from "./relayed-key.ts";
import { drawHop } from "./relay-draw.ts";
import { linkStateOf } from "./relay-link.ts";
import { takeHop } from "./relay-take.ts";
import { lendUnits, settleTransfer } from "./siblings.ts";
import { makeMaterial } from "./sources.ts";
import { statusOf } from "./status.ts";
import { takeBack } from "./taken-back.ts";
import { SeenQuestions } from "./seen-questions.ts";
import { answerStream } from "./stream-answers.ts";
import { availableChunks } from "./stream-available.ts";
import { giveChunks } from "./stream-chunks.ts";
import { closeStream } from "./stream-close.ts";
import { openStream } from "./stream-open.ts";
import { openStreams, streamState } from "./stream-rows.ts";
import { settleChunks } from "./stream-settle.ts";
import { countStep, voidStep } from "./upkeep.ts";

export class KeyPool
  extends DurableObject<ObjectsEnv>
  implements KeyPoolRpc, PoolToPoolRpc, StreamPoolRpc, RelayLinkRpc, HalfRpc, ForeignKeysRpc, QuotaRpc, RelayedPoolRpc
{
  readonly #gate: Gate;
  readonly #pool: PoolContext;
  readonly #alarms: Alarms;
  readonly #refill: Refill;
  readonly #ahead: FillAhead;
  readonly #lease: PoolLease;
  readonly #pads: Pads;
  readonly #arrivals = new Arrivals(LIMITS.waitingDecs);
  readonly #questions = new SeenQuestions();

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const directory = () => env.DIRECTORY.getByName(DIRECTORY_NAME);
    this.#gate = new Gate({
      pool: () => this.#pool,
      lease: () => this.#lease,
      poolConfig: async () => await directory().poolConfig(this.#pool.pairName, this.#pool.shard),
      replan: () => this.#alarms.replan(),
    });
    this.#pool = assemblePool(ctx, env, {
      config: () => this.#gate.config,
      committed: () => {
        this.#ahead.consider(Date.now());
        this.#alarms.replan();
      },
      allocated: (bytes) => this.#ahead.used(bytes, Date.now()),
      isCutOff: () => this.#ahead.isCutOff,
      shardOf: (other) => this.#shard(other),
      isLeased: () => this.#lease.open,
      useLease: (keys) => this.#lease.use(keys),
      remote: () =>
        halfElsewhere(
          env,
          () => this.#gate.config,
          () => this.#lease.since,
        ),
    });
    this.#gate.recall();
    void ctx.blockConcurrencyWhile(async () => await this.#pool.epochs.start(this.#gate.config?.epoch));
    const name = poolName(this.#pool.pairName, this.#pool.shard);
    this.#lease = new PoolLease(this.#pool, {
      pool: name,
      source: `key-pool:${name}`,
      deployment: generationOf(env),
      leasePool: async (call) => await directory().leasePool(call),
      logOf: (node) => env.AUDIT_LOG.getByName(node),
      background: (work) => ctx.waitUntil(work),
    });
    const { ahead, urgent } = relayedKey(this.#pool, {
      nodeOf: (node) => this.env.TRUSTED_NODE.getByName(node),
      background: (work) => ctx.waitUntil(work),
    });
    this.#ahead = ahead;
    this.#refill = new Refill(this.#pool, { shardOf: (other) => this.#shard(other), urgent });
    this.#pads = new Pads(this.#pool, this.#bringPad, (other) => this.#shard(other));
    this.#alarms = new Alarms(this.#pool, ctx, {
      logOf: (node) => env.AUDIT_LOG.getByName(node),
      shardOf: (other) => this.#shard(other),
      ahead,
    });
  }

  async encKeys(call: EncKeysCall): PoolResult<KeyGrant> {
    return expanded(await this.#enc(call));
  }

  async #enc(call: EncKeysCall): PoolResult<KeyGrant<KeyIdRun>> {
    return await this.#gate.admittedOnce(call, async () => {
      if (this.#pool.config().state !== "active") return fail("no-route", "this pair of nodes gives no new keys");
      return await giveKeys(this.#pool, call, {
        // The import lands in the shard that the key IDs name, whatever the number of shards there.
        poolOf: (pair) => this.env.KEY_POOL.getByName(poolName(pair, this.#pool.shard)),
        refill: async (need) => await this.#refill.bytes(need),
        published: () => this.#arrivals.arrived(),
      });
    });
  }

  async decKeys(call: DecKeysCall): PoolResult<KeyGrant> {
    return expanded(await this.#dec({ ...call, keyIds: packRuns(call.keyIds) }));
  }

  async #dec(call: DecKeysCall<KeyIdRun>): PoolResult<KeyGrant<KeyIdRun>> {
    const wait = (untilMs: number) => this.#arrivals.wait(untilMs - Date.now());
    return await this.#gate.admittedOnce(call, async () => await deliverKeys(this.#pool, call, wait));
  }

  async serveAll(calls: readonly PoolCall[]): PoolResult<readonly Result<KeyGrant<KeyIdRun>, Fault>[]> {
    return ok(await Promise.all(calls.map(async (call) => await this.#serveOne(call))));
  }

  async #serveOne(call: PoolCall): PoolResult<KeyGrant<KeyIdRun>> {
    const name = "enc" in call ? "KeyPool.encKeys" : "KeyPool.decKeys";
    const server = { env: this.env, ctx: this.ctx };
    const serve = async () => await ("enc" in call ? this.#enc(call.enc) : this.#dec(call.dec));
    try {
      return await serving(name, call.scope, server, serve);
    } catch {
      // A defect that one of them meets takes no answer from the others.
      return defect();
    }
  }

  async checkKeys(call: DecKeysCall): PoolResult<null> {
    return await this.#gate.admitted(call, async () => {
      const refusal = checkKeys(this.#pool, { ...call, keyIds: packRuns(call.keyIds) }, Date.now());
      return refusal === null ? ok(null) : err(refusal);
    });
  }

  async status(call: Parameters<KeyPoolRpc["status"]>[0]): PoolResult<PoolStatus> {
    return await this.#gate.admitted(call, async () => {
      const nowMs = Date.now();
      const status = statusOf(this.#pool, this.#ahead.status(nowMs), nowMs);
      return ok(call.streams === true ? { ...status, streams: openStreams(this.#pool) } : status);
    });
  }

  async ingest(call: IngestCall): ReturnType<KeyPoolRpc["ingest"]> {
    const take = async () => await this.#take(call);
    // Relayed key comes as this pool has asked for it, and has cost its links all it can: to refuse it saves nothing.
    const isAsked = call.relayed !== undefined;
    return isAsked ? await this.#gate.ready(call.configVersion, take) : await this.#gate.admitted(call, take);
  }

  async #take(call: IngestCall): ReturnType<KeyPoolRpc["ingest"]> {
    const { state, source } = this.#pool.config();
    if (state !== "active") return fail("not-found", "this link takes no material");
    const flaw = flawOfIngest(call, source, this.#pool);
    if (flaw !== null) return fail("bad-request", flaw);
    const { block: id, node, bytes, principal, relayed } = call;
    const origin = relayed === undefined ? ({ origin: "pushed" } as const) : ({ origin: "relayed", relayed } as const);
    return await ingestBlock(this.#pool, { id, node, bytes, principal, ...origin });
  }

  async putKeyIds(call: Parameters<KeyPoolRpc["putKeyIds"]>[0]): ReturnType<KeyPoolRpc["putKeyIds"]> {
    return await this.#gate.admitted(call, async () => await putKeyIds(this.#pool, call));
  }

  async awaitedBlocks(call: Parameters<KeyPoolRpc["awaitedBlocks"]>[0]): ReturnType<KeyPoolRpc["awaitedBlocks"]> {
    return await this.#gate.admitted(call, async () => ok(awaitedBlocks(this.#pool, call)));
  }

  async clearAlarms(call: Parameters<KeyPoolRpc["clearAlarms"]>[0]): ReturnType<KeyPoolRpc["clearAlarms"]> {
    const { standingAlarms } = this.#pool;
    const clear = () => ok({ cleared: standingAlarms.clear(call.code, null, call.principal, Date.now()) });
    return await this.#gate.admitted(call, async () => await commit(this.#pool, clear));
  }

  async prefill(call: { readonly configVersion: number; readonly bytes: number }): ReturnType<KeyPoolRpc["prefill"]> {
    return await this.#gate.ready(call.configVersion, async () => {
      const made = await makeMaterial(this.#pool, "simulated", call.bytes);
      return made.ok ? ok({ availableBits: this.#pool.books.totals.ledger.available }) : made;
    });
  }

  async refresh(configVersion: number): PoolResult<null> {
    return await this.#gate.configure(configVersion);
  }

  async countPending(call: Parameters<KeyPoolRpc["countPending"]>[0]): ReturnType<KeyPoolRpc["countPending"]> {
    return ok(countStep(this.#pool, call));
  }

  async voidPending(call: Parameters<KeyPoolRpc["voidPending"]>[0]): ReturnType<KeyPoolRpc["voidPending"]> {
    return await this.#gate.configured(0, async () => await voidStep(this.#pool, call));
  }

  async rollEpoch({ epoch }: { readonly epoch: number }): ReturnType<KeyPoolRpc["rollEpoch"]> {
    return await this.#gate.configured(0, async () => await rollStep(this.#pool, epoch));
  }

  async canImport(call: Parameters<PoolToPoolRpc["canImport"]>[0]): PoolResult<null> {
    return await this.#gate.takingKeys(call.configVersion, async () => await canImport(this.#pool, call, this.#pads));
  }

  async importKeys(call: ImportCall): PoolResult<null> {
    return await this.#gate.takingKeys(call.configVersion, async () => await importKeys(this.#pool, call, this.#pads));
  }

  async drawPad(call: Parameters<PoolToPoolRpc["drawPad"]>[0]): ReturnType<PoolToPoolRpc["drawPad"]> {
    return await this.#gate.takingKeys(call.configVersion, async () => await drawPad(this.#pool, call, this.#bringPad));
  }

  async takePad(call: Parameters<PoolToPoolRpc["takePad"]>[0]): ReturnType<PoolToPoolRpc["takePad"]> {
    return await this.#gate.ready(0, async () => await takePad(this.#pool, call));
  }

  async receiveImport({ configVersion, sealed }: Parameters<HalfRpc["receiveImport"]>[0]): PoolResult<null> {
    return await this.#gate.takingKeys(configVersion, async () => await receiveImport(this.#pool, sealed, this.#pads));
  }

  async importForeign(call: Parameters<ForeignKeysRpc["importForeign"]>[0]): PoolResult<null> {
    const take = async () => await importForeign(this.#pool, call, this.#bringPad);
    return await this.#gate.admitted(call, async () => await this.#gate.takingKeys(call.configVersion, take));
  }

  async voidForeign(call: Parameters<ForeignKeysRpc["voidForeign"]>[0]): ReturnType<ForeignKeysRpc["voidForeign"]> {
    return await this.#gate.admitted(call, async () => await voidForeign(this.#pool, call));
  }

  async voidImport(nonce: Uint8Array, from?: NodeId): PoolResult<null> {
    return await this.#gate.configured(0, async () => await voidImport(this.#pool, nonce, from));
  }

  async lendUnits(call: Parameters<PoolToPoolRpc["lendUnits"]>[0]): PoolResult<readonly LentUnit[]> {
    return await this.#gate.ready(0, async () => {
      const came = call.brings === true ? await this.#refill.untouched(call.units) : ok(null);
      if (!came.ok) return came;
      const lent = await lendUnits(this.#pool, call);
      if (lent.ok && lent.value.length > 0) this.#refill.lent();
      return lent;
    });
  }

  async settleTransfer(transfer: string): PoolResult<null> {
    return await this.#gate.configured(0, async () => await settleTransfer(this.#pool, transfer));
  }

  async openStream(call: Parameters<StreamPoolRpc["openStream"]>[0]): ReturnType<StreamPoolRpc["openStream"]> {
    return await this.#gate.admitted(call, async () => await openStream(this.#pool, call));
  }

  async streamState(call: Parameters<StreamPoolRpc["streamState"]>[0]): ReturnType<StreamPoolRpc["streamState"]> {
    return await this.#gate.ready(call.configVersion, async () => await streamState(this.#pool, call));
  }

  async chunks(call: Parameters<StreamPoolRpc["chunks"]>[0]): ReturnType<StreamPoolRpc["chunks"]> {
    return await this.#gate.admitted(call, async () => await giveChunks(this.#pool, call, this.#bringIn));
  }

  async settleChunks(call: Parameters<StreamPoolRpc["settleChunks"]>[0]): ReturnType<StreamPoolRpc["settleChunks"]> {
    return await this.#gate.configured(0, async () => await settleChunks(this.#pool, call));
  }

  async availableChunks(
    call: Parameters<StreamPoolRpc["availableChunks"]>[0],
  ): ReturnType<StreamPoolRpc["availableChunks"]> {
    return await this.#gate.admitted(call, async () => await availableChunks(this.#pool, call, this.#bringIn));
  }

  async closeStream(call: Parameters<StreamPoolRpc["closeStream"]>[0]): ReturnType<StreamPoolRpc["closeStream"]> {
    return await this.#gate.configured(0, async () => await closeStream(this.#pool, call));
  }

  async drawHop(call: Parameters<RelayLinkRpc["drawHop"]>[0]): ReturnType<RelayLinkRpc["drawHop"]> {
    return await this.#gate.ready(call.configVersion, async () => await drawHop(this.#pool, call, this.#bringIn));
  }

  async takeHop(call: Parameters<RelayLinkRpc["takeHop"]>[0]): ReturnType<RelayLinkRpc["takeHop"]> {
    return await this.#gate.ready(call.configVersion, async () => await takeHop(this.#pool, call));
  }

  async linkState(call: Parameters<RelayLinkRpc["linkState"]>[0]): ReturnType<RelayLinkRpc["linkState"]> {
    return await this.#gate.ready(call.configVersion, async () => ok(linkStateOf(this.#pool, Date.now())));
  }

  async claimQuota(claim: Parameters<QuotaRpc["claimQuota"]>[0]): ReturnType<QuotaRpc["claimQuota"]> {
    return await this.#gate.configured(claim.configVersion, async () => await judgeClaim(this.#pool, claim));
  }

  async heldUsage({ configVersion, master }: Parameters<QuotaRpc["heldUsage"]>[0]): ReturnType<QuotaRpc["heldUsage"]> {
    return await this.#gate.configured(configVersion, async () => heldHere(this.#pool, master));
  }

  async takeBack(call: Parameters<RelayedPoolRpc["takeBack"]>[0]): PoolResult<null> {
    return await this.#gate.configured(call.configVersion, async () => await takeBack(this.#pool, call));
  }

  async receiveHalf({
    configVersion,
    batch,
    askedAtMs,
  }: Parameters<HalfRpc["receiveHalf"]>[0]): PoolResult<HalfAnswer> {
    return await this.#gate.ready(configVersion, async () => await this.#pool.half.receive(batch, askedAtMs));
  }

  async receiveStream(call: Parameters<HalfRpc["receiveStream"]>[0]): ReturnType<HalfRpc["receiveStream"]> {
    return await this.#gate.ready(call.configVersion, async () => {
      if (this.#questions.isNew(call.nonce, Date.now()))
        return await answerStream(this.#pool, call.question, this.#bringIn);
      return fail("unavailable", "this question was asked before, or too many are remembered");
    });
  }

  async tellPeer(call: Parameters<StreamPoolRpc["tellPeer"]>[0]): PoolResult<null> {
    return await this.#gate.configured(0, async () => await this.#pool.half.tellPeer(call));
  }

  override async alarm(): Promise<void> {
    const ready = await this.#gate.configure(0);
    if (ready.ok) await this.#alarms.run((await this.#lease.ready()).ok);
  }

  /** For those who have other words than ours for why nothing came. */
  readonly #bringIn = async (bytes: number): Promise<boolean> => (await this.#refill.bytes({ bytes })).ok;

  readonly #bringPad = async (pad: Pick<Need, "bytes" | "maxHops">): Promise<Result<null, Fault>> =>
    await this.#refill.bytes({ ...pad, isPad: true });

  #shard(shard: number): PoolToPoolRpc & QuotaRpc {
    return this.env.KEY_POOL.getByName(poolName(this.#pool.pairName, shard));
  }
}
