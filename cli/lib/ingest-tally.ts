/** What became of a file's blocks: counts, figures of failed tests, and the exit code they amount to. Pure. */
import type { HealthFailure } from "../../shared/health/health.ts";
import type { IngestOutcome } from "../../shared/keypool/types.ts";
import { CliFailure, EXIT, type ExitCode } from "./failure.ts";
import { failureInWords, isHealthTest } from "./health-words.ts";
import { isRecord } from "../../shared/records.ts";
import { formatCount, plural } from "./text.ts";

const OUTCOMES = ["ingested", "already-ingested", "unmatched", "quarantined"] as const;
type OutcomeName = IngestOutcome["outcome"];

/** The part of a block's answer that the summary needs. */
export interface BlockOutcome {
  readonly outcome: OutcomeName;
  readonly bits: number;
  readonly reason: string | null;
  readonly failures: readonly HealthFailure[];
}

const isOutcome = (value: unknown): value is OutcomeName => OUTCOMES.some((name) => name === value);
const isFailure = (value: unknown): value is HealthFailure =>
  isRecord(value) &&
  isHealthTest(value["test"]) &&
  typeof value["value"] === "number" &&
  typeof value["bound"] === "number";

/** Reads the JSON answer of a block's PUT. @throws CliFailure for an answer of another shape */
export function readOutcome(json: unknown): BlockOutcome {
  const outcome = isRecord(json) ? json["outcome"] : undefined;
  const bits = isRecord(json) ? json["bits"] : undefined;
  if (!isRecord(json) || !isOutcome(outcome) || typeof bits !== "number") {
    throw new CliFailure("the edge answered something that is not an ingest outcome", "is its version another one?");
  }
  const health = isRecord(json["health"]) ? json["health"] : {};
  const failures = Array.isArray(health["failures"]) ? health["failures"].filter(isFailure) : [];
  return { outcome, bits, reason: typeof json["reason"] === "string" ? json["reason"] : null, failures };
}

/** A block that failed a test, and was quarantined for it or not. */
interface Suspect {
  readonly block: string;
  readonly bits: number;
  readonly reason: string;
  readonly failures: readonly HealthFailure[];
}

/** At most this many quarantined blocks are printed one by one. */
const SHOWN = 10;

export class Tally {
  readonly #label: string;
  readonly #blocks: Record<OutcomeName, number> = { ingested: 0, "already-ingested": 0, unmatched: 0, quarantined: 0 };
  readonly #bits: Record<OutcomeName, number> = { ingested: 0, "already-ingested": 0, unmatched: 0, quarantined: 0 };
  readonly #quarantined: Suspect[] = [];
  /** Taken in although a test failed: the link's policy is `accept`. */
  readonly #accepted: Suspect[] = [];
  readonly #conflicts: { readonly block: string; readonly message: string }[] = [];

  constructor(label: string) {
    this.#label = label;
  }

  add(block: string, outcome: BlockOutcome): void {
    this.#blocks[outcome.outcome]++;
    this.#bits[outcome.outcome] += outcome.bits;
    const { bits, reason, failures } = outcome;
    const suspect = { block, bits, reason: reason ?? "health", failures };
    if (outcome.outcome === "quarantined") this.#quarantined.push(suspect);
    else if (outcome.outcome !== "already-ingested" && failures.length > 0) this.#accepted.push(suspect);
  }

  conflict(block: string, message: string): void {
    this.#conflicts.push({ block, message });
  }

  merge(other: Tally): void {
    for (const name of OUTCOMES) {
      this.#blocks[name] += other.#blocks[name];
      this.#bits[name] += other.#bits[name];
    }
    this.#quarantined.push(...other.#quarantined);
    this.#accepted.push(...other.#accepted);
    this.#conflicts.push(...other.#conflicts);
  }

  exitCode(): ExitCode {
    if (this.#conflicts.length > 0) return EXIT.error;
    return this.#quarantined.length > 0 ? EXIT.quarantined : EXIT.ok;
  }

  /** What is still to be done: nothing of an unmatched block can be used. */
  remains(): readonly string[] {
    return this.#blocks.unmatched === 0
      ? []
      : ["unmatched blocks wait for the same file from the link's other end (--node), and expire without it"];
  }

  /** A line of totals, then one on blocks accepted though a test failed, then one a block quarantined or refused. */
  describe(): string[] {
    const totals = OUTCOMES.filter((name) => this.#blocks[name] > 0).map(
      (name) => `${name} ${formatCount(this.#bits[name])} bits (${plural(this.#blocks[name], "block")})`,
    );
    if (this.#conflicts.length > 0) totals.push(`refused ${plural(this.#conflicts.length, "block")}`);
    const [accepted] = this.#accepted;
    const shown = this.#quarantined.slice(0, SHOWN);
    const hidden = this.#quarantined.length - shown.length;
    return [
      `${this.#label}: ${totals.join(", ")}`,
      ...(accepted === undefined
        ? []
        : [
            `  ${plural(this.#accepted.length, "block")} failed a health test, accepted by the link's policy; ${accepted.block}: ${figuresOf(accepted)}`,
          ]),
      ...shown.map((suspect) => `  ${suspect.block} quarantined: ${describeReason(suspect)}`),
      ...(hidden > 0 ? [`  and ${plural(hidden, "more block")}`] : []),
      ...this.#conflicts.map(({ block, message }) => `  ${block} refused: ${message}`),
    ];
  }

  toJson(): Record<string, unknown> {
    const outcomes = OUTCOMES.map((name) => [name, { blocks: this.#blocks[name], bits: this.#bits[name] }] as const);
    return {
      file: this.#label,
      ...Object.fromEntries(outcomes),
      failedButAccepted: this.#accepted.length,
      quarantinedBlocks: this.#quarantined,
      conflicts: this.#conflicts,
    };
  }
}

const figuresOf = ({ bits, failures }: Suspect): string =>
  failures.map((failure) => failureInWords(failure, bits)).join("; ");

/** `health: 44.1 % ones of 524,288 bits (allowed 49.6 to 50.4 %)`. */
const describeReason = (suspect: Suspect): string =>
  suspect.failures.length === 0 ? suspect.reason : `${suspect.reason}: ${figuresOf(suspect)}`;
