/**
 * SAs made anew before they end: the object of the lower node takes both ends through the phases, one after the other,
 * from rows that outlive it.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { newSpi, REKEY_STEPS } from "../../shared/ipsec/rekey.ts";
import type {
  ProxyAgentRpc,
  RekeyAskedCall,
  RekeyPhase,
  RekeyStepCall,
  RekeyStepDone,
} from "../../shared/ipsec/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { asOwn, ok, type Result } from "../../shared/result.ts";
import type { SadRow } from "./entry-store.ts";
import { coordinates, endMs, rekeyPeer, rekeysItself } from "./lifetime.ts";
import type { ProxyParts } from "./parts.ts";
import { failurePauseMs } from "./rekey-pauses.ts";
import type { RekeyRow } from "./rekey-store.ts";
import { type RekeySteps, tunnelName } from "./rekey-steps.ts";

type Peer = Pick<ProxyAgentRpc, "rekeyStep" | "rekeyAsked">;
type Begun = Result<{ readonly id: string }, Fault>;
/** The same call again may do better. */
const PASSING: ReadonlySet<Fault["code"]> = new Set(["unavailable", "directory-unavailable"]);
/** Enough for a few that are taken. */
const SPI_BYTES = 64;

export class Rekeying {
  readonly #parts: ProxyParts;
  readonly #steps: RekeySteps;
  readonly #peers: (node: NodeId) => Peer;
  readonly #driving = new Set<string>();

  constructor(parts: ProxyParts, steps: RekeySteps, peers: (node: NodeId) => Peer) {
    this.#parts = parts;
    this.#steps = steps;
    this.#peers = peers;
  }

  /** All SAs of a tunnel anew, by whichever end coordinates. @returns `conflict` where it cannot be done */
  async begin(row: SadRow): Promise<Begun> {
    const { node, network, changed } = this.#parts;
    if (row.rekey !== null) return ok({ id: row.rekey });
    const peer = rekeyPeer(row, network);
    if (peer === null) return fail("conflict", "the other end is not hosted here: nobody coordinates the two");
    if (row.state !== "installed") return fail("conflict", `the SA is ${row.state}`);
    if (!coordinates(node, peer.id)) return await this.#ask(peer.id, row);
    const begun = this.#parts.db.transaction(() => this.#add(row, peer.id));
    changed();
    return begun;
  }

  async #ask(peer: NodeId, { sa }: SadRow): Promise<Begun> {
    try {
      return asOwn(await this.#peers(peer).rekeyAsked({ from: this.#parts.node, sa }));
    } catch {
      return fail("unavailable", "the other end does not answer");
    }
  }

  /** The other end asks for it. */
  async asked({ from, sa }: RekeyAskedCall): Promise<Begun> {
    const row = this.#parts.entries.ofSa(sa);
    if (row === null || row.peer !== from) return fail("conflict", "the other end has no such SA");
    // Should the two not be of one mind on who coordinates, neither asks the other back.
    if (!coordinates(this.#parts.node, from)) return fail("conflict", "the lower node coordinates");
    return await this.begin(row);
  }

  #add(row: SadRow, peer: NodeId): Begun {
    const { entries, errands, rekeys, newId, nowMs } = this.#parts;
    const olds = entries
      .ofTunnel(row.sa.sourcePrefix, row.sa.destinationPrefix)
      .filter((old) => old.peer === peer && old.rekey === null);
    // Of a host that cannot be reached each attempt leaves something to be deleted.
    const isFull = rekeys.count() >= LIMITS.ipsecRekeys || errands.count() >= LIMITS.ipsecOpenOperations;
    if (isFull || olds.length > LIMITS.ipsecTunnelSas) return fail("unavailable", "too many SAs are being made anew");
    // Another attempt would leave one more inbound SA that the other end waits with.
    if (rekeys.isTakenBack(tunnelName(row.sa))) return fail("unavailable", "the rekey before is being taken back");
    if (olds.length === 0) return fail("conflict", "the SA is not in use any more");
    const sas = this.#withSpis(olds);
    if (sas === null) return fail("unavailable", "no SPI was free, try again");
    const id = newId();
    rekeys.add({ id, peer, coordinates: true, tunnel: tunnelName(row.sa), sas }, nowMs(), nowMs());
    this.#steps.join(id, sas);
    return ok({ id });
  }

  #withSpis(olds: readonly SadRow[]): RekeyStepCall["sas"] | null {
    const inUse = new Map<string, Set<number>>();
    const sas: RekeyStepCall["sas"][number][] = [];
    for (const { sa } of olds) {
      const spis = inUse.get(sa.destinationPrefix) ?? new Set(this.#parts.entries.spis(sa.destinationPrefix));
      inUse.set(sa.destinationPrefix, spis);
      const spi = newSpi(this.#parts.random(SPI_BYTES), spis);
      if (spi === null) return null;
      spis.add(spi);
      sas.push({ old: sa, newSpi: spi });
    }
    return sas;
  }

  /** An SA whose time has come. */
  async due(row: SadRow): Promise<void> {
    const { entries, network, events, db, nowMs } = this.#parts;
    // Where the network has changed since, it is not for us any more.
    const isOurs = rekeysItself(row, network);
    const againMs = isOurs ? nowMs() + failurePauseMs(row.failures) : Infinity;
    const dueMs = Math.min(againMs, endMs(row) ?? Infinity);
    entries.setDue(row.id, dueMs === Infinity ? null : dueMs, row.failures);
    const begun = isOurs ? await this.begin(row) : null;
    if (begun === null || begun.ok) return;
    db.transaction(() => events.raise("rekey-failed", tunnelName(row.sa), begun.error.message, nowMs()));
  }

  /** Goes on with what is due. Does not wait for it. */
  driveDue(): void {
    const { rekeys, db, nowMs } = this.#parts;
    for (const row of rekeys.due(nowMs())) {
      if (!row.coordinates) {
        db.transaction(() => this.#steps.abandoned(row));
        continue;
      }
      rekeys.setDue(row.id, nowMs() + LIMITS.ipsecStepAgainMs);
      if (this.#driving.has(row.id)) continue;
      this.#driving.add(row.id);
      void this.#drive(row).finally(() => {
        this.#driving.delete(row.id);
        this.#parts.changed();
      });
    }
  }

  async #drive({ id, phase, sas, peer }: RekeyRow): Promise<void> {
    const call: RekeyStepCall = { from: this.#parts.node, id, phase, sas };
    const [own, other] = await Promise.all([this.#steps.run(call), this.#atPeer(peer, call)]);
    this.#parts.db.transaction(() => {
      const row = this.#parts.rekeys.get(id);
      if (row?.phase === phase) this.#decide(row, own, other);
    });
  }

  async #atPeer(peer: NodeId, call: RekeyStepCall): Promise<Result<RekeyStepDone, Fault>> {
    try {
      return await this.#peers(peer).rekeyStep(call);
    } catch {
      return fail("unavailable", "the other end does not answer");
    }
  }

  #decide(row: RekeyRow, own: Result<RekeyStepDone, Fault>, other: Result<RekeyStepDone, Fault>): void {
    const { rekeys, nowMs } = this.#parts;
    const isLate = nowMs() - row.phaseMs >= LIMITS.ipsecStepGivenUpMs;
    const failed = REKEY_STEPS[row.phase].failed;
    const faults = [own, other].flatMap((each) => (each.ok ? [] : [each.error]));
    // With one end only, a rekey has neither ended nor been taken back: that is tried for as long as it takes.
    const isGivenUp = isLate && failed !== null;
    const fatal = faults.find(({ code }) => !PASSING.has(code)) ?? (isGivenUp ? faults[0] : undefined);
    if (faults.length > 0 && fatal === undefined) rekeys.setDue(row.id, nowMs() + LIMITS.ipsecStepAgainMs);
    else if (fatal !== undefined && failed !== null) this.#go(row, failed, fatal.message);
    else if (row.phase === "inbound" && !haveSameKeys(own, other)) this.#go(row, "take-back", "the keys differ");
    else {
      const { next } = REKEY_STEPS[row.phase];
      if (next === null) this.#end(row);
      else this.#go(row, next, null);
    }
  }

  #go({ id, tunnel }: RekeyRow, phase: RekeyPhase, why: string | null): void {
    const { rekeys, events, nowMs } = this.#parts;
    if (why !== null) {
      rekeys.setWhy(id, why);
      // Now: a host that is not there may keep it from being over for long.
      events.raise("rekey-failed", tunnel, rekeys.get(id)?.why ?? why, nowMs());
    }
    if (phase !== "delete-old") {
      rekeys.setPhase(id, phase, nowMs());
      rekeys.setDue(id, nowMs());
      return;
    }
    rekeys.setPhase(id, phase, nowMs() + LIMITS.ipsecGraceMs);
    rekeys.setDue(id, nowMs() + LIMITS.ipsecGraceMs);
  }

  #end({ id, phase, tunnel }: RekeyRow): void {
    const { rekeys, events, nowMs } = this.#parts;
    rekeys.remove(id);
    if (phase === "delete-old") events.clear("rekey-failed", tunnel, "system", nowMs());
  }
}

/** A key that only one end has is none. */
const haveSameKeys = (own: Result<RekeyStepDone, Fault>, other: Result<RekeyStepDone, Fault>): boolean =>
  own.ok &&
  other.ok &&
  own.value.agreements.length === other.value.agreements.length &&
  own.value.agreements.every((each, at) => each !== null && each === other.value.agreements[at]);
