/**
 * The tunnel's hubs that have connections: each is told of every change of the network, at once, so that whoever is
 * revoked is closed within a second. One that does not answer is tried again, later each time.
 */
import { LIMITS } from "../../shared/limits.ts";
import { revokedKeys } from "../../shared/network/lookup.ts";
import type { TunnelHubRpc, TunnelView, TunnelViewCall } from "../../shared/tunnel/types.ts";
import { tunnelView } from "../../shared/tunnel/view.ts";
import type { Database } from "../storage/database.ts";
import { audit, type DirectoryParts } from "./changes.ts";
import { RETRY_MS, STUCK_ATTEMPTS } from "./errands.ts";

interface Behind {
  readonly site: string;
  readonly attempts: number;
}

export class HubTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A hub with connections has seen the network as of a sequence. */
  saw(site: string, sequence: number): void {
    const sql = "INSERT OR REPLACE INTO tunnel_hub (site, sequence) VALUES (?, ?)";
    this.#db.run(sql, site, sequence);
  }

  knows(site: string, sequence: number): boolean {
    const sql = "SELECT 1 FROM tunnel_hub WHERE site = ? AND sequence = ?";
    return this.#db.one(sql, site, sequence) !== undefined;
  }

  forget(site: string): void {
    this.#db.run("DELETE FROM tunnel_hub WHERE site = ?", site);
  }

  behind(sequence: number, nowMs: number, limit: number): Behind[] {
    const sql = "SELECT site, attempts FROM tunnel_hub WHERE sequence < ? AND due_ms <= ? ORDER BY due_ms LIMIT ?";
    return this.#db.all<{ site: string; attempts: number }>(sql, sequence, nowMs, limit);
  }

  nextMs(sequence: number): number | null {
    const sql = "SELECT min(due_ms) AS due FROM tunnel_hub WHERE sequence < ?";
    return this.#db.one<{ due: number | null }>(sql, sequence)?.due ?? null;
  }

  postpone(site: string, attempts: number, dueMs: number): void {
    this.#db.run("UPDATE tunnel_hub SET attempts = ?, due_ms = ? WHERE site = ?", attempts, dueMs, site);
  }
}

export class Hubs {
  readonly #parts: DirectoryParts;
  readonly #table: HubTable;
  readonly #hubs: (site: string) => Pick<TunnelHubRpc, "refresh">;

  constructor(parts: DirectoryParts, table: HubTable, hubs: (site: string) => Pick<TunnelHubRpc, "refresh">) {
    this.#parts = parts;
    this.#table = table;
    this.#hubs = hubs;
  }

  view({ hub, knownSequence, connected }: TunnelViewCall): TunnelView | { readonly unchanged: true } {
    const { store } = this.#parts;
    const { sequence, document } = store.view();
    if (!connected) this.#table.forget(hub);
    else if (!this.#table.knows(hub, sequence)) this.#table.saw(hub, sequence);
    if (sequence === knownSequence) return { unchanged: true };
    return tunnelView({ sequence, document }, revokedKeys(store.revocations()), hub);
  }

  /** Tells those that have not seen the network as it is, as many as may be at once. */
  async tell(): Promise<void> {
    const { store, nowMs } = this.#parts;
    const behind = this.#table.behind(store.head().sequence, nowMs(), LIMITS.hubsToldAtOnce);
    await Promise.all(behind.map(async (hub) => await this.#tellOne(hub)));
  }

  /** When there is somebody to tell. */
  nextMs(): number | null {
    return this.#table.nextMs(this.#parts.store.head().sequence);
  }

  /** It asks for its view then, which is how it comes along. */
  async #tellOne({ site, attempts: before }: Behind): Promise<void> {
    const { store, nowMs } = this.#parts;
    try {
      await this.#hubs(site).refresh();
    } catch {
      const attempts = Math.min(before + 1, STUCK_ATTEMPTS);
      store.transaction(() => {
        this.#table.postpone(site, attempts, nowMs() + (RETRY_MS[attempts - 1] ?? RETRY_MS[0]));
        if (attempts < STUCK_ATTEMPTS || before >= STUCK_ATTEMPTS) return;
        const detail = { errand: "tunnel", what: site, code: "internal" };
        audit(this.#parts, { act: "directory.stuck", who: "system", detail });
      });
    }
  }
}
