/** How a pool commits: what is in memory comes in first, and follows what becomes of the transaction. */
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";
import { GroupCommit } from "../storage/group-commit.ts";
import type { PoolContext } from "./context.ts";
import { recordFirstHalves } from "./first-halves.ts";
import { recordRuns } from "./hop-run-uses.ts";
import type { Usages } from "./usage.ts";

interface Around {
  /** Not asked before the first commit. */
  readonly pool: () => PoolContext;
  readonly usages: Usages;
  readonly committed: () => void;
}

export function poolCommits(ctx: DurableObjectState, db: Database, { pool, usages, committed }: Around): GroupCommit {
  const commits = new GroupCommit(
    {
      durable: async () => await ctx.storage.sync(),
      transaction: (work) =>
        db.transaction(() => {
          recordRuns(pool(), Date.now());
          recordFirstHalves(pool());
          work();
        }),
      flush: () => pool().books.flush(),
      rollback: () => {
        const { books, streams, hopUses, hopRuns, firstHalves } = pool();
        books.rollback();
        for (const each of [streams, hopUses, hopRuns, firstHalves]) each.forget();
      },
      committed: () => {
        const parts = pool();
        parts.books.committed();
        committed();
        parts.turns.supplied(parts.books.totals.ledger.available / 8 - parts.floorBytes());
        // What one commit could not count, the next ones do; where they cannot either, the next request's does.
        if (usages.behind) void commits.run(() => null).catch(() => null);
      },
    },
    LIMITS,
  );
  return commits;
}
