/** The receiver's end of a block. He speaks first about detections, and his are the bits that error correction flips. */
import { LIMITS } from "../../limits.ts";
import { err, ok, type Result } from "../../result.ts";
import type { SlotName } from "../authentication/key-store.ts";
import { CascadeAsker } from "../cascade/asker.ts";
import { runAtOnce, type Slices } from "../../conditioning/slices.ts";
import { isPacked } from "../bits.ts";
import { isVerified } from "../verification.ts";
import { BlockEnd, type BlockOptions, type Step, type Work } from "./block-end.ts";
import type { Heard } from "./conversation.ts";
import { headOf, HEAD_BYTES, sealed } from "./envelope.ts";
import { affordableSlots, areErrorsOf, isAboveLimit, lengthOf, refreshBytes } from "./estimation.ts";
import { type Bodies, decodeBody, encodeBody } from "./messages.ts";
import { type BlockParameters, sameParameters } from "./parameters.ts";
import { wholeBytes, wipeSecrets, yieldInSlices } from "./secrets.ts";
import { settle, type Unconfirmed } from "./settlement.ts";
import { countsOf, type Detections, packedErrorCounts, sift, type Sifted } from "./sifting.ts";

/** What Bob has to know before he can take part: which key authenticates the block. */
export interface Opening {
  readonly block: number;
  readonly parameters: BlockParameters;
  readonly slot: SlotName | null;
}

/**
 * Reads Alice's first message, which nothing vouches for yet: look the slot up, take it out of the store durably, make
 * a `Bob` and give him the same message. The slot may be of a block that Alice settled just before: deal with that
 * message first. Whoever can forge openings can burn slots, so take only so many of them a minute.
 * @returns an error for what is no opening
 */
export function readOpening(message: Uint8Array): Result<Opening, "protocol-violation"> {
  const head = headOf(message);
  if (head?.type !== "open" || head.number !== 0) return err("protocol-violation");
  const body = decodeBody("open", message.subarray(HEAD_BYTES), LIMITS.bb84Pulses);
  return body === undefined ? err("protocol-violation") : ok({ block: head.block, ...body });
}

/** Tells Alice that there will be no block; without a tag, as there is no key for one. */
export const refuseOpening = (
  { block }: Opening,
  reason: "no-authentication-key" | "parameters-refused" = "no-authentication-key",
): Uint8Array =>
  sealed(
    { type: "abort", from: "bob-to-alice", phase: "estimation", block, number: 0 },
    encodeBody("abort", { reason, tag: new Uint8Array() }),
  );

export class Bob extends BlockEnd {
  #detections: Detections | null = null;
  #sifted: Sifted | null = null;
  #asker: CascadeAsker | null = null;
  #verification: Bodies["verification"] | null = null;
  #corrected: Uint8Array | null = null;
  #amplification: Bodies["amplification"] | null = null;
  #unconfirmed: Unconfirmed | null = null;
  #opened = false;
  #vouchedFor = false;

  /** @param options `authentication` of direction `bob-to-alice`, with the key that the opening names */
  constructor(options: BlockOptions) {
    super("bob", options);
    this.expect("open");
  }

  /** Whether the block has been opened with this end's parameters: its run may begin. */
  get isOpen(): boolean {
    return this.#opened;
  }

  /** Whether Alice's first tag has verified: the opening was hers. */
  get isVouchedFor(): boolean {
    return this.#vouchedFor;
  }

  /**
   * The run is over: says what was detected, once the block has been opened.
   * @param detections become his to wipe
   * @throws Error before that
   */
  measured(detections: Detections): Step {
    if (this.outcome.kind === "running" && !this.#opened) throw new Error("the block has not been opened");
    return runAtOnce(this.act(() => this.#measured(detections)));
  }

  protected handle(heard: Heard): Work {
    switch (heard.type) {
      case "open":
        this.#opened = sameParameters(heard.body.parameters, this.options.parameters);
        return this.#opened ? this.expect() : this.fail("parameters-refused");
      case "sifting":
        return this.#sift(heard.body.symbols);
      case "estimate":
        return this.#takeEstimate(heard.body);
      case "answer":
        return this.#takeAnswer(heard.body);
      case "verification":
        this.#verification = heard.body;
        return this.expect("tag");
      case "amplification":
        this.#amplification = heard.body;
        return this.expect("tag");
      case "tag":
        if (heard.phase === "estimation") return this.#beginCorrection();
        if (heard.phase === "correction") return this.#judge();
        return this.#accept();
      default:
        return this.fail("protocol-violation");
    }
  }

  /** Nothing but Alice's settlement moves a key that he has accepted. */
  protected override afterwards(message: Uint8Array): undefined {
    if (this.#unconfirmed === null) return;
    const { secrets } = this.#unconfirmed;
    const record = settle(this.#unconfirmed, message);
    if (record === null) return;
    this.#unconfirmed = null;
    if (record.state === "discarded") wipeSecrets(secrets);
    this.store(record);
    if (record.state === "released") this.end({ kind: "released", secrets: record.secrets });
    else this.end({ kind: "aborted", reason: "abandoned", by: "other-end", authenticated: true });
  }

  protected wipe(): void {
    this.#detections?.bits.fill(0);
    this.#asker?.wipe();
    this.#sifted?.keyBits.fill(0);
    this.#corrected?.fill(0);
    this.#detections = this.#sifted = this.#asker = this.#corrected = this.#amplification = null;
  }

  #measured(detections: Detections): undefined {
    if (this.outcome.kind !== "running") {
      detections.bits.fill(0);
      return undefined;
    }
    this.#detections = detections;
    this.say("detections", detections);
    return this.expect("sifting");
  }

  #sift(symbols: Uint8Array): undefined {
    const { parameters } = this.options;
    const { bases, bits, pulseIndexes } = this.#detections as Detections;
    const sifted = sift(symbols, bases, bits, parameters);
    if (sifted === null) return this.fail("protocol-violation");
    this.#sifted = sifted;
    Object.assign(this.figures, {
      detections: symbols.length,
      pulses: (pulseIndexes[symbols.length - 1] ?? 0) + 1,
      nX: countsOf(sifted.keyIntensities, parameters.intensities.length),
      nZ: countsOf(sifted.testIntensities, parameters.intensities.length),
    });
    this.say("test-bits", { bits: sifted.testBits });
    return this.expect("estimate");
  }

  #takeEstimate({ errors, startRate, seed }: Bodies["estimate"]): undefined {
    const { parameters } = this.options;
    const { nZ } = this.figures;
    if (nZ === null || !areErrorsOf(errors, nZ)) return this.fail("protocol-violation");
    this.figures.mZ = errors.slice(0, nZ.length);
    this.#asker = new CascadeAsker((this.#sifted as Sifted).keyBits, {
      bits: parameters.keyBits,
      errorRate: startRate,
      seed,
      leakLimitBits: parameters.leakLimitBits,
    });
    return this.expect("tag");
  }

  #beginCorrection(): undefined {
    const { mZ, nZ } = this.figures;
    this.#vouchedFor = true;
    this.sayTag();
    if (isAboveLimit(mZ ?? [], nZ ?? [], this.options.parameters)) return this.giveUp("qber-above-bound");
    return this.#ask();
  }

  #takeAnswer(answer: Uint8Array): undefined {
    (this.#asker as CascadeAsker).take(answer);
    this.figures.questions++;
    return this.#ask();
  }

  #ask(): undefined {
    const asker = this.#asker as CascadeAsker;
    const question = asker.next();
    this.figures.leakBits = asker.leakedBits;
    if (question !== null) {
      this.say("question", question);
      return this.expect("answer");
    }
    this.#corrected = asker.result;
    this.say("corrected", null);
    return this.expect("verification");
  }

  /** Whether the strings are equal, and how many errors there were: which is known only if they are. */
  #judge(): undefined {
    const { parameters } = this.options;
    const { key, hash } = this.#verification as Bodies["verification"];
    const corrected = this.#corrected as Uint8Array;
    const { keyBits, keyIntensities } = this.#sifted as Sifted;
    const equal = isVerified(corrected, parameters.keyBits, key, hash);
    const errors = equal
      ? packedErrorCounts(keyBits, corrected, keyIntensities, parameters.intensities.length)
      : parameters.intensities.map(() => 0);
    this.say("verdict", { equal, errors });
    this.sayTag();
    if (!equal) return this.giveUp("verification-failed");
    this.figures.mX = errors;
    if (isAboveLimit(errors, this.figures.nX ?? [], parameters)) return this.giveUp("qber-above-bound");
    return this.expect("amplification");
  }

  /** Alice's last tag fits. He takes no more than his own reckoning allows. */
  #accept(): Work {
    const { parameters } = this.options;
    const { nX, nZ, mX, mZ, leakBits } = this.figures;
    const amplification = this.#amplification as Bodies["amplification"];
    const { secretBits, slots, seed } = amplification;
    if (!nX || !nZ || !mX || !mZ || leakBits !== amplification.leakBits) return this.fail("protocol-violation");
    const length = lengthOf({ nX, nZ, mX, mZ }, leakBits, parameters);
    this.figures.length = length;
    this.figures.refreshBits = 8 * refreshBytes(slots);
    const isAllowed = secretBits <= length.secretBits && secretBits === wholeBytes(secretBits);
    const isRefilled = slots >= 1 && slots === affordableSlots(secretBits, slots);
    if (!isAllowed || !isRefilled || !isPacked(seed, parameters.keyBits + secretBits - 1)) {
      return this.fail("protocol-violation");
    }
    return this.#acceptInSlices(amplification);
  }

  /** He stores the key before he says that he has accepted it. */
  *#acceptInSlices(amplification: Bodies["amplification"]): Slices<void> {
    const { parameters, block } = this.options;
    const made = yield* yieldInSlices(this.#corrected as Uint8Array, parameters.keyBits, amplification, block);
    this.#unconfirmed = { state: "unconfirmed", block, ...made };
    this.store(this.#unconfirmed);
    this.say("accepted", null);
    this.sayTag();
    this.end({ kind: "unconfirmed" });
  }
}
