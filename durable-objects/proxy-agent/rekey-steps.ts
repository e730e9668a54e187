/** What this end does of a rekey, phase by phase, whoever coordinates it. The same step twice is one step. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { Operation, OperationResult } from "../../shared/ipsec/errand.ts";
import { REKEY_STEPS, rekeyedEntry } from "../../shared/ipsec/rekey.ts";
import { endOf, type SaKey } from "../../shared/ipsec/rendezvous.ts";
import type { RekeyPhase, RekeyStepCall, RekeyStepDone } from "../../shared/ipsec/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { agreementOf } from "./agreement.ts";
import type { SadRow } from "./entry-store.ts";
import type { Purpose, Task } from "./errand-store.ts";
import { keyWishOf } from "./key-wish.ts";
import { endMs } from "./lifetime.ts";
import type { Outcomes } from "./outcomes.ts";
import type { ProxyParts } from "./parts.ts";
import type { RekeyRow } from "./rekey-store.ts";
import { failurePauseMs } from "./rekey-pauses.ts";
import type { RekeyOutcomes } from "./settling.ts";

/** Which phases may come after which; to take back is always possible while the old SAs are there. */
const BEFORE: Readonly<Record<RekeyPhase, RekeyPhase | null>> = {
  inbound: null,
  outbound: "inbound",
  "delete-old": "outbound",
  "take-back": null,
  "take-back-inbound": "take-back",
};
const ENDS: ReadonlySet<RekeyPhase> = new Set(["delete-old", "take-back", "take-back-inbound"]);

const TAKES_BACK: ReadonlySet<RekeyPhase> = new Set(["take-back", "take-back-inbound"]);

type Sa = RekeyStepCall["sas"][number];
const newSa = ({ old, newSpi }: Sa): SaKey => ({ ...old, spi: newSpi });

export class RekeySteps implements RekeyOutcomes {
  readonly #parts: ProxyParts;
  readonly #outcomes: Outcomes;

  constructor(parts: ProxyParts, outcomes: Outcomes) {
    this.#parts = parts;
    this.#outcomes = outcomes;
  }

  /** @returns `conflict`: it has failed here; `unavailable`: not done yet */
  async run(call: RekeyStepCall): Promise<Result<RekeyStepDone, Fault>> {
    const { db, rekeys, waiters, changed } = this.#parts;
    const begun = db.transaction(() => this.#begin(call));
    if (!begun.ok) return begun;
    changed();
    const isOver = (): boolean => {
      const row = rekeys.get(call.id);
      return row === null || row.phase !== call.phase || row.state === "done" || row.state === "failed";
    };
    await waiters.until(isOver, LIMITS.ipsecStepMs);
    return this.#told(call);
  }

  #told({ id, phase }: RekeyStepCall): Result<RekeyStepDone, Fault> {
    const { rekeys, entries, network } = this.#parts;
    const row = rekeys.get(id);
    if (row === null && ENDS.has(phase)) return ok({ agreements: [] });
    if (row === null || row.phase !== phase) return fail("conflict", "the rekey has gone another way");
    if (row.state === "failed") return fail("conflict", row.why ?? "it has failed");
    if (row.state !== "done") return fail("unavailable", "not done yet");
    const news = row.sas.map((sa) => entries.ofSa(newSa(sa)));
    return ok({ agreements: news.map((each) => (each === null ? null : agreementOf(each, network))) });
  }

  #begin(call: RekeyStepCall): Result<null, Fault> {
    const { rekeys, nowMs } = this.#parts;
    const { id, phase } = call;
    const before = rekeys.get(id);
    if (before === null && ENDS.has(phase)) {
      if (phase === "delete-old") this.#deleteAfterwards(call);
      else this.#rejoin(call);
    } else if (before === null) {
      if (phase !== "inbound") return fail("conflict", "no such rekey");
      const taken = this.#take(call);
      if (!taken.ok) return taken;
    } else if (before.phase !== phase) {
      const mayFollow = phase === "take-back" || (BEFORE[phase] === before.phase && before.state === "done");
      if (!mayFollow) return fail("conflict", `${phase} does not follow ${before.phase}`);
      rekeys.setPhase(id, phase, nowMs());
    }
    // Heard of, and so not abandoned.
    if (before?.coordinates === false) rekeys.setDue(id, nowMs() + LIMITS.ipsecRekeyAbandonedMs);
    const row = rekeys.get(id);
    return row?.state === "new" ? this.#start(row) : ok(null);
  }

  /** At the end that does not coordinate. */
  #take({ id, from, sas }: RekeyStepCall): Result<null, Fault> {
    const { rekeys, entries, errands, nowMs } = this.#parts;
    const isFull = rekeys.count() >= LIMITS.ipsecRekeys || errands.count() >= LIMITS.ipsecOpenOperations;
    if (isFull || sas.length > LIMITS.ipsecTunnelSas) return fail("unavailable", "too many SAs are being made anew");
    for (const { old } of sas) {
      const row = entries.ofSa(old);
      if (row?.state !== "installed" || row.peer !== from || row.rekey !== null)
        return fail("conflict", `SPI ${old.spi} to ${old.destinationPrefix} is not an SA in use at the other end`);
    }
    const [first] = sas;
    if (first === undefined) return fail("bad-request", "no SA");
    const tunnel = tunnelName(first.old);
    rekeys.add({ id, peer: from, coordinates: false, tunnel, sas }, nowMs() + LIMITS.ipsecRekeyAbandonedMs, nowMs());
    this.join(id, sas);
    return ok(null);
  }

  /** The old SAs take part in it from now on. */
  join(id: string, sas: RekeyStepCall["sas"]): void {
    const { entries } = this.#parts;
    for (const { old } of sas) {
      const row = entries.ofSa(old);
      if (row !== null) entries.setRekey(row.id, id);
    }
  }

  #start(row: RekeyRow): Result<null, Fault> {
    if (row.phase === "delete-old") return this.#deleteOld(row);
    if (row.phase === "take-back") return this.#takeBack(row);
    if (row.phase === "take-back-inbound") return this.#takeBackInbound(row);
    const { rekeys, errands, newId, nowMs } = this.#parts;
    const tasks: Task[] = [];
    for (const sa of row.sas) {
      const made = row.phase === "inbound" ? this.#clone(row, sa) : ok(this.#made(sa));
      if (!made.ok) {
        rekeys.begun(row.id, 1);
        rekeys.settledOne(row.id, made.error);
        return ok(null);
      }
      if (made.value === null) continue;
      for (const step of REKEY_STEPS[row.phase][this.#side(sa)]) {
        const operation = this.#operation(step.do, made.value);
        const purpose: Purpose = { for: "rekey", rekey: row.id, entry: made.value.id };
        if (operation !== null) tasks.push({ operation, purpose });
      }
    }
    rekeys.begun(row.id, tasks.length);
    if (tasks.length > 0) errands.add(newId(), tasks, nowMs());
    return ok(null);
  }

  #side({ old }: Sa): "source" | "destination" {
    const { network } = this.#parts;
    return endOf(old.sourcePrefix, network.view.nodes)?.id === network.own?.id ? "source" : "destination";
  }

  /** Each end clones its own row: the two need not be alike. @returns why it cannot */
  #clone({ id }: RekeyRow, sa: Sa): Result<SadRow, string> {
    const { entries, errands, nowMs } = this.#parts;
    const old = entries.ofSa(sa.old);
    const key = newSa(sa);
    if (old === null || old.rekey !== id) return { ok: false, error: `SPI ${sa.old.spi} is not in use any more` };
    const entry = rekeyedEntry(old.entry, sa.newSpi);
    const isTaken =
      entries.withSpi(key.destinationPrefix, key.spi) !== null || entries.named("sad", entry.name) !== null;
    if (isTaken || errands.hurryDelete("sad", entry.name, nowMs()))
      return { ok: false, error: `SPI ${sa.newSpi} or the name ${entry.name} is in use` };
    const { origin, layout, peer, principal, warnings } = old;
    const added = entries.add(
      { kind: "sad", entry, origin, layout, sa: key, peer, principal, warnings, rekey: id },
      nowMs(),
    );
    const row = entries.get(added);
    return row?.kind === "sad" ? ok(row) : { ok: false, error: "it could not be written down" };
  }

  #made(sa: Sa): SadRow | null {
    return this.#parts.entries.ofSa(newSa(sa));
  }

  #operation(what: Operation["do"], row: SadRow): Operation | null {
    if (what === "install") return { do: what, name: row.name };
    if (what !== "hold" && what !== "create-sad") return null;
    const key = keyWishOf(this.#parts, row.sa, row.layout);
    return key.ok ? { do: what, entry: row.entry, key: key.value, layout: row.layout } : null;
  }

  /** Inside a transaction. */
  settled({ operation, purpose }: Parameters<RekeyOutcomes["settled"]>[0], result: OperationResult): void {
    const { rekeys, entries } = this.#parts;
    const rekey = rekeys.get(purpose.rekey);
    const row = entries.get(purpose.entry);
    if (rekey === null || row?.kind !== "sad") {
      // Taken back meanwhile, but then it was done all the same.
      if ("entry" in operation)
        this.#outcomes.takeBack({ kind: "sad", name: operation.entry.name, reqid: operation.entry.reqid ?? "0" });
      return;
    }
    // What is still to be taken back is so in its turn.
    if (TAKES_BACK.has(rekey.phase) || rekey.state !== "under-way") return;
    if (result.ok && result.key !== undefined) entries.made(row.id, result.key);
    rekeys.settledOne(rekey.id, result.ok ? null : `${row.name}: ${result.reason}: ${result.message}`);
  }

  #deleteOld(row: RekeyRow): Result<null, Fault> {
    const { entries, events, nowMs } = this.#parts;
    for (const sa of row.sas) {
      const [old, made] = [entries.ofSa(sa.old), this.#made(sa)];
      if (old !== null && old.rekey === row.id) {
        entries.remove(old.id);
        this.#outcomes.takeBack(old);
      }
      if (made === null || made.rekey !== row.id) continue;
      this.#outcomes.installed(made, [], row.beganMs);
      const detail = { name: made.name, spi: made.sa.spi, before: sa.old.spi, ksid: made.made?.ksid ?? null };
      events.tell("ipsec.rekey", "system", detail, nowMs());
      events.clear("rekey-failed", row.tunnel, "system", nowMs());
    }
    return this.#ended(row);
  }

  /** What sends by the new SAs goes first, and the phase lasts until it is gone: then the old ones carry on. */
  #takeBack(row: RekeyRow): Result<null, Fault> {
    const { entries, rekeys, nowMs } = this.#parts;
    let open = 0;
    for (const sa of row.sas) {
      const [old, made] = [entries.ofSa(sa.old), this.#made(sa)];
      if (made !== null && made.rekey === row.id && this.#side(sa) === "source") {
        this.#unmake(made, row.id);
        open += 1;
      }
      if (old === null || old.rekey !== row.id) continue;
      entries.setRekey(old.id, null);
      const dueMs = old.dueMs === null ? null : nowMs() + failurePauseMs(old.failures);
      entries.setDue(old.id, dueMs, old.failures + 1);
    }
    rekeys.begun(row.id, open);
    return ok(null);
  }

  /** The other end does not send by them any more. */
  #takeBackInbound(row: RekeyRow): Result<null, Fault> {
    for (const sa of row.sas) {
      const made = this.#made(sa);
      if (made !== null && made.rekey === row.id) this.#unmake(made, null);
    }
    return this.#ended(row);
  }

  /** @param rekey that waits for it */
  #unmake(made: SadRow, rekey: string | null): void {
    const { entries, errands, newId, nowMs } = this.#parts;
    entries.remove(made.id);
    errands.add(newId(), [{ operation: { do: "forget", name: made.name }, purpose: { for: "forget" } }], nowMs());
    this.#outcomes.takeBack(made, 0, rekey);
  }

  /** The end that coordinates keeps it until the other one has done so too. */
  #ended({ id, coordinates }: RekeyRow): Result<null, Fault> {
    const { rekeys } = this.#parts;
    if (coordinates) rekeys.begun(id, 0);
    else rekeys.remove(id);
    return ok(null);
  }

  /**
   * Nothing more is heard of it from the end that coordinates. Inside a transaction. Which of the SAs the other end sends by
   * is not known: whatever it may send by stays, and the host ends the old ones.
   */
  abandoned(row: RekeyRow): void {
    const { rekeys, entries, nowMs } = this.#parts;
    for (const sa of row.sas) {
      const [old, made] = [entries.ofSa(sa.old), this.#made(sa)];
      const isUsed = made?.made !== null && (row.phase === "outbound" || this.#side(sa) === "destination");
      if (made !== null && made.rekey === row.id) {
        if (isUsed) this.#outcomes.installed(made, [], row.beganMs);
        else this.#unmake(made, null);
      }
      if (old === null || old.rekey !== row.id) continue;
      entries.setRekey(old.id, null);
      if (row.phase === "outbound") entries.setDue(old.id, endMs(old), 0);
      else entries.setDue(old.id, old.dueMs === null ? null : nowMs() + failurePauseMs(old.failures), old.failures + 1);
    }
    rekeys.remove(row.id);
  }

  /** It was abandoned here, and the end that coordinates has come back to it: what is not there goes here, too. */
  #deleteAfterwards({ from, sas }: RekeyStepCall): void {
    for (const { old } of this.#abandonedSas(from, sas)) {
      this.#parts.entries.remove(old.id);
      this.#outcomes.takeBack(old);
    }
  }

  /** The same, where it is to be taken back: that has its order. */
  #rejoin({ id, from, phase, sas }: RekeyStepCall): void {
    const { rekeys, entries, nowMs } = this.#parts;
    const abandoned = this.#abandonedSas(from, sas);
    const [first] = abandoned;
    if (first === undefined) return;
    const tunnel = tunnelName(first.old.sa);
    rekeys.add({ id, peer: from, coordinates: false, tunnel, sas }, nowMs() + LIMITS.ipsecRekeyAbandonedMs, nowMs());
    for (const { old, made } of abandoned) {
      entries.setRekey(made.id, id);
      entries.setDue(old.id, nowMs() + failurePauseMs(old.failures), old.failures + 1);
    }
    rekeys.setPhase(id, phase, nowMs());
  }

  #abandonedSas(
    from: RekeyStepCall["from"],
    sas: RekeyStepCall["sas"],
  ): { readonly old: SadRow; readonly made: SadRow }[] {
    return sas.flatMap((sa) => {
      const [old, made] = [this.#parts.entries.ofSa(sa.old), this.#made(sa)];
      const isSo = old?.state === "installed" && made?.state === "installed" && made.peer === from;
      return isSo ? [{ old, made }] : [];
    });
  }
}

export const tunnelName = ({ sourcePrefix, destinationPrefix }: SaKey): string =>
  [sourcePrefix, destinationPrefix].toSorted().join(" - ");
