/**
 * Whether a node of another deployment announces an SAE at present: as a node here has heard it, asked at most once in
 * LIMITS.announcedMs an isolate for each of the two.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";

interface Told {
  readonly node: NodeId | null;
  readonly atMs: number;
}

export class AnnouncedSaes {
  readonly #nowMs: () => number;
  /** The first to be asked for are the first to go. */
  readonly #told = new Map<string, Told>();

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** @param ask the node `by`, hosted here @returns the node that announces it; null: none does. Faults are not kept. */
  async nodeOf(
    by: NodeId,
    sae: SaeId,
    ask: () => Promise<Result<NodeId | null, Fault>>,
  ): Promise<Result<NodeId | null, Fault>> {
    const name = `${by} ${sae}`;
    const known = this.#told.get(name);
    const atMs = this.#nowMs();
    if (known !== undefined && atMs - known.atMs < LIMITS.announcedMs) return ok(known.node);
    const answer = await ask();
    if (answer.ok) this.#keep(name, { node: answer.value, atMs });
    return answer;
  }

  #keep(name: string, told: Told): void {
    this.#told.delete(name);
    const [oldest] = this.#told.keys();
    if (this.#told.size >= LIMITS.announcedSaes && oldest !== undefined) this.#told.delete(oldest);
    this.#told.set(name, told);
  }
}
