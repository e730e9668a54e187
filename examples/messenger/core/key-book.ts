/** Which keys there were, for what, and over how many hops they came: what people are shown, never a byte of a key. */
import { BOUNDS } from "./bounds.ts";
import type { Way } from "./way.ts";

export interface KeyRow {
  readonly keyId: string;
  /** Who took it from their key management entity to seal with. */
  readonly whose: "mine" | "theirs";
  readonly use: "sealing" | "pad";
  readonly bits: number;
  readonly atMs: number;
  readonly way: Pick<Way, "hops" | "nodes"> | null;
}

export interface KeyBook {
  /** The latest first. */
  readonly rows: readonly KeyRow[];
  readonly sealingKeys: number;
  readonly sealingBits: number;
  readonly padBits: number;
}

export const EMPTY_BOOK: KeyBook = { rows: [], sealingKeys: 0, sealingBits: 0, padBits: 0 };

export function noted(book: KeyBook, row: KeyRow): KeyBook {
  const isPad = row.use === "pad";
  return {
    rows: [row, ...book.rows].slice(0, BOUNDS.keysShown),
    sealingKeys: book.sealingKeys + (isPad ? 0 : 1),
    sealingBits: book.sealingBits + (isPad ? 0 : row.bits),
    padBits: book.padBits + (isPad ? row.bits : 0),
  };
}

/** Keys that came before the key management entity had said anything of the way. */
export const withWay = (book: KeyBook, way: Way): KeyBook =>
  book.rows.every((row) => row.way !== null)
    ? book
    : { ...book, rows: book.rows.map((row) => (row.way === null ? { ...row, way } : row)) };

export const rowOf = (book: KeyBook, keyId: string | null): KeyRow | undefined =>
  book.rows.find((row) => row.keyId === keyId);
