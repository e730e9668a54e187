/** What callers ask for: entries to be installed, and to be deleted; each by itself, in one answer. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { SadEntry, SpdEntry } from "../../shared/ipsec/entry.ts";
import { keyLayoutOf } from "../../shared/ipsec/key-layout.ts";
import { endsOf, saKeyOf } from "../../shared/ipsec/rendezvous.ts";
import type { Batch, DeleteCall, EntryReport, PostCall, PostedEntry } from "../../shared/ipsec/types.ts";
import type { IpsecNode } from "../../shared/ipsec/view.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { agreementOf } from "./agreement.ts";
import type { EntryRow, NewEntry } from "./entry-store.ts";
import type { Task } from "./errand-store.ts";
import { keyWishOf } from "./key-wish.ts";
import { isOver } from "./lifetime.ts";
import { refusal, reportOf } from "./outcomes.ts";
import type { ProxyParts } from "./parts.ts";
import { isSameEntry, withoutKeys } from "./templates.ts";

type Posted = Extract<PostedEntry, { readonly entry: unknown }>;
/** What comes of one entry of a call at first. */
type Begun =
  | { readonly report: EntryReport }
  /** Its outcome is waited for; `task`: what is to be done for it. */
  | { readonly entry: number | null; readonly task: Task | null };

export class Batches {
  readonly #parts: ProxyParts;

  constructor(parts: ProxyParts) {
    this.#parts = parts;
  }

  async post({ principal, entries, waitMs }: PostCall): Promise<Result<Batch, Fault>> {
    // Policies first: an SA's key may be as long as the policy of its reqid says.
    const order = entries.map((entry, position) => ({ entry, position }));
    const sorted = order.toSorted((a, b) => Number(a.entry.kind === "sad") - Number(b.entry.kind === "sad"));
    return await this.#run(waitMs, sorted, (entry) => this.#admit(entry, principal));
  }

  async remove({ principal, entries, waitMs }: DeleteCall): Promise<Result<Batch, Fault>> {
    const order = entries.map((entry, position) => ({ entry, position }));
    return await this.#run(waitMs, order, (entry, batch, position) => {
      if ("problem" in entry) return { report: refusal(entry, "bad-entry", entry.problem) };
      return this.#delete(entry, { batch, position }, principal);
    });
  }

  /** Null: there is none, or it was long ago. */
  read(id: string): Batch | null {
    const { batches, entries } = this.#parts;
    const listed = batches.entries(id);
    if (listed === null) return null;
    const reports = listed.map(({ kind, name, entry, report }): EntryReport => {
      const row = report === null && entry !== null ? entries.get(entry) : null;
      const open: EntryReport = row === null ? { kind, name, state: "queued" } : reportOf(row);
      return { ...(report ?? open), kind, name };
    });
    return { id, done: listed.every(({ report }) => report !== null), entries: reports };
  }

  async #run<Entry extends PostedEntry | DeleteCall["entries"][number]>(
    waitMs: number,
    order: readonly { readonly entry: Entry; readonly position: number }[],
    begin: (entry: Entry, batch: string, position: number) => Begun,
  ): Promise<Result<Batch, Fault>> {
    const { db, batches, errands, waiters, events, network, newId, nowMs, changed } = this.#parts;
    if (network.own === null) return fail("not-found", "the node has no IPsec host in the network");
    if (events.full() && !network.view.dropsAudit) return fail("audit-full", "the audit log cannot keep up, try again");
    if (errands.count() + order.length > LIMITS.ipsecOpenOperations)
      return fail("unavailable", "too much is under way at the IPsec host, try again");
    const id = newId();
    db.transaction(() => {
      batches.add(id, nowMs());
      const tasks: Task[] = [];
      for (const { entry, position } of order) {
        const begun = begin(entry, id, position);
        const name = "entry" in entry ? entry.entry.name : entry.name;
        const waits = "report" in begun ? { entry: null, report: begun.report } : { entry: begun.entry, report: null };
        batches.addEntry(id, { position, kind: entry.kind, name, ...waits });
        if ("task" in begun && begun.task !== null) tasks.push(begun.task);
      }
      this.#send(tasks);
    });
    changed();
    await waiters.until(() => !batches.isOpen(id), waitMs);
    const batch = this.read(id);
    return batch === null ? fail("unavailable", "too many calls at once") : ok(batch);
  }

  #send(tasks: readonly Task[]): void {
    const { errands, newId, nowMs } = this.#parts;
    for (let at = 0; at < tasks.length; at += LIMITS.ipsecErrandOperations)
      errands.add(newId(), tasks.slice(at, at + LIMITS.ipsecErrandOperations), nowMs());
  }

  #admit(posted: PostedEntry, principal: string): Begun {
    if (!("entry" in posted)) return { report: refusal(posted, "bad-entry", posted.problem) };
    const { entries, errands, nowMs } = this.#parts;
    const { kind } = posted;
    const entry = withoutKeys(posted.entry);
    const { name } = entry;
    const before = entries.named(kind, name);
    if (before !== null && before.state !== "failed") return known(before, entry, nowMs());
    if (errands.hurryDelete(kind, name, nowMs()))
      return { report: refusal({ kind, name }, "exists", "one of this name is still being deleted: post it again") };
    if (entries.count() >= LIMITS.ipsecEntries) return { report: refusal({ kind, name }, "too-many") };
    const made = kind === "spd" ? ok(this.#spd(posted, entry)) : this.#sad(posted, entry as SadEntry);
    if (!made.ok) return { report: made.error };
    if (before !== null) entries.remove(before.id);
    return this.#add({ ...made.value, principal });
  }

  #add({ added, operation, principal }: Wanted & { readonly principal: string }): Begun {
    const { entries, words, nowMs } = this.#parts;
    const id = entries.add({ ...added, principal }, nowMs());
    if (added.kind === "sad") words.withdraw(added.sa);
    return { entry: id, task: { operation, purpose: { for: "create", entry: id } } };
  }

  #spd({ warnings }: Posted, entry: SpdEntry | SadEntry): Wanted {
    const spd = entry as SpdEntry;
    return {
      added: { kind: "spd", entry: spd, origin: spd.name, warnings },
      operation: { do: "create-spd", entry: spd },
    };
  }

  #sad(posted: Posted, entry: SadEntry): Result<Wanted, EntryReport> {
    const { entries } = this.#parts;
    const { name } = entry;
    const refused = (...why: [Parameters<typeof refusal>[1], string?]) => err(refusal({ kind: "sad", name }, ...why));
    const sa = saKeyOf(entry);
    const peer = this.#otherEnd(entry);
    if (!peer.ok) return err(peer.error);
    if (entries.withSpi(sa.destinationPrefix, sa.spi) !== null) return refused("spi-in-use");
    const dropped = posted.kind === "sad" ? posted.dropped : { encryptionBytes: null, integrityBytes: null };
    const hints = { dropped, policies: entry.reqid === undefined ? [] : entries.policies(entry.reqid) };
    const laid = keyLayoutOf(entry, peer.value.own.dialect, hints);
    if (!laid.ok) return refused("bad-entry", `${laid.error.path}: ${laid.error.message}`);
    const { layout, notes } = laid.value;
    const key = keyWishOf(this.#parts, sa, layout);
    if (!key.ok) return refused("unknown-prefix", key.error);
    const { other } = peer.value;
    const warnings = [...posted.warnings, ...notes];
    return ok({
      added: {
        kind: "sad",
        entry,
        origin: name,
        layout,
        sa,
        peer: other.hosted === "here" ? other.id : null,
        rekey: null,
        warnings,
      },
      operation: { do: "create-sad", entry, key: key.value, layout },
    });
  }

  #otherEnd(entry: SadEntry): Result<{ readonly own: IpsecNode; readonly other: IpsecNode }, EntryReport> {
    const { network } = this.#parts;
    const subject = { kind: "sad", name: entry.name } as const;
    const ends = endsOf(saKeyOf(entry), network.view.nodes);
    if (!ends.ok) return err(refusal(subject, "unknown-prefix", ends.error));
    const { source, destination } = ends.value;
    if (source.id === network.own?.id) return ok({ own: source, other: destination });
    if (destination.id === network.own?.id) return ok({ own: destination, other: source });
    return err(refusal(subject, "not-this-node"));
  }

  #delete(
    { kind, name, reqid }: { readonly kind: "sad" | "spd"; readonly name: string; readonly reqid: string },
    place: { readonly batch: string; readonly position: number },
    principal: string,
  ): Begun {
    const { entries, words, network, nowMs } = this.#parts;
    const row = entries.named(kind, name);
    if (row === null)
      return {
        entry: null,
        task: { operation: { do: "delete", kind, name, reqid }, purpose: { for: "delete", entry: null, place } },
      };
    if (row.kind === "sad" && row.rekey !== null) return { report: refusal({ kind, name }, "rekeying") };
    const wasQueued = row.state === "queued";
    if (row.state === "deleting") return { entry: row.id, task: null };
    entries.deleting(row.id, principal, nowMs());
    // What is under way is deleted once it is there.
    if (wasQueued) return { entry: row.id, task: null };
    const peer = row.state === "keyed" && row.kind === "sad" && row.peer !== null ? network.peer(row.peer) : null;
    if (peer !== null && row.kind === "sad")
      words.tell({ sa: row.sa, peer: peer.id, agreement: agreementOf(row, network), installed: false }, nowMs());
    const operation = { do: "delete", kind, name: row.name, reqid: row.reqid } as const;
    return { entry: row.id, task: { operation, purpose: { for: "delete", entry: row.id, place: null } } };
  }
}

/** A new entry, and how it is made. */
interface Wanted {
  readonly added: DistributiveOmit<NewEntry, "principal">;
  readonly operation: Task["operation"];
}
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const OVER = "the lifetime of the one of this name is over, and it is being deleted: post it again";

/** The same again changes nothing; another of the same name is refused. */
function known(before: EntryRow, entry: SadEntry | SpdEntry, nowMs: number): Begun {
  const { kind } = before;
  const { name } = entry;
  if (before.state === "deleting")
    return { report: refusal({ kind, name }, "exists", "one of this name is being deleted") };
  if (isOver(before, nowMs)) return { report: refusal({ kind, name }, "exists", OVER) };
  if (!isSameEntry(before.entry, entry)) return { report: refusal({ kind, name }, "exists") };
  if (before.state === "installed") return { report: { ...reportOf(before), name, unchanged: true } };
  return { entry: before.id, task: null };
}
