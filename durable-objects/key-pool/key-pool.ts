/**
 * KeyPool: the key material of one pair of nodes (one shard of it) and the ledger of who was given what. This class
 * only composes: each verb has a file of its own beside it.
 */
import { DurableObject } from "cloudflare:workers";
import { type Fault, fail, fault } from "../../shared/errors/errors.ts";
import { poolName } from "../../shared/ids.ts";
import { type KeyIdRun, packRuns } from "../../shared/keypool/key-id-run.ts";
import { fullBucket, takeToken, type TokenBucket } from "../../shared/keypool/token-bucket.ts";
import type {
  DecKeysCall,
  EncKeysCall,
  ImportCall,
  IngestCall,
  KeyGrant,
  KeyPoolRpc,
  LentUnit,
  PoolCall,
  PoolConfig,
  PoolResult,
  PoolStatus,
  PoolToPoolRpc,
} from "../../shared/keypool/types.ts";
import type { StreamPoolRpc } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_NAME, generationOf, type ObjectsEnv } from "../env.ts";
import { Alarms } from "./alarms.ts";
import { Arrivals } from "./arrivals.ts";
import { assemblePool } from "./assemble.ts";
import { completed, storedConfig } from "./config.ts";
import { commit, type PoolContext } from "./context.ts";
import { checkKeys, deliverKeys } from "./dec-keys.ts";
import { giveKeys } from "./enc-keys.ts";
import { awaitedBlocks, putKeyIds } from "./block-key-ids.ts";
import { canImport, importKeys, voidImport } from "./imports.ts";
import { rollStep } from "./epoch-roll.ts";
import { ingestBlock } from "./ingest.ts";
import { PoolLease } from "./lease.ts";
import { expanded } from "./read-keys.ts";
import { Refill } from "./refill.ts";
import { lendUnits, settleTransfer } from "./siblings.ts";
import { makeMaterial } from "./sources.ts";
import { statusOf } from "./status.ts";
import { availableChunks } from "./stream-available.ts";
import { giveChunks } from "./stream-chunks.ts";
import { closeStream } from "./stream-close.ts";
import { openStream } from "./stream-open.ts";
import { stateFor } from "./stream-rows.ts";
import { settleChunks } from "./stream-settle.ts";
import { countStep, voidStep } from "./upkeep.ts";

export class KeyPool extends DurableObject<ObjectsEnv> implements KeyPoolRpc, PoolToPoolRpc, StreamPoolRpc {
  readonly #pool: PoolContext;
  readonly #alarms: Alarms;
  readonly #refill: Refill;
  readonly #lease: PoolLease;
  readonly #arrivals = new Arrivals(LIMITS.waitingDecs);
  readonly #buckets = new Map<string, TokenBucket>();
  #config: PoolConfig | undefined;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    this.#pool = assemblePool(ctx, env, {
      config: () => this.#config,
      committed: () => this.#alarms.replan(),
      isLeased: () => this.#lease.open,
      useLease: (keys) => this.#lease.use(keys),
    });
    const config = this.#pool.store.setting("config");
    if (typeof config === "string") this.#config = storedConfig(config);
    void ctx.blockConcurrencyWhile(async () => await this.#pool.epochs.start(this.#config?.epoch));
    const name = poolName(this.#pool.pairName, this.#pool.shard);
    this.#lease = new PoolLease(this.#pool, {
      pool: name,
      source: `key-pool:${name}`,
      deployment: generationOf(env),
      leasePool: async (call) => await env.DIRECTORY.getByName(DIRECTORY_NAME).leasePool(call),
      logOf: (node) => env.AUDIT_LOG.getByName(node),
      background: (work) => ctx.waitUntil(work),
    });
    this.#refill = new Refill(this.#pool, (other) => this.#shard(other));
    this.#alarms = new Alarms(this.#pool, ctx, {
      logOf: (node) => env.AUDIT_LOG.getByName(node),
      shardOf: (other) => this.#shard(other),
    });
  }

  async encKeys(call: EncKeysCall): PoolResult<KeyGrant> {
    return expanded(await this.#enc(call));
  }

  async #enc(call: EncKeysCall): PoolResult<KeyGrant<KeyIdRun>> {
    const ready = await this.#admitOnce(call);
    if (!ready.ok) return ready;
    if (this.#pool.config().state !== "active") return fail("no-route", "this pair of nodes gives no new keys");
    return await giveKeys(this.#pool, call, {
      // The import lands in the shard that the key IDs name, whatever the number of shards there.
      poolOf: (pair) => this.env.KEY_POOL.getByName(poolName(pair, this.#pool.shard)),
      refill: async (bytes, waits) =>
        !waits && this.#refill.mayBringIn ? "on-its-way" : await this.#refill.bytes(bytes),
      published: () => this.#arrivals.arrived(),
    });
  }

  async decKeys(call: DecKeysCall): PoolResult<KeyGrant> {
    return expanded(await this.#dec({ ...call, keyIds: packRuns(call.keyIds) }));
  }

  async #dec(call: DecKeysCall<KeyIdRun>): PoolResult<KeyGrant<KeyIdRun>> {
    const ready = await this.#admitOnce(call);
    if (!ready.ok) return ready;
    return await deliverKeys(this.#pool, call, (untilMs) => this.#arrivals.wait(untilMs - Date.now()));
  }

  async serveAll(calls: readonly PoolCall[]): PoolResult<readonly Result<KeyGrant<KeyIdRun>, Fault>[]> {
    const served = await Promise.allSettled(
      calls.map(async (call) => await ("enc" in call ? this.#enc(call.enc) : this.#dec(call.dec))),
    );
    // A defect that one of them meets takes no answer from the others.
    return ok(served.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : defect(outcome.reason))));
  }

  async checkKeys(call: DecKeysCall): PoolResult<null> {
    const ready = await this.#admit(call.configVersion, call.principal);
    if (!ready.ok) return ready;
    const refusal = checkKeys(this.#pool, { ...call, keyIds: packRuns(call.keyIds) }, Date.now());
    return refusal === null ? ok(null) : err(refusal);
  }

  async status(call: { readonly configVersion: number; readonly principal: string }): PoolResult<PoolStatus> {
    const ready = await this.#admit(call.configVersion, call.principal);
    if (!ready.ok) return ready;
    return ok(statusOf(this.#pool, Date.now()));
  }

  async ingest(call: IngestCall): ReturnType<KeyPoolRpc["ingest"]> {
    const ready = await this.#admit(call.configVersion, call.principal);
    if (!ready.ok) return ready;
    if (this.#pool.config().state !== "active") return fail("not-found", "this link takes no material");
    return await ingestBlock(this.#pool, {
      id: call.block,
      node: call.node,
      bytes: call.bytes,
      origin: "pushed",
      principal: call.principal,
    });
  }

  async putKeyIds(call: Parameters<KeyPoolRpc["putKeyIds"]>[0]): ReturnType<KeyPoolRpc["putKeyIds"]> {
    const ready = await this.#admit(call.configVersion, call.principal);
    return ready.ok ? await putKeyIds(this.#pool, call) : ready;
  }

  async awaitedBlocks(call: Parameters<KeyPoolRpc["awaitedBlocks"]>[0]): ReturnType<KeyPoolRpc["awaitedBlocks"]> {
    const ready = await this.#admit(call.configVersion, call.principal);
    return ready.ok ? ok(awaitedBlocks(this.#pool, call)) : ready;
  }

  async clearAlarms(call: Parameters<KeyPoolRpc["clearAlarms"]>[0]): ReturnType<KeyPoolRpc["clearAlarms"]> {
    const ready = await this.#admit(call.configVersion, call.principal);
    if (!ready.ok) return ready;
    return await commit(this.#pool, () =>
      ok({ cleared: this.#pool.standingAlarms.clear(call.code, null, call.principal, Date.now()) }),
    );
  }

  async prefill(call: { readonly configVersion: number; readonly bytes: number }): ReturnType<KeyPoolRpc["prefill"]> {
    const ready = await this.#ready(call.configVersion);
    if (!ready.ok) return ready;
    const made = await makeMaterial(this.#pool, "simulated", call.bytes);
    return made.ok ? ok({ availableBits: this.#pool.books.totals.ledger.available }) : made;
  }

  async refresh(configVersion: number): PoolResult<null> {
    const ready = await this.#configure(configVersion);
    return ready.ok ? ok(null) : ready;
  }

  async countPending(call: Parameters<KeyPoolRpc["countPending"]>[0]): ReturnType<KeyPoolRpc["countPending"]> {
    return ok(countStep(this.#pool, call));
  }

  async voidPending(call: Parameters<KeyPoolRpc["voidPending"]>[0]): ReturnType<KeyPoolRpc["voidPending"]> {
    const ready = await this.#configure(0);
    return ready.ok ? await voidStep(this.#pool, call) : ready;
  }

  async rollEpoch({ epoch }: { readonly epoch: number }): ReturnType<KeyPoolRpc["rollEpoch"]> {
    const ready = await this.#configure(0);
    return ready.ok ? await rollStep(this.#pool, epoch) : ready;
  }

  async canImport(call: { readonly configVersion: number; readonly bytes: number }): PoolResult<null> {
    const ready = await this.#ready(call.configVersion);
    if (!ready.ok) return ready;
    if (this.#pool.config().state !== "active") return fail("no-route", "this pair of nodes takes no new keys");
    return await canImport(this.#pool, call.bytes, async (bytes) => await this.#refill.bytes(bytes));
  }

  async importKeys(call: ImportCall): PoolResult<null> {
    const ready = await this.#ready(call.configVersion);
    if (!ready.ok) return ready;
    if (this.#pool.config().state !== "active") return fail("no-route", "this pair of nodes takes no new keys");
    return await importKeys(this.#pool, call, async (bytes) => await this.#refill.bytes(bytes));
  }

  async voidImport(nonce: Uint8Array): PoolResult<null> {
    const ready = await this.#configure(0);
    return ready.ok ? await voidImport(this.#pool, nonce) : ready;
  }

  async lendUnits(call: { readonly transfer: string; readonly units: number }): PoolResult<readonly LentUnit[]> {
    const ready = await this.#ready(0);
    return ready.ok ? await lendUnits(this.#pool, call) : ready;
  }

  async settleTransfer(transfer: string): PoolResult<null> {
    const ready = await this.#configure(0);
    return ready.ok ? await settleTransfer(this.#pool, transfer) : ready;
  }

  async openStream(call: Parameters<StreamPoolRpc["openStream"]>[0]): ReturnType<StreamPoolRpc["openStream"]> {
    const ready = await this.#admit(call.configVersion, call.principal);
    return ready.ok ? await openStream(this.#pool, call) : ready;
  }

  async streamState(call: Parameters<StreamPoolRpc["streamState"]>[0]): ReturnType<StreamPoolRpc["streamState"]> {
    const ready = await this.#ready(call.configVersion);
    return ready.ok ? ok(stateFor(this.#pool, call, Date.now())) : ready;
  }

  async chunks(call: Parameters<StreamPoolRpc["chunks"]>[0]): ReturnType<StreamPoolRpc["chunks"]> {
    const ready = await this.#admit(call.configVersion, call.principal);
    return ready.ok ? await giveChunks(this.#pool, call, async (bytes) => await this.#refill.bytes(bytes)) : ready;
  }

  async settleChunks(call: Parameters<StreamPoolRpc["settleChunks"]>[0]): ReturnType<StreamPoolRpc["settleChunks"]> {
    const ready = await this.#configure(0);
    return ready.ok ? await settleChunks(this.#pool, call) : ready;
  }

  async availableChunks(
    call: Parameters<StreamPoolRpc["availableChunks"]>[0],
  ): ReturnType<StreamPoolRpc["availableChunks"]> {
    const ready = await this.#admit(call.configVersion, call.principal);
    return ready.ok ? await availableChunks(this.#pool, call, async (bytes) => await this.#refill.bytes(bytes)) : ready;
  }

  async closeStream(call: Parameters<StreamPoolRpc["closeStream"]>[0]): ReturnType<StreamPoolRpc["closeStream"]> {
    const ready = await this.#configure(0);
    return ready.ok ? await closeStream(this.#pool, call) : ready;
  }

  override async alarm(): Promise<void> {
    const ready = await this.#configure(0);
    if (ready.ok) await this.#alarms.run((await this.#lease.ready()).ok);
  }

  #shard(shard: number): PoolToPoolRpc {
    return this.env.KEY_POOL.getByName(poolName(this.#pool.pairName, shard));
  }

  /** A call that comes again has had its token. */
  async #admitOnce({
    configVersion,
    principal,
    waits,
  }: EncKeysCall | DecKeysCall<KeyIdRun>): Promise<Result<null, Fault>> {
    return waits === true ? await this.#ready(configVersion) : await this.#admit(configVersion, principal);
  }

  /** Ready, and a token of the principal's bucket taken. */
  async #admit(configVersion: number, principal: string): Promise<Result<null, Fault>> {
    const ready = await this.#ready(configVersion);
    if (!ready.ok) return ready;
    this.#alarms.replan();
    const { requests_per_s: ratePerS, burst } = this.#pool.config().policy.rate_limit;
    const nowMs = Date.now();
    const { bucket, waitMs } = takeToken(
      this.#buckets.get(principal) ?? fullBucket(burst, nowMs),
      { ratePerS, burst },
      nowMs,
    );
    this.#buckets.delete(principal);
    this.#buckets.set(principal, bucket);
    if (this.#buckets.size > LIMITS.rateLimitedPrincipals) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    if (waitMs === 0) return ok(null);
    const message = `more than ${ratePerS} requests a second`;
    return err({ ...fault("rate-limited", message), retryAfterSeconds: Math.ceil(waitMs / 1000) });
  }

  /** Configuration up to date, and a lease held. */
  async #ready(configVersion: number): Promise<Result<null, Fault>> {
    const configured = await this.#configure(configVersion);
    return !configured.ok || this.#lease.open ? configured : await this.#lease.ready();
  }

  async #configure(version: number): Promise<Result<null, Fault>> {
    const { pairName, shard, epochs } = this.#pool;
    if (this.#config !== undefined && this.#config.version >= version && epochs.canSeal) return ok(null);
    let config: PoolConfig;
    try {
      config = completed(await this.env.DIRECTORY.getByName(DIRECTORY_NAME).poolConfig(pairName, shard));
    } catch {
      return err({ ...fault("directory-unavailable", "the directory cannot be reached"), retryAfterSeconds: 1 });
    }
    if (this.#config === undefined || config.version > this.#config.version) {
      this.#pool.store.putSetting("config", JSON.stringify(config));
      this.#config = config;
    }
    await epochs.adopt(config.epoch);
    this.#alarms.replan();
    return ok(null);
  }
}

/** As a caller of its own would be told of it. */
function defect(reason: unknown): Result<never, Fault> {
  // oxlint-disable-next-line no-console -- the object's log
  console.error(`key pool, one call of several: ${reason instanceof Error ? reason.message : String(reason)}`);
  return fail("unavailable", "a part of the key management system does not answer, try again");
}
