/** The sender's end of a block. Hers is the string that counts, and the decision whether its key is released. */
import type { SlotName } from "../authentication/key-store.ts";
import { sum } from "../bounds/photon-statistics.ts";
import { CascadeAnswerer } from "../cascade/answerer.ts";
import { runAtOnce, type Slices } from "../../conditioning/slices.ts";
import { VERIFICATION_KEY_BYTES, verificationHash } from "../verification.ts";
import { BlockEnd, type BlockOptions, type Step, type Work } from "./block-end.ts";
import type { Heard } from "./conversation.ts";
import { affordableSlots, areErrorsOf, isAboveLimit, lengthOf, refreshBytes } from "./estimation.ts";
import { type Bodies, randomBits, wireRate } from "./messages.ts";
import type { AbortReason, Outcome } from "./outcome.ts";
import { wholeBytes, wipeSecrets, type Yield, yieldInSlices } from "./secrets.ts";
import { type Offered, type Released, settlementMessage, withdrawn } from "./settlement.ts";
import { countsOf, errorCounts, type PulseRecord, sift, type Sifted, siftingSymbols } from "./sifting.ts";

const CASCADE_SEED_BYTES = 32;

export interface AliceOptions extends BlockOptions {
  /** The slot whose key `authentication` holds; null for signatures. */
  readonly slot: SlotName | null;
  /** Asked once, near the end: how many slots of authentication key the block should refill (`AuthKeyStore.refillFor`). */
  readonly refill: () => number;
  /** Share of errors to expect, from the block before. Without it, that of this block's test basis. */
  readonly expectedErrorRate?: number;
}

export class Alice extends BlockEnd {
  readonly #options: AliceOptions;
  #record: PulseRecord | null = null;
  #sifted: Sifted | null = null;
  #answerer: CascadeAnswerer | null = null;
  #verdict: Bodies["verdict"] | null = null;
  #offer: { readonly record: Offered; readonly yield: Yield } | null = null;

  /** @param options `authentication` of direction `alice-to-bob` */
  constructor(options: AliceOptions) {
    super("alice", options);
    this.#options = options;
  }

  /** Opens the block, before its first pulse leaves. */
  open(): Step {
    const { parameters, slot } = this.#options;
    return runAtOnce(
      this.act(() => {
        this.say("open", { parameters, slot });
        return this.expect("detections");
      }),
    );
  }

  /**
   * The run is over; before it is, nobody is told a basis.
   * @param record of the run, which becomes hers to wipe
   */
  sent(record: PulseRecord): void {
    if (this.outcome.kind === "running") this.#record = record;
    else record.wipe();
  }

  protected handle(heard: Heard): Work {
    switch (heard.type) {
      case "detections":
        return this.#sift(heard.body);
      case "test-bits":
        return this.#estimate(heard.body.bits);
      case "question":
        return this.#answer(heard.body);
      case "corrected":
        return this.#verify();
      case "verdict":
        this.#verdict = heard.body;
        return this.expect("tag");
      case "accepted":
        return this.expect("tag");
      case "tag":
        if (heard.phase === "estimation") return this.#beginCorrection();
        if (heard.phase === "correction") return this.#amplify();
        return this.#release();
      default:
        return this.fail("protocol-violation");
    }
  }

  /** What has been offered is withdrawn: Bob may have accepted it. */
  protected override fail(reason: AbortReason): undefined {
    return this.#offer === null ? super.fail(reason) : this.giveUp(reason);
  }

  protected override end(outcome: Outcome): undefined {
    if (this.#offer !== null && outcome.kind === "aborted") {
      const record = withdrawn(this.#offer.record);
      this.store(record);
      this.sendSettlement(settlementMessage(record));
      wipeSecrets(this.#offer.yield.secrets);
    }
    return super.end(outcome);
  }

  protected wipe(): void {
    this.#record?.wipe();
    this.#answerer?.wipe();
    this.#sifted?.keyBits.fill(0);
    this.#record = this.#sifted = this.#answerer = this.#offer = null;
  }

  /** Bases and intensities are told only now that Bob has said what he measured, and in which bases. */
  #sift({ pulseIndexes, bases }: Bodies["detections"]): undefined {
    const { parameters } = this.options;
    // Bob measures no longer than she sends: who talks of detections before the end is not he.
    if (this.#record === null) return this.fail("protocol-violation");
    const sent = this.#record.lookUp(pulseIndexes);
    if (sent === null) return this.fail("protocol-violation");
    const symbols = siftingSymbols(sent, bases, parameters.keyBits);
    const sifted = symbols === null ? null : sift(symbols, bases, sent.bits, parameters);
    sent.bits.fill(0);
    if (symbols === null) return this.fail("too-few-detections");
    if (sifted === null) throw new Error("the record has an intensity that the parameters do not");
    this.#sifted = sifted;
    if (sifted.testBits.length === 0) return this.fail("too-few-detections");
    Object.assign(this.figures, {
      detections: symbols.length,
      pulses: (pulseIndexes[symbols.length - 1] ?? 0) + 1,
      nX: countsOf(sifted.keyIntensities, parameters.intensities.length),
      nZ: countsOf(sifted.testIntensities, parameters.intensities.length),
    });
    this.say("sifting", { symbols });
    return this.expect("test-bits");
  }

  #estimate(bits: Uint8Array): undefined {
    const { testBits, testIntensities } = this.#sifted as Sifted;
    if (bits.length !== testBits.length) return this.fail("protocol-violation");
    const { parameters, random } = this.options;
    const errors = errorCounts(bits, testBits, testIntensities, parameters.intensities.length);
    this.figures.mZ = errors;
    const rate = this.#options.expectedErrorRate ?? sum(errors) / Math.max(1, testBits.length);
    const startRate = wireRate(Math.min(0.5, rate));
    const estimate = { errors, startRate, seed: random(CASCADE_SEED_BYTES) };
    this.say("estimate", estimate);
    this.sayTag();
    this.#answerer = new CascadeAnswerer((this.#sifted as Sifted).keyBits, {
      bits: parameters.keyBits,
      errorRate: startRate,
      seed: estimate.seed,
      leakLimitBits: parameters.leakLimitBits,
    });
    return this.expect("tag");
  }

  #beginCorrection(): undefined {
    const { mZ, nZ } = this.figures;
    if (isAboveLimit(mZ ?? [], nZ ?? [], this.options.parameters)) return this.giveUp("qber-above-bound");
    return this.expect("question", "corrected");
  }

  #answer(question: Uint8Array): undefined {
    const answerer = this.#answerer as CascadeAnswerer;
    this.say("answer", answerer.answer(question));
    this.figures.questions++;
    this.figures.leakBits = answerer.leakedBits;
  }

  /** The key of the hash is drawn now that Bob has nothing left to change. */
  #verify(): undefined {
    const { parameters, random } = this.options;
    const key = random(VERIFICATION_KEY_BYTES);
    const hash = verificationHash((this.#sifted as Sifted).keyBits, parameters.keyBits, key);
    this.figures.leakBits = (this.#answerer as CascadeAnswerer).leakedBits;
    this.say("verification", { key, hash });
    this.sayTag();
    return this.expect("verdict");
  }

  /** Both tags of the correction fit: how long the key may be, if there is to be one. */
  #amplify(): Work {
    const { parameters, random } = this.options;
    const { nX, nZ, mZ, leakBits } = this.figures;
    const { equal, errors } = this.#verdict as Bodies["verdict"];
    if (!equal) return this.giveUp("verification-failed");
    if (!nX || !nZ || !mZ || leakBits === null || !areErrorsOf(errors, nX)) return this.fail("protocol-violation");
    const mX = errors.slice(0, nX.length);
    this.figures.mX = mX;
    if (isAboveLimit(mX, nX, parameters)) return this.giveUp("qber-above-bound");
    const length = lengthOf({ nX, nZ, mX, mZ }, leakBits, parameters);
    this.figures.length = length;
    const slots = affordableSlots(length.secretBits, this.#options.refill());
    if (slots === 0) return this.fail("too-short");
    this.figures.refreshBits = 8 * refreshBytes(slots);
    const secretBits = wholeBytes(length.secretBits);
    const seed = randomBits(parameters.keyBits + secretBits - 1, random);
    return this.#offerInSlices({ secretBits, slots, leakBits, seed });
  }

  *#offerInSlices(amplification: Bodies["amplification"]): Slices<void> {
    const { parameters, block } = this.options;
    const { keyBits } = this.#sifted as Sifted;
    const made = yield* yieldInSlices(keyBits, parameters.keyBits, amplification, block);
    const record: Offered = { state: "offered", block, tokens: made.tokens };
    this.say("amplification", amplification);
    this.sayTag();
    this.#offer = { record, yield: made };
    this.store(record);
    this.expect("accepted");
  }

  /** Bob has accepted and says so with his last tag. */
  #release(): undefined {
    if (this.#offer === null) return this.fail("protocol-violation");
    const { record, yield: made } = this.#offer;
    const { secrets, tokens } = made;
    const released: Released = { state: "released", block: record.block, token: tokens.released, secrets };
    this.store(released);
    this.sendSettlement(settlementMessage(released));
    return this.end({ kind: "released", secrets });
  }
}
