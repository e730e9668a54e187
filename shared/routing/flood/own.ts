/** What a node says of itself, and when: the pace of its own advertisements, and their sequence. */
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../../audit/canonical-json.ts";
import { LIMITS } from "../../limits.ts";
import type { LinkState } from "../types.ts";
import { changeOf, settle } from "./levels.ts";
import type { OwnState } from "./types.ts";
import { MAX_SEQUENCE } from "./wire.ts";

/** Of an advertisement, beside links, SAEs and signature. */
const REST_BYTES = 256;

/** As many from the first on as fit; each takes a comma as well. */
function takeFitting<T>(items: readonly T[], most: number, budgetBytes: number) {
  const taken: T[] = [];
  let bytes = 0;
  for (const item of items.slice(0, most)) {
    bytes += utf8ToBytes(canonicalJson(item)).length + 1;
    if (bytes > budgetBytes) break;
    taken.push(item);
  }
  return { taken, restBytes: budgetBytes - bytes };
}

const distinct = <T>(items: readonly T[], keyOf: (item: T) => string): T[] =>
  [...new Map(items.map((item) => [keyOf(item), item])).entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item);

/** In order, each once, and no more than an advertisement may hold: links before SAEs. */
export function fitted(state: OwnState): { readonly state: OwnState; readonly isWhole: boolean } {
  const all = { links: distinct(state.links, ({ link }) => link), saes: distinct(state.saes, (sae) => sae) };
  const budgetBytes = LIMITS.floodAdvertisementBytes - LIMITS.floodSignatureChars - REST_BYTES;
  const links = takeFitting(all.links, LIMITS.floodLinks, budgetBytes);
  const saes = takeFitting(all.saes, LIMITS.remoteSaes, Math.max(0, links.restBytes));
  return {
    state: { links: links.taken, saes: saes.taken },
    isWhole: links.taken.length === all.links.length && saes.taken.length === all.saes.length,
  };
}

export class OwnAdvertisement {
  #wanted: OwnState | null = null;
  #told: OwnState | null = null;
  #toldMs = -Infinity;
  #sequence: number;
  /** It has to be made anew, changed or not. */
  #isOverdue = false;
  #notBeforeMs = -Infinity;

  /** @param sequence the last that was stored; 0: none */
  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** @returns whether all of it fits into an advertisement */
  want(state: OwnState): boolean {
    const { state: wanted, isWhole } = fitted(state);
    this.#wanted = wanted;
    return isWhole;
  }

  /** What is told next is above this. */
  jumpAbove(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence);
    this.renew();
  }

  renew(): void {
    this.#isOverdue = this.#told !== null;
  }

  /** It could not be signed. */
  postpone(untilMs: number): void {
    this.#notBeforeMs = untilMs;
  }

  /** When the next one is to be made; null: there is nothing to say yet. */
  get dueMs(): number | null {
    const next = this.#next();
    if (next === null) return null;
    return Math.max(this.#notBeforeMs, this.#toldMs + this.#waitMs(next));
  }

  /**
   * The sequence grows with the clock, and by one at least: so a sequence tells how old an advertisement is at most, and
   * one that is replayed after years is told, also by those who have forgotten all before it.
   */
  make(nowMs: number): OwnState & { readonly sequence: number } {
    const next = this.#next();
    if (next === null) throw new Error("nothing to advertise yet");
    this.#told = next;
    this.#toldMs = nowMs;
    this.#isOverdue = false;
    this.#sequence = Math.min(MAX_SEQUENCE, Math.max(this.#sequence + 1, Math.floor(nowMs)));
    return { ...next, sequence: this.#sequence };
  }

  #waitMs(next: OwnState): number {
    if (this.#told === null || this.#isOverdue) return LIMITS.floodIntervalMs;
    return WAITS[changeOf(this.#told, next)];
  }

  #next(): OwnState | null {
    if (this.#wanted === null) return null;
    const told = new Map<string, LinkState>(this.#told?.links.map((link) => [link.link, link]));
    const links = this.#wanted.links.map((link) => settle(told.get(link.link) ?? null, link));
    return { links, saes: this.#wanted.saes };
  }
}

/** Since the last one. */
const WAITS = { none: LIMITS.floodRefreshMs, level: LIMITS.floodLevelIntervalMs, set: LIMITS.floodIntervalMs } as const;
