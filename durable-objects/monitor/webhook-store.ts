/** All SQL of the webhooks. Callers open the transactions. */
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";

/** To be part of a migration of the Monitor. */
export const webhookMigration = `
  CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    -- Of the message that is next.
    attempts INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    delivered INTEGER NOT NULL DEFAULT 0,
    given_up INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  -- What waits: of each webhook in the order of n.
  CREATE TABLE webhook_message (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    made_ms INTEGER NOT NULL
  );
  CREATE INDEX webhook_message_of ON webhook_message (webhook, n);
`;

export interface StoredWebhook {
  readonly id: string;
  readonly url: string;
  readonly attempts: number;
  readonly nextMs: number;
  readonly reason: string;
  readonly delivered: number;
  readonly givenUp: number;
  readonly waiting: number;
}

export interface Message {
  readonly n: number;
  readonly id: string;
  readonly body: string;
}

type Row = {
  id: string;
  url: string;
  attempts: number;
  next_ms: number;
  reason: string;
  delivered: number;
  given_up: number;
  waiting: number;
};

export class WebhookStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  /** Those of the network document from now on. Of one that leads elsewhere, what failed counts no more. */
  keep(wanted: readonly { readonly id: string; readonly url: string }[]): void {
    const ids = new Set(wanted.map(({ id }) => id));
    for (const { id } of this.all()) if (!ids.has(id)) this.#drop(id);
    for (const { id, url } of wanted) {
      this.#db.run(
        `INSERT INTO webhook (id, url) VALUES (?, ?)
         ON CONFLICT (id) DO UPDATE SET url = excluded.url, attempts = 0, next_ms = 0, reason = '' WHERE url != excluded.url`,
        id,
        url,
      );
    }
  }

  all(): StoredWebhook[] {
    const waiting = "(SELECT count(*) FROM webhook_message WHERE webhook = webhook.id)";
    return this.#db
      .all<Row>(`SELECT *, ${waiting} AS waiting FROM webhook ORDER BY id`)
      .map(({ next_ms: nextMs, given_up: givenUp, ...row }) => ({ ...row, nextMs, givenUp }));
  }

  /** What is beyond the bound, the oldest first, is given up. */
  queue(webhook: string, { id, body }: Omit<Message, "n">, nowMs: number): void {
    const sql = "INSERT INTO webhook_message (webhook, id, body, made_ms) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, webhook, id, body, nowMs);
    this.#giveUp(
      webhook,
      "n IN (SELECT n FROM webhook_message WHERE webhook = ?1 ORDER BY n DESC LIMIT -1 OFFSET ?2)",
      LIMITS.webhookQueue,
    );
  }

  giveUpOld(webhook: string, nowMs: number): void {
    this.#giveUp(webhook, "webhook = ?1 AND made_ms <= ?2", nowMs - LIMITS.webhookAgeMs);
  }

  next(webhook: string): Message | undefined {
    const sql = "SELECT n, id, body FROM webhook_message WHERE webhook = ? ORDER BY n LIMIT 1";
    return this.#db.one<{ n: number; id: string; body: string }>(sql, webhook);
  }

  delivered(webhook: string, { n }: Pick<Message, "n">): void {
    this.#db.run("DELETE FROM webhook_message WHERE n = ?", n);
    const sql = "UPDATE webhook SET delivered = delivered + 1, attempts = 0, next_ms = 0, reason = '' WHERE id = ?";
    this.#db.run(sql, webhook);
  }

  /** @returns attempts so far, after which `again` says when the next one is due */
  failed(webhook: string, reason: string): number {
    const sql = "UPDATE webhook SET attempts = attempts + 1, reason = ? WHERE id = ? RETURNING attempts";
    return this.#db.one<{ attempts: number }>(sql, reason, webhook)?.attempts ?? 1;
  }

  again(webhook: string, nextMs: number): void {
    this.#db.run("UPDATE webhook SET next_ms = ? WHERE id = ?", nextMs, webhook);
  }

  /** Those whose next message has been tried so often, or more. */
  failing(attempts: number): { readonly id: string; readonly reason: string }[] {
    return this.#db.all("SELECT id, reason FROM webhook WHERE attempts >= ? ORDER BY id", attempts);
  }

  /** When the next message of each is due for which some wait. */
  due(): { readonly id: string; readonly nextMs: number }[] {
    const sql = "SELECT id, next_ms AS nextMs FROM webhook WHERE id IN (SELECT webhook FROM webhook_message)";
    return this.#db.all(sql);
  }

  #giveUp(webhook: string, which: string, bound: number): void {
    const gone = this.#db.all<{ n: number }>(`DELETE FROM webhook_message WHERE ${which} RETURNING n`, webhook, bound);
    if (gone.length === 0) return;
    this.#db.run("UPDATE webhook SET given_up = given_up + ? WHERE id = ?", gone.length, webhook);
  }

  #drop(webhook: string): void {
    this.#db.run("DELETE FROM webhook_message WHERE webhook = ?", webhook);
    this.#db.run("DELETE FROM webhook WHERE id = ?", webhook);
  }
}
