/** The alarm of a source whose blocks fail their health tests: goes once it has given good ones for a while. */
import { LIMITS } from "../../shared/limits.ts";
import type { AssessedBlock } from "./block-judge.ts";
import type { StandingAlarms } from "./standing-alarms.ts";

const CODE = "blocks-biased";

export class BiasedSource {
  readonly #alarms: Pick<StandingAlarms, "list" | "raise" | "clear">;
  /** Of those whose alarm stands: good blocks in a row. Null: to be read. */
  #goodBySubject: Map<string, number> | null = null;

  constructor(alarms: Pick<StandingAlarms, "list" | "raise" | "clear">) {
    this.#alarms = alarms;
  }

  /** Inside a transaction: a block of it was quarantined. */
  failed(block: AssessedBlock, nowMs: number): void {
    const { failures } = block.health;
    const words = failures.map(({ test, value, bound }) => `${test} ${round(value)}, bound ${round(bound)}`);
    this.#alarms.raise(CODE, subjectOf(block), `${block.id}: ${words.join("; ")}`, { nowMs });
    this.#good.set(subjectOf(block), 0);
  }

  /** Inside a transaction: a block of it was taken in. */
  passed(block: AssessedBlock, nowMs: number): void {
    const subject = subjectOf(block);
    const before = this.#good.get(subject);
    if (before === undefined) return;
    this.#good.set(subject, before + 1);
    if (before + 1 < LIMITS.biasGoodBlocks) return;
    this.#good.delete(subject);
    this.#alarms.clear(CODE, subject, "system", nowMs);
  }

  get #good(): Map<string, number> {
    this.#goodBySubject ??= new Map(
      this.#alarms
        .list()
        .filter(({ code }) => code === CODE)
        .map(({ subject }) => [subject, 0]),
    );
    return this.#goodBySubject;
  }
}

/** The end that pushes. */
const subjectOf = ({ node, origin }: AssessedBlock): string => node ?? origin;
const round = (figure: number): number => Math.round(figure * 1000) / 1000;
