/**
 * Runs of key IDs: how the IDs of one request travel and are looked at. Those of one record share all but their last
 * four digits (key-id.ts), so a run is the first of them as it is, and of each further one those digits only. An ID by
 * itself is a run of one: whoever knows single IDs only is understood.
 */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { KeyId, Run } from "../ids.ts";
import { indexMaskOf, type Mask, MAX_INDEX, MAX_RECORD, type Nonce, prefixOfNonce, xored } from "./key-id.ts";
import type { KeyGrant } from "./types.ts";

/** One ID, or several neighbours that share a record. */
export type KeyIdRun = KeyId | Run;

export const ID_CHARS = 36;
/** What the IDs of a record share. */
export const HEAD_CHARS = 32;
export const TAIL_CHARS = 4;
const UUIDS = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?:[0-9a-f]{4})*$/;
const KEY_IDS = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?:[0-9a-f]{4})*$/;

/** Does it hold lower-case UUIDs of any kind, and nothing else? */
export const isUuidRun = (run: string): run is KeyIdRun => UUIDS.test(run);
/** Does it hold IDs of the form this system gives out, and nothing else? */
export const isKeyIdRun = (run: string): run is KeyIdRun => KEY_IDS.test(run);

/** What all of its IDs begin with, and those of no other record. */
export const headOf = (run: KeyIdRun): string => run.slice(0, HEAD_CHARS);
export const firstId = (run: KeyIdRun): KeyId => run.slice(0, ID_CHARS) as KeyId;
export const keysIn = (run: KeyIdRun): number => (run.length - HEAD_CHARS) / TAIL_CHARS;
export const countKeys = (runs: readonly KeyIdRun[]): number => runs.reduce((sum, run) => sum + keysIn(run), 0);

/** IDs of keys 0..count-1 of a batch. */
export function writeKeyIds(nonce: Nonce, mask: Mask, record: number, count: number): KeyIdRun {
  if (record > MAX_RECORD || count - 1 > MAX_INDEX) throw new RangeError("record or index out of range");
  const number = xored(mask, record).toString(16).padStart(10, "0");
  const indexMask = indexMaskOf(mask);
  const tails = new Uint8Array(2 * count);
  for (let index = 0; index < count; index++) {
    const hidden = index ^ indexMask;
    tails[2 * index] = hidden >> 8;
    tails[2 * index + 1] = hidden;
  }
  return `${prefixOfNonce(nonce)}${number.slice(0, 2)}-${number.slice(2)}${bytesToHex(tails)}` as KeyIdRun;
}

/** Last four digits of each ID. */
export function tailsOf(run: KeyIdRun): number[] {
  const bytes = hexToBytes(run.slice(HEAD_CHARS));
  const tails: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) tails.push(((bytes[at] as number) << 8) | (bytes[at + 1] as number));
  return tails;
}

/** The keys' indices in their batch. */
export function indicesOf(run: KeyIdRun, mask: Mask): number[] {
  const indexMask = indexMaskOf(mask);
  return tailsOf(run).map((tail) => tail ^ indexMask);
}

/** Each ID by itself. */
export const expandRuns = (runs: readonly KeyIdRun[]): readonly KeyId[] =>
  runs.every(isSingle) ? runs : runs.flatMap(expandRun);

export function expandRun(run: KeyIdRun): KeyId[] {
  const head = headOf(run);
  const ids: KeyId[] = [];
  for (let at = HEAD_CHARS; at < run.length; at += TAIL_CHARS)
    ids.push((head + run.slice(at, at + TAIL_CHARS)) as KeyId);
  return ids;
}

const isSingle = (run: KeyIdRun): run is KeyId => run.length === ID_CHARS;

/** Each key under an ID by itself. */
export const expandGrant = ({ keyIds, sizesBytes, bytes }: KeyGrant<KeyIdRun>): KeyGrant => ({
  keyIds: expandRuns(keyIds),
  sizesBytes: keyIds.flatMap((run, i) => Array.from({ length: keysIn(run) }, () => sizesBytes[i] as number)),
  bytes,
});

/** Neighbours that share all but their last digits become one run; the order stays. */
export function packRuns(ids: readonly KeyId[]): KeyIdRun[] {
  const runs: KeyIdRun[] = [];
  let head: string | null = null;
  for (const id of ids) {
    if (head !== null && id.startsWith(head)) {
      runs.push((String(runs.pop()) + id.slice(HEAD_CHARS)) as KeyIdRun);
    } else {
      runs.push(id);
      head = id.slice(0, HEAD_CHARS);
    }
  }
  return runs;
}
