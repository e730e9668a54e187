/**
 * OperatorSessions, one a deployment: whose a browser's session is. It knows nothing of the network: whether the token that
 * began a session still counts is looked up by the Worker with every request.
 */
import { DurableObject } from "cloudflare:workers";
import type { BeginSession, OperatorSessionsRpc, SessionHolder } from "../../shared/auth/session.ts";
import { fail } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { ok } from "../../shared/result.ts";
import { generationOf, type ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { arm } from "../storage/planner.ts";
import { Settings } from "../storage/settings.ts";
import { Shipping } from "../storage/shipping.ts";
import { MIGRATIONS } from "./schema.ts";
import { SessionStore } from "./store.ts";

const RECOVERY_MS = 30_000;

export class OperatorSessions extends DurableObject<ObjectsEnv> implements OperatorSessionsRpc {
  readonly #store: SessionStore;
  readonly #outbox: AuditOutbox;
  readonly #shipping: Shipping;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    this.#store = new SessionStore(db);
    // Operators may have signed out since.
    new Settings(db).seeGeneration(generationOf(env), () => this.#store.eraseAll());
    this.#outbox = new AuditOutbox(db, "operator-sessions", LIMITS);
    this.#shipping = new Shipping(this.#outbox, (node) => env.AUDIT_LOG.getByName(node));
  }

  async begin(call: BeginSession): ReturnType<OperatorSessionsRpc["begin"]> {
    if (this.#outbox.full() && call.auditOverflow === "refuse")
      return fail("audit-full", "the audit log cannot take what is to be written down");
    this.#store.transaction(() => {
      if (call.replacesSha256 !== null) this.#end(call.replacesSha256);
      this.#store.put(call);
      this.#audit("session.begin", call.operator, { expires: new Date(call.expiresMs).toISOString() });
    });
    await this.#plan();
    return ok(null);
  }

  async holderOf(sessionSha256: string): Promise<SessionHolder | null> {
    const session = this.#store.get(sessionSha256);
    return session === undefined || session.expiresMs <= Date.now() ? null : session;
  }

  async end(sessionSha256: string): Promise<void> {
    this.#store.transaction(() => this.#end(sessionSha256));
    await this.#plan();
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + RECOVERY_MS);
    this.#store.sweep(Date.now());
    await this.#shipping.ship();
    await this.#plan(true);
  }

  #end(sessionSha256: string): void {
    const session = this.#store.get(sessionSha256);
    if (session === undefined) return;
    this.#store.drop(sessionSha256);
    this.#audit("session.end", session.operator, {});
  }

  #audit(act: string, operator: string, detail: Record<string, string>): void {
    this.#outbox.recordOrDrop([{ atMs: Date.now(), act, who: `operator:${operator}`, node: DEPLOYMENT_LOG, detail }]);
  }

  async #plan(isOwnEnd = false): Promise<void> {
    await arm(this.ctx.storage, Math.min(this.#store.nextSweepMs(), this.#shipping.dueMs()), isOwnEnd);
  }
}
