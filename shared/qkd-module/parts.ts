/** What the parts of one module work with, and the end of a block: what is told of it, when the next may come. */
import type { BlockReport } from "../postprocessing/session/report.ts";
import { PARAMETER_SETS, DEFAULT_PARAMETER_SET, type Sign, SlhDsa } from "../postprocessing/authentication/slh-dsa.ts";
import type { BlockAuthentication, Direction } from "../postprocessing/authentication/points.ts";
import { WegmanCarter } from "../postprocessing/authentication/wegman-carter.ts";
import type { Slot } from "../postprocessing/authentication/key-store.ts";
import type { ModuleAlarmCode } from "./alarms.ts";
import type { ModuleMemory } from "./memory.ts";
import type { Peer } from "./peer.ts";
import type { ModuleSettings } from "./settings.ts";
import type { ModuleReport } from "./status.ts";

export interface ModuleParts {
  readonly link: string;
  readonly memory: ModuleMemory;
  /** @returns fresh random bytes, secret until they are sent */
  readonly random: (bytes: number) => Uint8Array;
  readonly sign: Sign | undefined;
  readonly settings: () => ModuleSettings;
  readonly peer: Peer;
  /** Puts a message of a session, or of the module, into the step. */
  readonly say: (message: Uint8Array) => void;
  readonly raise: (code: ModuleAlarmCode, detail: string) => void;
  /** A block has ended, or the receiver has accepted it. */
  readonly ended: (report: ModuleReport) => void;
}

export const PUBLIC_KEY_BYTES = PARAMETER_SETS[DEFAULT_PARAMETER_SET].lengths.publicKey ?? 0;

export interface BlockKeys {
  readonly authentication: BlockAuthentication;
  /** The other end's public key, of a block that is signed. */
  readonly signer: Uint8Array | null;
}

/** By the slot's key; by signatures where there is none. Null where nobody knows whose signatures would count. */
export function authenticationOf(parts: ModuleParts, own: Direction, slot: Slot | null): BlockKeys | null {
  if (slot !== null) return { authentication: new WegmanCarter(own, slot.keys), signer: null };
  const { memory, peer, random, sign } = parts;
  const signer = peer.publicKey;
  if (signer === null) return null;
  const ownSecretKey = memory.signing.secretKey;
  const keys = { parameterSet: DEFAULT_PARAMETER_SET, ownSecretKey, peerPublicKey: signer };
  return { authentication: new SlhDsa(own, keys, random, sign), signer };
}

/** A sender's next block: above all that this end has had, and that the other one has told of. */
export function nextBlock({ memory, peer }: ModuleParts): number {
  const block = Math.max(memory.last, peer.last) + 1;
  memory.use(block);
  return block;
}

interface Times {
  readonly openedMs: number;
  readonly nowMs: number;
  readonly pulseRateHz: number;
}

/** @param keyBytes of the key that is released */
export function bb84Report(
  report: BlockReport,
  keyBytes: number,
  { openedMs, nowMs, pulseRateHz }: Times,
): ModuleReport {
  const { role: _, ...figures } = report;
  const runMs = report.pulses === null ? 0 : (report.pulses / pulseRateHz) * 1000;
  return withRates({
    ...figures,
    sim: "bb84",
    endedMs: nowMs,
    elapsedMs: nowMs - openedMs,
    runMs,
    keyBits: 8 * keyBytes,
  });
}

/** A block cannot come faster than its pulses, nor than it is dealt with. */
export function withRates(report: Omit<ModuleReport, "keyRateBps" | "siftedRateBps">): ModuleReport {
  const seconds = Math.max(report.runMs, report.elapsedMs, 1) / 1000;
  return { ...report, keyRateBps: report.keyBits / seconds, siftedRateBps: (report.siftedKeyBits ?? 0) / seconds };
}

/** A block of random key of which there is nothing to be told but its length. */
export const fakeReport = (block: number, keyBytes: number, endedMs: number, runMs: number): ModuleReport =>
  withRates({
    sim: "fake",
    block,
    outcome: "released",
    reason: null,
    by: null,
    alarm: false,
    authentication: null,
    pulses: null,
    detections: null,
    siftedKeyBits: null,
    siftedTestBits: null,
    qberX: null,
    qberZ: null,
    leakBits: null,
    correctionEfficiency: null,
    questions: 0,
    phaseErrorBound: null,
    secretBits: null,
    secretBitsPerPulse: null,
    refreshBits: null,
    forgeryLog2: null,
    endedMs,
    elapsedMs: runMs,
    runMs,
    keyBits: 8 * keyBytes,
  });
