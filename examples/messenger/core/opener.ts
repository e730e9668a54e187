/** The receiving side's keys: fetched by the ID in a frame's head, kept for late frames, and dropped after a bounded time. */
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";
import { importKey, openFrame } from "./cipher.ts";
import type { Direction } from "./direction.ts";
import { decodeHead } from "./frame.ts";
import { Rate } from "./rate.ts";
import { ReplayWindow } from "./replay-window.ts";

export type Opened =
  | { readonly ok: true; readonly keyId: string; readonly plain: Bytes; readonly isNewKey: boolean }
  /** `no-key`: the key management entity has none by this ID; the sender should take another. */
  | { readonly ok: false; readonly why: "malformed" | "replayed" | "forged" }
  | { readonly ok: false; readonly why: "no-key"; readonly keyId: string };

interface Kept {
  readonly key: CryptoKey;
  readonly window: ReplayWindow;
  /** Null: the newest in use. */
  retireAtMs: number | null;
  /** Has a frame opened under it? */
  isProved: boolean;
}

export interface OpenerOptions {
  /** Of the frames that are to be opened: the other side's. */
  readonly direction: Direction;
  readonly now: () => number;
  /** Null where the key management entity has none by this ID, or gives it to somebody else. */
  readonly fetchKey: (keyId: string) => Promise<Uint8Array | null>;
}

/** Frames are to be opened one after the other. */
export class Opener {
  readonly #options: OpenerOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #refused = new Set<string>();
  readonly #refusals: Rate;

  constructor(options: OpenerOptions) {
    this.#options = options;
    this.#refusals = new Rate(options.now, BOUNDS.refusals);
  }

  get keyIds(): readonly string[] {
    return [...this.#kept.keys()];
  }

  async open(frame: Bytes): Promise<Opened> {
    this.dropRetired();
    const head = decodeHead(frame);
    if (head === null || head.kind !== "sealed" || head.direction !== this.#options.direction) return MALFORMED;
    const isKnown = this.#kept.has(head.keyId) || this.#refused.has(head.keyId);
    if (!isKnown && this.#refusals.isReached) return MALFORMED;
    const kept = this.#kept.get(head.keyId) ?? (await this.#fetch(head.keyId));
    if (kept === null) return { ok: false, why: "no-key", keyId: head.keyId };
    if (!kept.window.isFresh(head.counter)) return REPLAYED;
    const plain = await openFrame(kept.key, head, frame);
    if (plain === null) return FORGED;
    if (!kept.window.take(head.counter)) return REPLAYED;
    const isNewKey = !kept.isProved;
    if (isNewKey) this.#retireOthers(head.keyId, kept);
    return { ok: true, keyId: head.keyId, plain, isNewKey };
  }

  /** Keys of which no frame can be on its way any more. */
  dropRetired(): void {
    const nowMs = this.#options.now();
    for (const [keyId, { retireAtMs }] of this.#kept) {
      if (retireAtMs !== null && nowMs >= retireAtMs) this.#forget(keyId);
    }
  }

  /** The conversation is over: nothing more is to be opened. */
  close(): void {
    this.#kept.clear();
  }

  async #fetch(keyId: string): Promise<Kept | null> {
    if (this.#refused.has(keyId)) return null;
    const raw = await this.#options.fetchKey(keyId);
    if (raw === null) {
      this.#refusals.add();
      this.#refuse(keyId);
      return null;
    }
    const kept = { key: await importKey(raw), window: new ReplayWindow(), retireAtMs: null, isProved: false };
    if (this.#kept.size >= BOUNDS.keysKept) this.#forget(this.#kept.keys().next().value as string);
    this.#kept.set(keyId, kept);
    return kept;
  }

  /** A key is given out once: one that is gone from here is gone. */
  #forget(keyId: string): void {
    this.#kept.delete(keyId);
    this.#refuse(keyId);
  }

  #refuse(keyId: string): void {
    this.#refused.add(keyId);
    if (this.#refused.size > BOUNDS.refusedKeys) this.#refused.delete(this.#refused.values().next().value as string);
  }

  #retireOthers(keyId: string, current: Kept): void {
    current.isProved = true;
    const retireAtMs = this.#options.now() + BOUNDS.lateFrameMs;
    for (const [other, kept] of this.#kept) if (other !== keyId) kept.retireAtMs ??= retireAtMs;
  }
}

const MALFORMED: Opened = { ok: false, why: "malformed" };
const REPLAYED: Opened = { ok: false, why: "replayed" };
const FORGED: Opened = { ok: false, why: "forged" };
