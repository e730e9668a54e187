/**
 * The universal hash of verification and authentication: GHASH of NIST SP 800-38D (section 6.4), in GCM's bit order.
 *
 * With the key H an element of GF(2^128), x^128 + x^7 + x^2 + x + 1, whose coefficient of x^0 is the first (most
 * significant) bit of the first byte, and the message cut into blocks X_1 .. X_b of 16 bytes, the last one padded with
 * zeros, followed by X_(b+1) = length of the message in bits (64 bits, big-endian) and 64 zero bits:
 *
 *     hash = X_1 H^(b+1) + X_2 H^b + ... + X_(b+1) H
 *
 * which is what AES-GCM computes over additional data alone. For uniform H, two different messages of at most L bytes
 * have a given difference of hashes with probability at most (ceil(L / 16) + 1) 2^-128.
 *
 * The key's multiples are tabled by place of a nibble (8 KiB, which a first-level cache holds), so look-ups depend on
 * message and key: not for a machine whose caches a stranger can watch.
 */
const BLOCK_BYTES = 16;
const NIBBLES = 32;
/** Words of a nibble's 16 multiples, four each. */
const ROW_WORDS = 64;
/** x^128 reduced, x^7 + x^2 + x + 1, in the first word. */
const REDUCTION = 0xe1 << 24;

export const GF128_BYTES = BLOCK_BYTES;

/** Every index is in range by construction; a look-up that could be `undefined` would cost the loop its speed. */
const at = (words: Int32Array, index: number): number => words[index] as number;

/** The running hash of one message. */
export class Gf128Hash {
  readonly #table = new Int32Array(NIBBLES * ROW_WORDS);
  readonly #sum = new Int32Array(4);
  /** Bytes that do not fill a block yet. */
  readonly #rest = new Uint8Array(BLOCK_BYTES);
  #bytes = 0;

  /** @throws RangeError unless the key has 16 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== BLOCK_BYTES) throw new RangeError(`the hash's key has ${BLOCK_BYTES} bytes, not ${key.length}`);
    fillTable(this.#table, key);
  }

  /** Appends to the message; how it is cut into calls does not matter. */
  update(bytes: Uint8Array): this {
    const filled = this.#bytes % BLOCK_BYTES;
    this.#bytes += bytes.length;
    let from = 0;
    if (filled > 0) {
      from = Math.min(BLOCK_BYTES - filled, bytes.length);
      this.#rest.set(bytes.subarray(0, from), filled);
      if (filled + from < BLOCK_BYTES) return this;
      absorb(this.#table, this.#sum, this.#rest, 0, BLOCK_BYTES);
    }
    const end = bytes.length - ((bytes.length - from) % BLOCK_BYTES);
    absorb(this.#table, this.#sum, bytes, from, end);
    this.#rest.set(bytes.subarray(end));
    return this;
  }

  /** The hash of what has been appended so far: 16 bytes. The message may go on, as a transcript tagged along the way does. */
  digest(): Uint8Array {
    const sum = Int32Array.from(this.#sum);
    const last = new Uint8Array(2 * BLOCK_BYTES);
    const rest = this.#bytes % BLOCK_BYTES;
    last.set(this.#rest.subarray(0, rest));
    const view = new DataView(last.buffer);
    view.setUint32(BLOCK_BYTES, Math.floor(this.#bytes / 2 ** 29));
    view.setUint32(BLOCK_BYTES + 4, this.#bytes << 3);
    absorb(this.#table, sum, last, rest > 0 ? 0 : BLOCK_BYTES, 2 * BLOCK_BYTES);
    sum.forEach((word, i) => view.setInt32(4 * i, word));
    sum.fill(0);
    return last.slice(0, BLOCK_BYTES);
  }

  /** Forgets key and message. What is hashed afterwards is 0. */
  wipe(): void {
    this.#table.fill(0);
    this.#sum.fill(0);
    this.#rest.fill(0);
  }
}

/** sum <- (sum + block) H for each block in bytes `from` to `end`. */
function absorb(table: Int32Array, sum: Int32Array, bytes: Uint8Array, from: number, end: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [z0, z1, z2, z3] = [at(sum, 0), at(sum, 1), at(sum, 2), at(sum, 3)];
  for (let block = from; block < end; block += BLOCK_BYTES) {
    const words = [
      z0 ^ view.getInt32(block),
      z1 ^ view.getInt32(block + 4),
      z2 ^ view.getInt32(block + 8),
      z3 ^ view.getInt32(block + 12),
    ] as const;
    z0 = z1 = z2 = z3 = 0;
    let row = 0;
    for (let w = 0; w < 4; w++) {
      const word = words[w] as number;
      for (let shift = 28; shift >= 0; shift -= 4) {
        const entry = row + (((word >>> shift) & 15) << 2);
        z0 ^= at(table, entry);
        z1 ^= at(table, entry + 1);
        z2 ^= at(table, entry + 2);
        z3 ^= at(table, entry + 3);
        row += ROW_WORDS;
      }
    }
  }
  sum[0] = z0;
  sum[1] = z1;
  sum[2] = z2;
  sum[3] = z3;
}

/** Entry (place, nibble) is nibble * x^(4 place) * H, the nibble's highest bit being the lowest power. */
function fillTable(table: Int32Array, key: Uint8Array): void {
  const view = new DataView(key.buffer, key.byteOffset, BLOCK_BYTES);
  const power = Int32Array.from({ length: 4 }, (_, i) => view.getInt32(4 * i));
  for (let row = 0; row < table.length; row += ROW_WORDS) {
    for (let bit = 8; bit > 0; bit >>= 1) {
      table.set(power, row + 4 * bit);
      timesX(power);
    }
    for (let nibble = 1; nibble < 16; nibble++) {
      const lowest = nibble & -nibble;
      if (lowest === nibble) continue;
      for (let i = 0; i < 4; i++) {
        table[row + 4 * nibble + i] = at(table, row + 4 * lowest + i) ^ at(table, row + 4 * (nibble ^ lowest) + i);
      }
    }
  }
  power.fill(0);
}

/** Multiplies by x: one place to the right, in this bit order. */
function timesX(power: Int32Array): void {
  const [p0, p1, p2, p3] = [at(power, 0), at(power, 1), at(power, 2), at(power, 3)];
  power[0] = (p0 >>> 1) ^ (p3 & 1 ? REDUCTION : 0);
  power[1] = (p1 >>> 1) | (p0 << 31);
  power[2] = (p2 >>> 1) | (p1 << 31);
  power[3] = (p3 >>> 1) | (p2 << 31);
}
