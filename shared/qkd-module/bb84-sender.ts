/** The sender's end of a BB84 link: Alice, and the channel that is simulated. */
import { sha256 } from "@noble/hashes/sha2.js";
import type { Slices } from "../conditioning/slices.ts";
import { Alice } from "../postprocessing/session/alice.ts";
import type { Step } from "../postprocessing/session/block-end.ts";
import { headOf } from "../postprocessing/session/envelope.ts";
import { detectionsIn } from "../postprocessing/session/messages.ts";
import { joinRun } from "../postprocessing/session/records.ts";
import { settlementMessage } from "../postprocessing/session/settlement.ts";
import { interceptResend } from "../simulator/eve.ts";
import { RandomWords, seededWords, type WordSource } from "../simulator/random.ts";
import { type DetectionBatch, LinkSampler } from "../simulator/sampler.ts";
import { authenticationOf, bb84Report, type ModuleParts, nextBlock } from "./parts.ts";
import { channelOf, detectionsMaxOf, type ModuleSettings, parametersOf } from "./settings.ts";
import { classicalMessage, quantumMessage } from "./wire.ts";

/** Detections drawn in one slice: some milliseconds. */
const SLICE_DETECTIONS = 32_768;

interface Run {
  readonly alice: Alice;
  readonly block: number;
  /** The receiver's public key, of a block that is signed. */
  readonly signer: Uint8Array | null;
  readonly detectionsMax: number;
  readonly openedMs: number;
  readonly pulseRateHz: number;
}

export class Bb84Sender {
  readonly #parts: ModuleParts;
  #run: Run | null = null;

  constructor(parts: ModuleParts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#run !== null;
  }

  /** Opens a block, and sends its pulses. */
  *begin(nowMs: number): Slices<void> {
    const { memory, link, random } = this.#parts;
    const settings = this.#parts.settings();
    const block = nextBlock(this.#parts);
    const slot = memory.takeSlot();
    const keys = authenticationOf(this.#parts, "alice-to-bob", slot.ok ? slot.value : null);
    if (keys === null) return;
    const before = memory.reports[0]?.qberX;
    const alice = new Alice({
      block,
      link,
      parameters: parametersOf(settings),
      authentication: keys.authentication,
      random,
      slot: slot.ok ? { block: slot.value.block, index: slot.value.index } : null,
      refill: () => memory.refill(),
      ...(typeof before === "number" ? { expectedErrorRate: before } : {}),
    });
    const detectionsMax = detectionsMaxOf(settings);
    const pulseRateHz = settings.pulse_rate_hz;
    this.#run = { alice, block, signer: keys.signer, detectionsMax, openedMs: nowMs, pulseRateHz };
    this.#take(alice.open(), nowMs);
    const parts: DetectionBatch[] = [];
    for (const batch of sample(settings, link, block, random)) {
      parts.push(batch);
      yield;
    }
    const { sent, detections } = joinRun(parts);
    alice.sent(sent);
    this.#parts.say(quantumMessage(block, detections));
  }

  /** A message of Bob's. What is not of this block, or cannot be, is nobody's. */
  *hear(message: Uint8Array, nowMs: number): Slices<void> {
    const run = this.#run;
    const head = headOf(message);
    if (run === null || head?.from !== "bob-to-alice" || head.block !== run.block) return;
    if (head.type === "detections" && detectionsIn(message) > run.detectionsMax) return;
    this.#take(yield* run.alice.receiveInSlices(message), nowMs);
  }

  /** Bob waits for the end of these blocks: he is told again. */
  settle(blocks: readonly number[]): void {
    for (const block of blocks) {
      const settled = this.#parts.memory.settlement(block);
      if (settled === null) continue;
      const record = settled.state === "released" ? { ...settled, secrets: NO_SECRETS } : settled;
      this.#parts.say(classicalMessage(settlementMessage(record)));
    }
  }

  /** The other end knows of no block, or has fallen silent. */
  abandon(nowMs: number): void {
    if (this.#run !== null) this.#take(this.#run.alice.abandon(), nowMs);
    this.#run = null;
  }

  #take({ store, send }: Step, nowMs: number): void {
    const { memory, say, ended } = this.#parts;
    if (store !== null) memory.record(store);
    for (const message of send) say(classicalMessage(message));
    if (this.#run === null) return;
    const { alice, signer, openedMs, pulseRateHz } = this.#run;
    const { outcome, report } = alice;
    if (outcome.kind !== "released" && outcome.kind !== "aborted") return;
    this.#run = null;
    if (outcome.kind === "released" && signer !== null) this.#parts.peer.pin(signer);
    const keyBytes = outcome.kind === "released" ? outcome.secrets.key.length : 0;
    ended(bb84Report(report, keyBytes, { openedMs, nowMs, pulseRateHz }));
  }
}

/** A settlement says its token only. */
const NO_SECRETS = { key: new Uint8Array(), slots: [] };

/** What the detectors see of a block; with a seed, the same for the same block again. */
function sample(
  settings: ModuleSettings,
  link: string,
  block: number,
  random: (bytes: number) => Uint8Array,
): Iterable<DetectionBatch> {
  const { seed, eve_share: share, key_basis_detections: keyBasisDetections } = settings;
  const sampler = new LinkSampler(channelOf(settings), share > 0 ? interceptResend(share) : undefined);
  const source: WordSource =
    seed === undefined
      ? (words) => new Uint8Array(words.buffer, words.byteOffset, words.byteLength).set(random(words.byteLength))
      : seededWords(sha256(new TextEncoder().encode(`qkd-edge/run\n${seed}\n${link}\n${block}`)));
  const { pulses } = parametersOf(settings);
  return sampler.block(new RandomWords(source), { keyBasisDetections, pulses, batchDetections: SLICE_DETECTIONS });
}
