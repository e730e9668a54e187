/**
 * TokenIssuer: the tokens of one OAuth client of the Open-QKD-Network KMS API, named by the client's id. It knows nothing
 * of the network: who the client and its users are comes with each call, from a Worker's copy of the document.
 */
import { DurableObject } from "cloudflare:workers";
import { LIMITS } from "../../shared/limits.ts";
import type { TokenHolder, TokenIssuerRpc } from "../../shared/open-qkd-network/types.ts";
import { generationOf, type ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { arm } from "../storage/planner.ts";
import { Settings } from "../storage/settings.ts";
import { Shipping } from "../storage/shipping.ts";
import { Issuing } from "./issuing.ts";
import { Ration } from "./ration.ts";
import { MIGRATIONS } from "./schema.ts";
import { TokenStore } from "./store.ts";

const RECOVERY_MS = 30_000;
/** Everybody in the isolate waits for a hash, whichever client's it is. (The clock stands still while a module is loaded.) */
const HASHES = new Ration(LIMITS.kmsHashesOfAll, 0);

export class TokenIssuer extends DurableObject<ObjectsEnv> implements TokenIssuerRpc {
  readonly #client: string;
  readonly #store: TokenStore;
  readonly #shipping: Shipping;
  readonly #issuing: Issuing;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    const settings = new Settings(db);
    this.#client = settings.named(ctx.id.name);
    this.#store = new TokenStore(db);
    // Tokens may have been revoked since.
    settings.seeGeneration(generationOf(env), () => this.#store.eraseAll());
    const outbox = new AuditOutbox(db, `token-issuer:${this.#client}`, LIMITS);
    this.#shipping = new Shipping(outbox, (node) => env.AUDIT_LOG.getByName(node));
    this.#issuing = new Issuing({ store: this.#store, outbox, nowMs: Date.now, hashes: HASHES });
  }

  async issue(call: Parameters<TokenIssuerRpc["issue"]>[0]): ReturnType<TokenIssuerRpc["issue"]> {
    const issued = this.#issuing.issue(call);
    await this.#plan();
    return issued;
  }

  async revoke(call: Parameters<TokenIssuerRpc["revoke"]>[0]): ReturnType<TokenIssuerRpc["revoke"]> {
    const revoked = this.#issuing.revoke(call);
    await this.#plan();
    return revoked;
  }

  async holderOf(tokenSha256: string): Promise<TokenHolder | null> {
    const token = this.#store.token(tokenSha256);
    if (token === undefined || token.expiresMs <= Date.now()) return null;
    const { kind, user, stamp, expiresMs } = token;
    return { kind: kind === "access" ? "access" : "refresh", client: this.#client, user, stamp, expiresMs };
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + RECOVERY_MS);
    this.#store.sweep(Date.now());
    await this.#shipping.ship();
    await this.#plan(true);
  }

  async #plan(isOwnEnd = false): Promise<void> {
    await arm(this.ctx.storage, Math.min(this.#store.nextSweepMs(), this.#shipping.dueMs()), isOwnEnd);
  }
}
