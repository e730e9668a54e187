/**
 * KmsPeer: what is on its way to one KMS of others (ETSI GS QKD 020): keys of ours that it has not acknowledged yet, and
 * letters, tried until it takes them or they are too old to be of use: acknowledgements it wants at a callback, and what
 * takes keys back.
 */
import { DurableObject } from "cloudflare:workers";
import { fault } from "../../shared/errors/errors.ts";
import type { KmsPeerRpc } from "../../shared/etsi020/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok } from "../../shared/result.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { arm } from "../storage/planner.ts";
import { Settings } from "../storage/settings.ts";
import { Shipping } from "../storage/shipping.ts";
import { HandOvers } from "./hand-overs.ts";
import { MIGRATIONS } from "./schema.ts";
import { sendLetter, type SendOutcome } from "./send.ts";
import { type KeptLetter, PeerStore } from "./store.ts";

const RECOVERY_MS = 30_000;
/** Letters tried at once, in one run of the alarm. */
const AT_ONCE = 16;

export class KmsPeer extends DurableObject<ObjectsEnv> implements KmsPeerRpc {
  readonly #peer: string;
  readonly #db: Database;
  readonly #store: PeerStore;
  readonly #outbox: AuditOutbox;
  readonly #shipping: Shipping;
  readonly #handOvers: HandOvers;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    this.#db = new Database(ctx.storage);
    migrate(this.#db, MIGRATIONS);
    this.#store = new PeerStore(this.#db);
    this.#peer = new Settings(this.#db).named(ctx.id.name);
    this.#handOvers = new HandOvers(env, this.#peer, this.#store);
    this.#outbox = new AuditOutbox(this.#db, `kms-peer:${this.#peer}`, LIMITS);
    this.#shipping = new Shipping(this.#outbox, (node) => env.AUDIT_LOG.getByName(node));
  }

  async acknowledge({ node, letter }: Parameters<KmsPeerRpc["acknowledge"]>[0]): ReturnType<KmsPeerRpc["acknowledge"]> {
    if (this.#store.count() >= LIMITS.kmsAcks) {
      return err({ ...fault("unavailable", "too many acknowledgements wait for you"), retryAfterSeconds: 10 });
    }
    const nowMs = Date.now();
    this.#store.put(letter, node, nowMs, nowMs + LIMITS.kmsAckMs);
    await arm(this.ctx.storage, nowMs);
    return ok(null);
  }

  async handOver(call: Parameters<KmsPeerRpc["handOver"]>[0]): ReturnType<KmsPeerRpc["handOver"]> {
    return await this.#handOvers.begin(call, async (atMs) => void (await arm(this.ctx.storage, atMs)));
  }

  async acknowledged(acks: Parameters<KmsPeerRpc["acknowledged"]>[0]): Promise<void> {
    this.#handOvers.heard(acks);
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + RECOVERY_MS);
    // Whoever was at these is gone.
    this.#store.undo({ endedMs: Date.now() }, Date.now(), LIMITS.kmsAckMs);
    const due = this.#store.due(Date.now(), AT_ONCE);
    await Promise.all(
      due.map(async (letter) => this.#settle(letter, await sendLetter(this.env, this.#peer, letter), Date.now())),
    );
    await this.#shipping.ship();
    await arm(this.ctx.storage, Math.min(this.#store.nextDueMs(), this.#shipping.dueMs()), true);
  }

  #settle({ id, node, tries, endsMs }: KeptLetter, outcome: SendOutcome, nowMs: number): void {
    const pauseMs = Math.min(LIMITS.kmsAckRetryMs * 2 ** tries, LIMITS.kmsAckRetryMaxMs);
    this.#db.transaction(() => {
      if (outcome === "unanswered" && nowMs + pauseMs < endsMs) return this.#store.again(id, nowMs + pauseMs);
      this.#store.drop(id);
      if (outcome === "taken") return;
      const detail = { why: outcome, tries: tries + 1 };
      const event = { atMs: nowMs, act: "kms.letter-lost", who: `kms:${this.#peer}`, node, detail };
      this.#outbox.recordOrDrop([event]);
    });
  }
}
