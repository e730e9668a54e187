/** The Directory's errands, with pools that write down what they are asked. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { putNetwork, type DirectoryParts } from "../../durable-objects/directory/changes.ts";
import type { Directory } from "../../durable-objects/directory/directory.ts";
import { type Errands, type Modules, type Pools, runErrands } from "../../durable-objects/directory/errands.ts";
import { PoolStore } from "../../durable-objects/directory/pool-store.ts";
import { DirectoryStore } from "../../durable-objects/directory/store.ts";
import { Database } from "../../durable-objects/storage/database.ts";
import { AuditOutbox } from "../../durable-objects/storage/outbox.ts";
import { fault } from "../../shared/errors/errors.ts";
import type { PoolStatus } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { err, ok } from "../../shared/result.ts";

const { DIRECTORY } = env as unknown as { DIRECTORY: DurableObjectNamespace<Directory> };
let count = 0;
const noModules: Modules = (link, node) => expect.unreachable(`no module ${link}@${node}`);

/** Pools that write down what they are asked; each voids in two steps. */
export class FakePools {
  readonly calls: string[] = [];
  readonly failing = new Set<string>();
  during: (() => void) | null = null;

  readonly of: Pools = (pair, shard) => {
    const name = `${pair}#${shard}`;
    const answer = async <T>(what: string, value: T) => {
      this.calls.push(`${what} ${name}`);
      this.during?.();
      if (this.failing.has(name)) throw new Error("unreachable");
      return this.failing.has(`fault ${name}`) ? err(fault("internal", "no")) : ok(value);
    };
    return {
      refresh: async () => await answer("refresh", null),
      countPending: async () => await answer("count", { keys: 0, next: null }),
      status: async () => await answer("status", { ledgerBits: { available: 8 * (shard + 1) } } as PoolStatus),
      voidPending: async ({ sae, node, after }) =>
        await answer(`void ${sae ?? "*"}@${node ?? "*"} ${after}`, { keys: 2, next: after === 0 ? 7 : null }),
    };
  };
}

export interface Bench {
  readonly parts: DirectoryParts;
  readonly store: DirectoryStore;
  readonly pools: FakePools;
  readonly errands: Errands;
  /** A pool that has held key. */
  readonly lease: (name: string) => void;
  readonly clock: { nowMs: number };
  readonly put: (document: NetworkDocumentInput) => void;
  readonly run: () => Promise<string[]>;
  readonly audited: (act: string) => unknown[];
}

/** The Directory's parts over an object's own storage, with a clock that is set by hand. */
export async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  count += 1;
  await runInDurableObject(DIRECTORY.getByName(`errands-${count}`), async (_, state) => {
    const db = new Database(state.storage);
    const store = new DirectoryStore(db);
    // In the past, so that the object's own alarm, should it run, finds nothing of these.
    const clock = { nowMs: 1_000_000 };
    const parts: DirectoryParts = {
      store,
      outbox: new AuditOutbox(db, "directory", LIMITS),
      bootstrapSha256: undefined,
      nowMs: () => clock.nowMs,
    };
    const pools = new FakePools();
    const known = new PoolStore(db);
    const errands = { pools: pools.of, modules: noModules, known };
    const lease = { sequence: 1, id: "lease" };
    await work({
      parts,
      store,
      pools,
      errands,
      lease: (name) => known.putPool({ name, lease, generation: 1, firstMs: 0, lastMs: 0 }),
      clock,
      put: (document) => {
        const result = putNetwork(parts, { document, ifMatch: store.head().documentVersion, by: "operator:op" });
        if (!result.ok) throw new Error(JSON.stringify(result.error));
      },
      run: async () => {
        pools.calls.length = 0;
        await runErrands(parts, errands);
        return [...pools.calls];
      },
      audited: (act) =>
        db
          .all<{ events: string }>("SELECT events FROM audit_outbox ORDER BY first_seq")
          .flatMap(({ events }) => JSON.parse(events) as { act: string; detail: unknown }[])
          .filter((event) => event.act === act)
          .map((event) => event.detail),
    });
  });
}
