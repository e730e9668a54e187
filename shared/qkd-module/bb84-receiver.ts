/** The receiver's end of a BB84 link: Bob, and whatever is open of blocks before. */
import type { Slices } from "../conditioning/slices.ts";
import { fullBucket, takeToken, type TokenBucket } from "../keypool/token-bucket.ts";
import { LIMITS } from "../limits.ts";
import type { Slot } from "../postprocessing/authentication/key-store.ts";
import type { Step } from "../postprocessing/session/block-end.ts";
import { Bob, type Opening, readOpening, refuseOpening } from "../postprocessing/session/bob.ts";
import { type Head, headOf } from "../postprocessing/session/envelope.ts";
import { sameParameters } from "../postprocessing/session/parameters.ts";
import { settle } from "../postprocessing/session/settlement.ts";
import type { Detections } from "../postprocessing/session/sifting.ts";
import { authenticationOf, bb84Report, type ModuleParts, withRates } from "./parts.ts";
import { parametersOf } from "./settings.ts";
import type { ModuleReport } from "./status.ts";
import { classicalMessage } from "./wire.ts";

interface Run {
  readonly bob: Bob;
  readonly block: number;
  readonly openedMs: number;
  readonly pulseRateHz: number;
  measured: boolean;
}

export class Bb84Receiver {
  readonly #parts: ModuleParts;
  #run: Run | null = null;
  #openings: TokenBucket | null = null;

  constructor(parts: ModuleParts) {
    this.#parts = parts;
  }

  /** Waiting for a settlement alone is not. */
  get isRunning(): boolean {
    return this.#run !== null;
  }

  /** A message of Alice's. */
  *hear(message: Uint8Array, nowMs: number): Slices<void> {
    const head = headOf(message);
    if (head === null || head.from !== "alice-to-bob") return;
    if (head.type === "settlement") this.#settle(head, message, nowMs);
    else if (head.type === "open" && head.block !== this.#run?.block) this.#open(message, nowMs);
    else if (this.#run !== null) this.#take(yield* this.#run.bob.receiveInSlices(message), nowMs);
  }

  /** What the detectors saw of a block's run. */
  measured(block: number, detections: Detections, nowMs: number): void {
    const run = this.#run;
    if (run === null || run.block !== block || run.measured || !run.bob.isOpen) return;
    run.measured = true;
    this.#take(run.bob.measured(detections), nowMs);
  }

  /** The other end knows of no block, or has fallen silent. What Bob has accepted stays open. */
  abandon(nowMs: number): void {
    if (this.#run !== null) this.#take(this.#run.bob.abandon(), nowMs);
    this.#run = null;
  }

  #open(message: Uint8Array, nowMs: number): void {
    const read = readOpening(message);
    if (!read.ok) return;
    this.abandon(nowMs);
    const { memory, link, random, say } = this.#parts;
    const opening = read.value;
    const settings = this.#parts.settings();
    const parameters = parametersOf(settings);
    const isRefused = opening.block <= memory.last || !sameParameters(opening.parameters, parameters);
    if (isRefused || settings.sim !== "bb84" || !this.#mayOpen(nowMs)) {
      return say(classicalMessage(refuseOpening(opening, "parameters-refused")));
    }
    memory.use(opening.block);
    const slot = this.#slotFor(opening);
    const authentication = slot === undefined ? null : authenticationOf(this.#parts, "bob-to-alice", slot);
    if (authentication === null) return say(classicalMessage(refuseOpening(opening)));
    const { block } = opening;
    const bob = new Bob({ block, link, parameters, authentication, random });
    this.#run = { bob, block, openedMs: nowMs, pulseRateHz: settings.pulse_rate_hz, measured: false };
    this.#take(bob.receive(message), nowMs);
  }

  /** @returns null for a block that is signed; undefined where there is no such slot */
  #slotFor({ slot }: Opening): Slot | null | undefined {
    if (slot === null) return null;
    const taken = this.#parts.memory.takeSlot(slot);
    return taken.ok ? taken.value : undefined;
  }

  #mayOpen(nowMs: number): boolean {
    const limit = LIMITS.moduleOpenings;
    const { bucket, waitMs } = takeToken(this.#openings ?? fullBucket(limit.burst, nowMs), limit, nowMs);
    this.#openings = bucket;
    return waitMs === 0;
  }

  #take({ store, send }: Step, nowMs: number): void {
    const { memory, say, ended } = this.#parts;
    if (store !== null) memory.record(store);
    for (const message of send) say(classicalMessage(message));
    if (this.#run === null) return;
    const { bob, openedMs, pulseRateHz } = this.#run;
    if (bob.outcome.kind === "running") return;
    this.#run = null;
    ended(bb84Report(bob.report, 0, { openedMs, nowMs, pulseRateHz }));
  }

  /** Of the block that was accepted last, or, after a restart or a broken connection, of an earlier one. */
  #settle({ block }: Head, message: Uint8Array, nowMs: number): void {
    const { memory, ended } = this.#parts;
    const unconfirmed = memory.unconfirmed(block);
    const record = unconfirmed === null ? null : settle(unconfirmed, message);
    if (record === null) return;
    memory.record(record);
    const report = memory.reports.find((each) => each.block === block);
    if (report === undefined) return;
    const elapsedMs = report.elapsedMs + nowMs - report.endedMs;
    const open: ModuleReport = { ...report, endedMs: nowMs, elapsedMs };
    if (record.state === "released") {
      ended(withRates({ ...open, outcome: "released", keyBits: 8 * record.secrets.key.length }));
    } else ended({ ...open, outcome: "aborted", reason: "abandoned", by: "other-end" });
  }
}
