/** The newest advertisement of each node, how old each is, and what may be held. */
import type { NodeId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import type { Advertisement } from "../types.ts";
import { sizeBytes, textOfAdvertisement } from "./wire.ts";

/** An advertisement that has been looked at. */
export interface Word {
  readonly advertisement: Advertisement;
  /** All that the node says, in one spelling. */
  readonly text: string;
  readonly bytes: number;
}

export const wordOf = (advertisement: Advertisement): Word => {
  const text = textOfAdvertisement(advertisement);
  return { advertisement, text, bytes: sizeBytes(text, advertisement.signature) };
};

/** The advertisement's `ageMs` is of when it came. */
export interface Entry extends Word {
  readonly cameMs: number;
  /** It is passed on from then on. */
  readonly onwardMs: number;
}

/** How an advertisement that has come compares with what is held of its node. */
export type Standing = "newer" | "same" | "older" | "conflict" | "too-old";

/**
 * What its sender says of its age, or more where its sequence says so, that is not lower than the time it was made at.
 * Ages are not signed: whoever replays an old one can say it is new.
 */
const ageOnArrivalMs = ({ ageMs, sequence }: Advertisement, nowMs: number): number =>
  Math.max(ageMs, Math.floor(nowMs) - sequence - LIMITS.floodSkewMs);

export class Database {
  readonly #entries = new Map<NodeId, Entry>();
  /** The last sequence of nodes whose advertisement has reached its age: it does not come back. */
  readonly #forgotten = new Map<NodeId, number>();
  readonly #self: NodeId;
  #nodes = 1;
  #firstEndMs = Infinity;

  constructor(self: NodeId) {
    this.#self = self;
  }

  get(node: NodeId): Entry | undefined {
    return this.#entries.get(node);
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** When the first of them reaches its age; Infinity: none will. */
  get firstEndMs(): number {
    return this.#firstEndMs;
  }

  ageMs(entry: Entry, nowMs: number): number {
    return entry.advertisement.ageMs + Math.max(0, Math.floor(nowMs - entry.cameMs));
  }

  standingOf(advertisement: Advertisement, text: string, nowMs: number): Standing {
    const held = this.#entries.get(advertisement.node);
    if (held === undefined) {
      if (advertisement.sequence <= (this.#forgotten.get(advertisement.node) ?? 0)) return "too-old";
    } else if (advertisement.sequence <= held.advertisement.sequence) {
      if (advertisement.sequence < held.advertisement.sequence) return "older";
      return text === held.text ? "same" : "conflict";
    }
    return ageOnArrivalMs(advertisement, nowMs) >= LIMITS.floodMaxAgeMs ? "too-old" : "newer";
  }

  /** No node's long advertisement takes the room of another's short one. */
  hasRoom(node: NodeId, bytes: number): boolean {
    const beyond = this.#beyondShare(bytes);
    if (beyond === 0) return true;
    let total = beyond;
    for (const entry of this.#entries.values()) {
      if (entry.advertisement.node !== node) total += this.#beyondShare(entry.bytes);
    }
    return total <= LIMITS.floodDatabaseBytes / 2;
  }

  /** In place of what is held of the node. */
  put({ advertisement, text, bytes }: Word, nowMs: number): Entry {
    const { node } = advertisement;
    const held = this.#entries.get(node);
    const entry: Entry = {
      advertisement: { ...advertisement, ageMs: Math.max(0, ageOnArrivalMs(advertisement, nowMs)) },
      text,
      bytes,
      cameMs: nowMs,
      onwardMs: Math.max(nowMs, (held?.onwardMs ?? -Infinity) + LIMITS.floodIntervalMs),
    };
    this.#entries.set(node, entry);
    this.#forgotten.delete(node);
    if (node !== this.#self) this.#firstEndMs = Math.min(this.#firstEndMs, this.#endMs(entry));
    return entry;
  }

  /** All that is known of a node: it has left the network, or has new keys. */
  drop(node: NodeId): boolean {
    this.#forgotten.delete(node);
    return this.#entries.delete(node);
  }

  /** @param nodes in the network */
  keepOnly(nodes: ReadonlyMap<NodeId, unknown>): Entry[] {
    this.#nodes = Math.max(1, nodes.size);
    for (const node of this.#forgotten.keys()) if (!nodes.has(node)) this.#forgotten.delete(node);
    const gone = [...this.#entries.values()].filter(({ advertisement }) => !nodes.has(advertisement.node));
    for (const { advertisement } of gone) this.#entries.delete(advertisement.node);
    return gone;
  }

  /** Takes out what has reached its age. A node's own is made anew before. */
  expire(nowMs: number): Entry[] {
    if (nowMs < this.#firstEndMs) return [];
    const others = [...this.#entries.values()].filter(({ advertisement }) => advertisement.node !== this.#self);
    const gone = others.filter((entry) => this.#endMs(entry) <= nowMs);
    for (const { advertisement } of gone) {
      this.#entries.delete(advertisement.node);
      this.#forgotten.set(advertisement.node, advertisement.sequence);
    }
    this.#firstEndMs = Math.min(
      Infinity,
      ...others.filter((entry) => !gone.includes(entry)).map((entry) => this.#endMs(entry)),
    );
    return gone;
  }

  #endMs(entry: Entry): number {
    return entry.cameMs + LIMITS.floodMaxAgeMs - entry.advertisement.ageMs;
  }

  #beyondShare(bytes: number): number {
    return Math.max(0, bytes - Math.floor(LIMITS.floodDatabaseBytes / 2 / this.#nodes));
  }
}
