/** Keys that wait for who fetches them: kept, given once, and told to the audit log in the same transaction. */
import { constantTimeEqual } from "../../shared/auth/token.ts";
import { toBase64 } from "../../shared/bytes/base64.ts";
import type { AuditEvent } from "../../shared/audit/event.ts";
import { fail, type Fault, mandatedFault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import type { Key } from "../../shared/qkd-trusted-node/walk.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { EpochKeys } from "../storage/epoch-keys.ts";
import type { AuditOutbox } from "../storage/outbox.ts";
import type { KeptKey, LegacyStore, Ownership } from "./store.ts";

/** What is done, by whom: `sae:sae-a`, `legacy:tn-2`. */
export type Deed = Pick<AuditEvent, "act" | "who" | "detail">;

export interface KeepingParts {
  readonly store: LegacyStore;
  readonly keys: EpochKeys;
  readonly outbox: AuditOutbox;
  readonly nowMs: () => number;
}

/** Whose keys are wanted: all that a row tells but through whom, where that does not matter. */
export type Wanted = Omit<Ownership, "neighbour"> & { readonly neighbour?: string };

export class Keeping {
  readonly #parts: KeepingParts;

  constructor(parts: KeepingParts) {
    this.#parts = parts;
  }

  /** Before anything is begun: keys can be sealed, and what is done can be told. */
  async ready({ dropsAudit }: LegacyView): Promise<Result<null, Fault>> {
    const { store, keys, outbox } = this.#parts;
    if (outbox.full() && !dropsAudit) return fail("audit-full", "the audit log cannot keep up, try again");
    try {
      await Promise.all(store.epochs().map(async (epoch) => await keys.load(epoch)));
      const newest = await keys.newest();
      if (newest === 0 || !(await keys.load(newest))) return fail("unavailable", "there is no epoch key to seal under");
      keys.use(newest);
      return ok(null);
    } catch {
      return fail("unavailable", "the epoch keys cannot be read, try again");
    }
  }

  /** Is there room for so many keys, and are these IDs new? */
  admits(count: number, ids: readonly string[] = []): Result<null, Fault> {
    const { store } = this.#parts;
    const isKnown = new Set(ids).size < ids.length || ids.some((id) => store.find(id) !== null);
    if (isKnown) return fail("conflict", "a key of this ID has been here before");
    if (store.count() + count <= LIMITS.legacyKeptKeys) return ok(null);
    return fail("unavailable", "too many keys of neighbours wait to be fetched");
  }

  keep(keys: readonly Key[], owned: Ownership, ttlMs: number, { node, deed }: Told): Result<null, Fault> {
    const { store, nowMs } = this.#parts;
    return store.transaction(() => {
      const admitted = this.admits(
        keys.length,
        keys.map(({ id }) => id),
      );
      if (!admitted.ok) return admitted;
      for (const { id, bytes } of keys) store.keep(id, bytes, owned, nowMs() + ttlMs);
      this.#tell(node, deed);
      return ok(null);
    });
  }

  /**
   * All of them, and none of them ever again; or none. @returns `key-not-found`, or `unauthorised` where one is kept for
   * another SAE
   */
  take(ids: readonly string[], wanted: Wanted, { node, deed }: Told): Result<readonly Taken[], Fault> {
    const { store } = this.#parts;
    return store.transaction(() => {
      const rows = ids.map((id) => store.find(id));
      const isOthers = rows.some((row) => row?.kind === wanted.kind && row.slave !== wanted.slave);
      if (isOthers) return fail("unauthorised", "a key is another SAE's");
      const found = rows.filter((row) => row !== null && this.#isOf(row, wanted)) as KeptKey[];
      const taken = found.flatMap((row) => {
        const bytes = store.open(row);
        return bytes === null ? [] : [{ id: row.id, bytes, neighbour: row.neighbour }];
      });
      if (taken.length < ids.length || new Set(ids).size < ids.length) {
        for (const { bytes } of taken) bytes.fill(0);
        return err(mandatedFault("key-not-found"));
      }
      for (const id of ids) store.erase(id);
      this.#tell(node, deed);
      return ok(taken);
    });
  }

  /** Nobody shall fetch them any more. */
  drop(ids: readonly string[], { node, deed }: Told): void {
    const { store } = this.#parts;
    store.transaction(() => {
      for (const id of ids) store.erase(id);
      this.#tell(node, deed);
    });
  }

  /** What is done with no key kept. */
  tell({ node, deed }: Told): void {
    this.#parts.store.transaction(() => this.#tell(node, deed));
  }

  #isOf(row: KeptKey, wanted: Wanted): boolean {
    return (
      row.kind === wanted.kind &&
      row.master === wanted.master &&
      row.expiresMs > this.#parts.nowMs() &&
      (wanted.neighbour ?? row.neighbour) === row.neighbour
    );
  }

  #tell(node: string, deed: Deed): void {
    const { outbox, nowMs } = this.#parts;
    const event = { ...deed, node, atMs: nowMs() };
    outbox.recordOrDrop([event]);
  }
}

export interface Taken extends Key {
  readonly neighbour: string;
}

/** In whose log what is told. */
export interface Told {
  readonly node: string;
  readonly deed: Deed;
}

/** Is this what the other end says the key is? */
export const isSameKey = (key: Key, other: { readonly key_ID: string; readonly key: string }): boolean =>
  key.id === other.key_ID.toLowerCase() && constantTimeEqual(toBase64(key.bytes), other.key);
