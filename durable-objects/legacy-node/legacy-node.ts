/**
 * LegacyNode: a node hosted here as neighbours that run qkd-trusted-node see it, named by the node's id. It keeps the keys
 * that somebody is still to fetch, sealed; the links' keys come from the KMEs at our end. This class only composes.
 */
import { DurableObject } from "cloudflare:workers";
import type { Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LegacyNodeRpc, LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import type { Result } from "../../shared/result.ts";
import { generationOf, type ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";
import { epochStoreOf } from "../storage/epoch-store.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { arm } from "../storage/planner.ts";
import { Settings } from "../storage/settings.ts";
import { discover, extKeys, fetchKeys, type Parts } from "./callee.ts";
import { decKeys, encKeys } from "./caller.ts";
import { Keeping } from "./keeping.ts";
import { Peers } from "./peers.ts";
import { MIGRATIONS } from "./schema.ts";
import { Services } from "./services.ts";
import { LegacyStore } from "./store.ts";

export class LegacyNode extends DurableObject<ObjectsEnv> implements LegacyNodeRpc {
  readonly #store: LegacyStore;
  readonly #keys: EpochKeys;
  readonly #outbox: AuditOutbox;
  readonly #parts: Parts;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    const settings = new Settings(db);
    const name = settings.named(ctx.id.name);
    this.#keys = new EpochKeys(epochStoreOf(env), `legacy-node:${name}`);
    this.#store = new LegacyStore(db, this.#keys);
    // Its keys may have been fetched since.
    settings.seeGeneration(generationOf(env), () => this.#store.eraseAll());
    this.#outbox = new AuditOutbox(db, `legacy-node:${name}`, LIMITS);
    const keeping = new Keeping({ store: this.#store, keys: this.#keys, outbox: this.#outbox, nowMs: Date.now });
    this.#parts = { keeping, peers: new Peers(new Services(env.TUNNEL_HUB)) };
  }

  async discover(asked: Parameters<LegacyNodeRpc["discover"]>[0]): ReturnType<LegacyNodeRpc["discover"]> {
    return await discover(this.#parts, asked);
  }

  async extKeys(asked: Parameters<LegacyNodeRpc["extKeys"]>[0]): ReturnType<LegacyNodeRpc["extKeys"]> {
    return await this.#with(asked.view, async () => await extKeys(this.#parts, asked));
  }

  async fetchKeys(asked: Parameters<LegacyNodeRpc["fetchKeys"]>[0]): ReturnType<LegacyNodeRpc["fetchKeys"]> {
    return await this.#with(asked.view, async () => await fetchKeys(this.#parts, asked));
  }

  async encKeys(call: Parameters<LegacyNodeRpc["encKeys"]>[0]): ReturnType<LegacyNodeRpc["encKeys"]> {
    return await this.#with(call.view, async () => await encKeys(this.#parts, call));
  }

  async decKeys(call: Parameters<LegacyNodeRpc["decKeys"]>[0]): ReturnType<LegacyNodeRpc["decKeys"]> {
    return await this.#with(call.view, async () => await decKeys(this.#parts, call));
  }

  /** Expired keys go, the others move to the epoch in force, and the audit log hears of what has been done. */
  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + LIMITS.legacyUpkeepMs);
    this.#store.expire(Date.now());
    const epoch = await this.#keys.newest();
    for (const each of [epoch, ...this.#store.epochs()]) await this.#keys.load(each);
    if (this.#keys.has(epoch)) {
      this.#keys.use(epoch);
      this.#store.transaction(() => this.#store.renew());
    }
    await this.#outbox.ship((log) => this.env.AUDIT_LOG.getByName(log));
    await this.#plan();
  }

  /** Keys move with the epochs; of those that are gone, only the ID is left to expire. */
  async #plan(): Promise<void> {
    const expiryMs = this.#store.nextExpiryMs() ?? Infinity;
    const isBusy = this.#outbox.pending() > 0 || this.#store.epochs().length > 0;
    await arm(this.ctx.storage, isBusy ? Date.now() + LIMITS.legacyUpkeepMs : expiryMs, true);
  }

  async #with<T>(view: LegacyView, work: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
    const ready = await this.#parts.keeping.ready(view);
    if (!ready.ok) return ready;
    try {
      return await work();
    } finally {
      if (this.#outbox.pending() > 0) await this.ctx.storage.setAlarm(Date.now());
    }
  }
}
