/**
 * A block as it lies in the spool: magic, nonce, then AES-256-GCM of its head's length, its head (JSON) and its bytes.
 * The additional data name feed and number, so that no file passes for another.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import * as v from "valibot";
import { UUID } from "../../shared/etsi014/key-ids.ts";
import { LIMITS } from "../../shared/limits.ts";

export interface SpoolBlock {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** Of blocks whose other end has to fetch the same keys from a device: under which IDs. */
  readonly keyIds?: readonly string[];
}

const MAGIC = Buffer.from("qkdspl1\n");
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;
const ALGORITHM = "aes-256-gcm";

const Head = v.strictObject({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.blockIdChars)),
  keyIds: v.optional(v.pipe(v.array(v.pipe(v.string(), v.regex(UUID))), v.maxLength(LIMITS.keysPerRequest))),
});

const SealedHead = v.pipe(v.string(), v.parseJson(), Head);

/** Of its id at most, 6 bytes a character; of each key ID with its quotes and comma; and of the JSON around them. */
const MAX_ID_BYTES = 6 * LIMITS.blockIdChars;
const KEY_ID_BYTES = 39;
const HEAD_BYTES = 64;

/** What a block of so many bytes and key IDs takes at most. */
export const sealedBytesAtMost = (sizeBytes: number, keyIds: number): number =>
  MAGIC.length + NONCE_BYTES + LENGTH_BYTES + HEAD_BYTES + MAX_ID_BYTES + KEY_ID_BYTES * keyIds + sizeBytes + TAG_BYTES;

export function seal(key: Buffer, name: string, { id, bytes, keyIds }: SpoolBlock): Buffer {
  const head = Buffer.from(JSON.stringify({ id, ...(keyIds === undefined ? {} : { keyIds }) }));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(head.length);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(name));
  const parts = [cipher.update(length), cipher.update(head), cipher.update(bytes), cipher.final()];
  return Buffer.concat([MAGIC, nonce, ...parts, cipher.getAuthTag()]);
}

/** @returns null for anything that `seal` did not make under this key and name */
export function unseal(key: Buffer, name: string, sealed: Buffer): SpoolBlock | null {
  const begin = MAGIC.length + NONCE_BYTES;
  if (sealed.length < begin + LENGTH_BYTES + TAG_BYTES || !sealed.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(MAGIC.length, begin))
    .setAAD(Buffer.from(name))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  const plain = decipher.update(sealed.subarray(begin, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    plain.fill(0);
    return null;
  }
  const headBytes = plain.readUInt32BE();
  const end = LENGTH_BYTES + headBytes;
  const head = v.safeParse(SealedHead, plain.toString("utf8", LENGTH_BYTES, end));
  if (!head.success) return null;
  const { id, keyIds } = head.output;
  const bytes = plain.subarray(end);
  return keyIds === undefined ? { id, bytes } : { id, bytes, keyIds };
}
