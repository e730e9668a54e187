/** The receiver's end of a BB84 link: Bob, and whatever is open of blocks before. */
import type { Slices } from "../conditioning/slices.ts";
import { fullBucket, takeToken, type TokenBucket } from "../keypool/token-bucket.ts";
import { LIMITS } from "../limits.ts";
import type { Step } from "../postprocessing/session/block-end.ts";
import { Bob, type Opening, readOpening, refuseOpening } from "../postprocessing/session/bob.ts";
import { type Head, headOf } from "../postprocessing/session/envelope.ts";
import { sameParameters } from "../postprocessing/session/parameters.ts";
import { settle } from "../postprocessing/session/settlement.ts";
import type { Detections } from "../postprocessing/session/sifting.ts";
import { authenticationOf, bb84Report, type BlockKeys, type ModuleParts, withRates } from "./parts.ts";
import { detectionsMaxOf, parametersOf } from "./settings.ts";
import type { ModuleReport } from "./status.ts";
import { classicalMessage } from "./wire.ts";

interface Run {
  readonly bob: Bob;
  readonly opening: Opening;
  /** The sender's public key, of a block that is signed. */
  readonly signer: Uint8Array | null;
  readonly detectionsMax: number;
  readonly openedMs: number;
  readonly pulseRateHz: number;
  measured: boolean;
  isVouchedFor: boolean;
}

export class Bb84Receiver {
  readonly #parts: ModuleParts;
  #run: Run | null = null;
  /** A token for each opening that nothing has vouched for. */
  #openings: TokenBucket | null = null;
  #isFloodTold = false;

  constructor(parts: ModuleParts) {
    this.#parts = parts;
  }

  /** Waiting for a settlement alone is not. */
  get isRunning(): boolean {
    return this.#run !== null;
  }

  /** Of a run whose end is awaited: no more are to be decoded. */
  get detectionsMax(): number {
    return this.#run === null || this.#run.measured ? 0 : this.#run.detectionsMax;
  }

  /** A message of Alice's. What is of another block than the one that runs is nobody's. */
  *hear(message: Uint8Array, nowMs: number): Slices<void> {
    const head = headOf(message);
    if (head === null || head.from !== "alice-to-bob") return;
    if (head.type === "settlement") this.#settle(head, message, nowMs);
    else if (head.block === this.#run?.opening.block) {
      this.#take(yield* this.#run.bob.receiveInSlices(message), nowMs);
    } else if (head.type === "open") this.#open(message, nowMs);
  }

  /** What the detectors saw of a block's run. */
  measured(block: number, detections: Detections, nowMs: number): void {
    const run = this.#run;
    if (run === null || run.opening.block !== block || run.measured || !run.bob.isOpen) return;
    run.measured = true;
    this.#take(run.bob.measured(detections), nowMs);
  }

  /** The other end knows of no block, or has fallen silent. What Bob has accepted stays open. */
  abandon(nowMs: number): void {
    if (this.#run !== null) this.#take(this.#run.bob.abandon(), nowMs);
    this.#run = null;
  }

  /** Until its first tag has verified an opening may be anybody's: it changes nothing but that its own slot is gone. */
  #open(message: Uint8Array, nowMs: number): void {
    const read = readOpening(message);
    if (!read.ok) return;
    const { memory, link, random, say } = this.#parts;
    const opening = read.value;
    const settings = this.#parts.settings();
    const parameters = parametersOf(settings);
    const isRefused = opening.block <= memory.last || !sameParameters(opening.parameters, parameters);
    if (isRefused || settings.sim !== "bb84") {
      return say(classicalMessage(refuseOpening(opening, "parameters-refused")));
    }
    const keys = this.#keysFor(opening, nowMs);
    if (keys === null) return say(classicalMessage(refuseOpening(opening)));
    this.abandon(nowMs);
    const { authentication, signer } = keys;
    const bob = new Bob({ block: opening.block, link, parameters, authentication, random });
    const [detectionsMax, pulseRateHz] = [detectionsMaxOf(settings), settings.pulse_rate_hz];
    const fresh = { measured: false, isVouchedFor: false };
    this.#run = { bob, opening, signer, detectionsMax, openedMs: nowMs, pulseRateHz, ...fresh };
    this.#take(bob.receive(message), nowMs);
  }

  /** Null where the opening cannot be the sender's, or too many before it were not. */
  #keysFor({ slot }: Opening, nowMs: number): BlockKeys | null {
    const { memory } = this.#parts;
    if (slot === null ? !this.#maySign : !memory.hasSlot(slot)) return null;
    if (!this.#mayOpen(nowMs)) return null;
    if (slot === null) return authenticationOf(this.#parts, "bob-to-alice", null);
    const taken = memory.takeSlot(slot);
    return taken.ok ? authenticationOf(this.#parts, "bob-to-alice", taken.value) : null;
  }

  /** Not while there is key: unless the sender has lost his, and nobody else's signatures would count. */
  get #maySign(): boolean {
    const { memory, peer } = this.#parts;
    return memory.slots === 0 || (peer.hasNoSlots && peer.isKnown);
  }

  #mayOpen(nowMs: number): boolean {
    const limit = LIMITS.moduleOpenings;
    const { bucket, waitMs } = takeToken(this.#openings ?? fullBucket(limit.burst, nowMs), limit, nowMs);
    this.#openings = bucket;
    if (waitMs > 0 && !this.#isFloodTold) {
      this.#isFloodTold = true;
      this.#parts.raise("module-openings-refused", `${limit.burst} or more in a row`);
    }
    return waitMs === 0;
  }

  /** The opening was the sender's: his number counts, and what he has no more is of no use. */
  #vouchedFor({ block, slot }: Opening): void {
    const { memory } = this.#parts;
    memory.use(block);
    memory.dropSlotsBefore(slot);
    this.#openings = null;
    this.#isFloodTold = false;
  }

  #take({ store, send }: Step, nowMs: number): void {
    const { memory, say, ended } = this.#parts;
    if (store !== null) memory.record(store);
    for (const message of send) say(classicalMessage(message));
    const run = this.#run;
    if (run === null) return;
    const { bob, opening, signer, openedMs, pulseRateHz } = run;
    if (bob.isVouchedFor && !run.isVouchedFor) this.#vouchedFor(opening);
    run.isVouchedFor = bob.isVouchedFor;
    if (bob.outcome.kind === "running") return;
    this.#run = null;
    if (bob.outcome.kind === "unconfirmed" && signer !== null) this.#parts.peer.pin(signer);
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
