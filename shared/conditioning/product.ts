/**
 * Toeplitz matrix times vector over GF(2), on words of 32 bits.
 *
 * Split in halves, a Toeplitz matrix repeats its diagonal block: with T = [T1 T0; T2 T1] and x = (x0, x1),
 *
 *     y0 = T1 (x0 + x1) + (T0 + T1) x1          y1 = T1 (x0 + x1) + (T1 + T2) x0
 *
 * three products of half the size instead of four: Karatsuba's trick, transposed (Fan and Hasan, IEEE Trans.
 * Computers 56(2), 2007). It yields the wanted rows only, where a polynomial product would compute as many again to
 * throw away; and sums stay bits, where a Fourier transform needs 16 bytes for each.
 */
import { BASE_WORDS, baseCase } from "./base-case.ts";
import type { Slices } from "./slices.ts";

/** y ^= T x. All operands lie in one array; places and sizes are in words, sizes multiples of `BASE_WORDS`. */
export interface Product {
  /** Bit (r, c) of T is r - c + 31 bits after the start of this word. */
  readonly matrix: number;
  readonly x: number;
  readonly columns: number;
  readonly y: number;
  readonly rows: number;
  /** From here on, `scratchWords(rows, columns)` are free. */
  readonly free: number;
}

export interface Workspace {
  readonly words: Int32Array;
  /** Of `TABLE_WORDS`. */
  readonly table: Int32Array;
}

/** 1024 words square take 2187 base cases, 2 ms where this was measured: room for machines ten times slower. */
const SLICE_WORDS = 1024;

/** Each level keeps at most two halves, and the levels below fit into as much again. */
export const scratchWords = (rows: number, columns: number): number => 4 * halfOf(rows, columns);

/** Computes a product in slices of bounded work. */
export function* multiplyInSlices(space: Workspace, product: Product): Slices<void> {
  if (Math.max(product.rows, product.columns) <= SLICE_WORDS) {
    multiply(space, product);
    yield;
  } else {
    for (const part of partsOf(space.words, product)) yield* multiplyInSlices(space, part);
  }
}

function multiply(space: Workspace, product: Product): void {
  if (product.rows === BASE_WORDS && product.columns === BASE_WORDS) {
    baseCase(space.words, product.matrix, product.x, product.y, space.table);
  } else {
    for (const part of partsOf(space.words, product)) multiply(space, part);
  }
}

/** The largest power of two times `BASE_WORDS` that is less than the longer side, at least `BASE_WORDS`. */
function halfOf(rows: number, columns: number): number {
  let half = BASE_WORDS;
  while (2 * half < Math.max(rows, columns)) half *= 2;
  return half;
}

/** The smaller products that make up a product, each to be computed before the next is asked for. */
function* partsOf(words: Int32Array, product: Product): Generator<Product, void, void> {
  const { matrix, x, columns, y, rows, free } = product;
  const half = halfOf(rows, columns);
  if (rows <= half) {
    yield { ...product, columns: half };
    yield { ...product, matrix: matrix - half, x: x + half, columns: columns - half };
    return;
  }
  if (columns <= half) {
    yield { ...product, rows: half };
    yield { ...product, matrix: matrix + half, y: y + half, rows: rows - half };
    return;
  }
  // The second halves may be shorter than the first: what is missing counts as zeros, and is not computed.
  const shortColumns = columns - half;
  const shortRows = rows - half;

  const shared = free + half;
  words.copyWithin(free, x, x + half);
  add(words, free, x + half, shortColumns);
  words.fill(0, shared, shared + half);
  yield { matrix, x: free, columns: half, y: shared, rows: half, free: shared + half };
  add(words, y, shared, half);
  add(words, y + half, shared, shortRows);

  const below = free + 2 * half;
  sum(words, free, matrix - shortColumns + 1, -half, shortColumns + half);
  yield { matrix: free + shortColumns - 1, x: x + half, columns: shortColumns, y, rows: half, free: below };

  sum(words, free, matrix - half + 1, half, half + shortRows);
  yield { matrix: free + half - 1, x, columns: half, y: y + half, rows: shortRows, free: below };
}

/** words[to..] ^= words[from..] */
function add(words: Int32Array, to: number, from: number, count: number): void {
  for (let i = 0; i < count; i++) words[to + i] = (words[to + i] as number) ^ (words[from + i] as number);
}

/** words[to..] = words[from..] ^ words[from + distance..]: two blocks of a matrix, added. */
function sum(words: Int32Array, to: number, from: number, distance: number, count: number): void {
  for (let i = from; i < from + count; i++) {
    words[to + i - from] = (words[i] as number) ^ (words[i + distance] as number);
  }
}
