/** When a sender takes its next key. */
import { BOUNDS } from "./bounds.ts";

/** What people set. */
export interface Rotation {
  readonly messages: number;
  readonly seconds: number;
}

export const ROTATION_DEFAULT: Rotation = { messages: 20, seconds: 300 };
export const ROTATION_BOUNDS = { messages: { min: 1, max: 1000 }, seconds: { min: 5, max: 3600 } } as const;

export interface KeyUse {
  readonly sinceMs: number;
  /** Texts, files, calls: what people send. Frames are more. */
  readonly messages: number;
  readonly frames: number;
  readonly bytes: number;
}

/** Does what people send next need a new key first? */
export const isDue = (use: KeyUse, rotation: Rotation, nowMs: number): boolean =>
  use.messages >= rotation.messages || nowMs - use.sinceMs >= rotation.seconds * 1000 || isWornOut(use, 0.5);

/**
 * May the key seal nothing more at all? Acknowledgements and greetings may use a key that is due for what is left of these
 * bounds, so that a conversation that is short of key can still say so.
 */
export const isWornOut = (use: KeyUse, share = 1): boolean =>
  use.frames >= BOUNDS.framesPerKey * share || use.bytes >= BOUNDS.bytesPerKey * share;

const within = (value: number, { min, max }: { readonly min: number; readonly max: number }, other: number): number =>
  Number.isFinite(value) ? Math.min(max, Math.max(min, Math.round(value))) : other;

/** What was typed, within the bounds. */
export const rotationOf = (messages: number, seconds: number): Rotation => ({
  messages: within(messages, ROTATION_BOUNDS.messages, ROTATION_DEFAULT.messages),
  seconds: within(seconds, ROTATION_BOUNDS.seconds, ROTATION_DEFAULT.seconds),
});
