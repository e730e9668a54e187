/** SQL of what is about the node as a whole: what controllers set for keys, what its host has told. */
import type { IpsecNotification } from "../../shared/ipsec/notification.ts";
import type { KeySettings } from "../../shared/ipsec/rendezvous.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Database, storedJson } from "../storage/database.ts";

export class ProxyStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  keySettings(): readonly KeySettings[] {
    const sql = "SELECT settings FROM key_setting ORDER BY endpoints";
    return this.#db.all<{ settings: string }>(sql).map(({ settings }) => storedJson<KeySettings>(settings));
  }

  /** @returns whether anything has changed */
  setKeys(settings: KeySettings, nowMs: number): boolean {
    const [endpoints, text] = [JSON.stringify(settings.endpoints), JSON.stringify(settings)];
    if (this.#db.one("SELECT 1 FROM key_setting WHERE endpoints = ? AND settings = ?", endpoints, text)) return false;
    const sql = "INSERT OR REPLACE INTO key_setting (endpoints, settings, changed_ms) VALUES (?, ?, ?)";
    this.#db.run(sql, endpoints, text, nowMs);
    this.#db.run(
      `DELETE FROM key_setting WHERE endpoints IN
         (SELECT endpoints FROM key_setting ORDER BY changed_ms DESC, endpoints LIMIT -1 OFFSET ?)`,
      LIMITS.ipsecKeySettings,
    );
    return true;
  }

  notified(notification: IpsecNotification, nowMs: number): void {
    const sql = "INSERT INTO notification (at_ms, notification) VALUES (?, ?)";
    this.#db.run(sql, nowMs, JSON.stringify(notification));
    this.#db.run(
      "DELETE FROM notification WHERE id <= (SELECT max(id) FROM notification) - ?",
      LIMITS.ipsecNotificationsKept,
    );
  }

  /** Latest first. */
  notifications(): readonly { readonly atMs: number; readonly notification: IpsecNotification }[] {
    const sql = "SELECT at_ms, notification FROM notification ORDER BY id DESC";
    return this.#db
      .all<{ at_ms: number; notification: string }>(sql)
      .map((row) => ({ atMs: row.at_ms, notification: storedJson<IpsecNotification>(row.notification) }));
  }
}
