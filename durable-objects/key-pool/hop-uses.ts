/**
 * What relays have drawn from a link, as the audit log is told of it: by the pair whose key they bring and the node that
 * drew, once in `LIMITS.hopUseAuditMs`. There may be thousands a second. Counted in the commit that draws, or that records
 * what was drawn out of a run; what a crash keeps from being recorded is told of with the run: relay-records.ts.
 */
import type { NodeId, PairName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok } from "../../shared/result.ts";
import type { Database } from "../storage/database.ts";
import { commit, type PoolContext } from "./context.ts";

export interface HopUse {
  readonly pair: PairName;
  /** Who drew. */
  readonly node: NodeId;
  readonly relays: number;
  readonly bits: number;
  readonly sinceMs: number;
}

type NewUse = Pick<HopUse, "pair" | "node" | "relays" | "bits">;
type Row = { pair: string; node: string; relays: number; bits: number; since_ms: number };

/** All of the pool's SQL on them; what the table says is in memory too. */
export class HopUses {
  readonly #db: Database;
  /** Oldest first. */
  #uses: Map<string, HopUse>;

  constructor(db: Database) {
    this.#db = db;
    this.#uses = this.#stored();
  }

  /** When the first is to be told of; Infinity where there is none. */
  get earliestMs(): number {
    for (const { sinceMs } of this.#uses.values()) return sinceMs + LIMITS.hopUseAuditMs;
    return Infinity;
  }

  /** More relays. @returns those that must be told of now, as there are too many */
  add({ pair, node, relays, bits }: NewUse, nowMs: number): readonly HopUse[] {
    const known = this.#uses.get(nameOf({ pair, node }));
    const use = {
      pair,
      node,
      relays: (known?.relays ?? 0) + relays,
      bits: (known?.bits ?? 0) + bits,
      sinceMs: known?.sinceMs ?? nowMs,
    };
    this.#uses.set(nameOf(use), use);
    const sql = "INSERT OR REPLACE INTO hop_use (pair, node, relays, bits, since_ms) VALUES (?, ?, ?, ?, ?)";
    this.#db.run(sql, pair, node, use.relays, use.bits, use.sinceMs);
    return this.#uses.size > LIMITS.hopUses ? this.take(Infinity, 1) : [];
  }

  /** Those that are to be told of, which begin anew. */
  take(nowMs: number, limit: number): readonly HopUse[] {
    const uses: HopUse[] = [];
    for (const use of this.#uses.values()) {
      if (uses.length === limit || use.sinceMs + LIMITS.hopUseAuditMs > nowMs) break;
      uses.push(use);
    }
    for (const use of uses) {
      this.#uses.delete(nameOf(use));
      this.#db.run("DELETE FROM hop_use WHERE pair = ? AND node = ?", use.pair, use.node);
    }
    return uses;
  }

  /** After a rollback: the table is the truth. */
  forget(): void {
    this.#uses = this.#stored();
  }

  #stored(): Map<string, HopUse> {
    const rows = this.#db.all<Row>("SELECT * FROM hop_use ORDER BY since_ms");
    return new Map(
      rows.map(({ pair, node, relays, bits, since_ms: sinceMs }) => {
        const use = { pair: pair as PairName, node: node as NodeId, relays, bits, sinceMs };
        return [nameOf(use), use];
      }),
    );
  }
}

const nameOf = ({ pair, node }: Pick<HopUse, "pair" | "node">): string => `${pair} ${node}`;

/** Inside a commit: bits of hops were drawn. */
export function countHops(pool: PoolContext, use: NewUse, nowMs: number): void {
  for (const told of pool.hopUses.add(use, nowMs)) audit(pool, told, nowMs);
}

/** Tells the audit log of those that are due; at most one batch. @returns true where more may be waiting */
export async function tellHopUses(pool: PoolContext, nowMs: number): Promise<boolean> {
  if (pool.hopUses.earliestMs > nowMs) return false;
  const told = await commit(pool, () => {
    const uses = pool.hopUses.take(nowMs, LIMITS.alarmBatchRows);
    for (const use of uses) audit(pool, use, nowMs);
    return ok(uses.length);
  });
  return told.ok && told.value === LIMITS.alarmBatchRows;
}

function audit(pool: PoolContext, { pair, node, relays, bits, sinceMs }: HopUse, nowMs: number): void {
  const { low, high } = pool.pair;
  pool.books.audit({
    atMs: nowMs,
    act: "relay.pads",
    who: `node:${node}`,
    node: pool.half.serves(node) ? node : node === low ? high : low,
    detail: { pair, relays, bits, since_ms: sinceMs, pool: pool.pairName },
  });
}
