/**
 * What client and device of a bulk transfer say to each other: a head from the client, then the bytes one way, then a
 * digest the same way (down) or back (up). Nobody has to half-close for it.
 */
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import type { Socket } from "node:net";

/** `frozen`: up, to a device that reads nothing until somebody says `thaw`, which ends all of those. */
export const DIRECTIONS = ["up", "down", "frozen", "thaw"] as const;
export type Direction = (typeof DIRECTIONS)[number];

export interface BulkHead {
  readonly direction: Direction;
  /** The bytes depend on their place, and their SHA-256 is told; else the digest is zeros. */
  readonly verified: boolean;
  readonly bytes: number;
}

export const HEAD_BYTES = 10;
export const DIGEST_BYTES = 32;
/** More than anybody waits for: ended by closing the connection. */
export const ENDLESS = 2 ** 50;

export function encodeHead({ direction, verified, bytes }: BulkHead): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(DIRECTIONS.indexOf(direction), 0);
  head.writeUInt8(Number(verified), 1);
  head.writeDoubleBE(bytes, 2);
  return head;
}

/** @throws Error for what no client of this bench sends */
export function decodeHead(head: Buffer): BulkHead {
  const direction = DIRECTIONS[head.readUInt8(0)];
  if (direction === undefined) throw new Error("no such direction");
  return { direction, verified: head.readUInt8(1) === 1, bytes: head.readDoubleBE(2) };
}

const CHUNK_BYTES = 128 * 1024;
const ZEROS = Buffer.alloc(CHUNK_BYTES);
const BLOCK = randomBytes(CHUNK_BYTES);

interface Content {
  next(length: number): Buffer;
  digest(): Buffer;
}

/** Verified: no two pieces alike, so that none can be lost, doubled or moved unnoticed. */
function contentOf(verified: boolean): Content {
  if (!verified) return { next: (length) => BLOCK.subarray(0, length), digest: () => Buffer.alloc(DIGEST_BYTES) };
  const stream = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  const hash = createHash("sha256");
  const next = (length: number): Buffer => {
    const chunk = stream.update(ZEROS.subarray(0, length));
    hash.update(chunk);
    return chunk;
  };
  return { next, digest: () => hash.digest() };
}

/** @returns the digest of what was sent. @throws Error when the connection ends before */
export async function sendBulk(socket: Socket, { bytes, verified }: BulkHead): Promise<Buffer> {
  const content = contentOf(verified);
  for (let left = bytes; left > 0;) {
    const chunk = content.next(Math.min(left, CHUNK_BYTES));
    left -= chunk.length;
    if (!socket.write(chunk)) await roomIn(socket);
  }
  return content.digest();
}

function roomIn(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const drained = (): void => {
      socket.off("close", closed);
      resolve();
    };
    const closed = (): void => reject(new Error("the connection ended under way"));
    if (socket.destroyed) closed();
    else socket.once("drain", drained).once("close", closed);
  });
}

/** Takes so many bytes and the digest of `digestBytes` after them. @returns both digests, the own and the one told */
export function receiveBulk(
  socket: Socket,
  { bytes, verified }: BulkHead,
  digestBytes: number,
): Promise<{ readonly own: Buffer; readonly told: Buffer }> {
  return new Promise((resolve, reject) => {
    const hash = createHash("sha256");
    let received = 0;
    const rest: Buffer[] = [];
    const closed = (): void => reject(new Error(`the connection ended after ${received} of ${bytes} bytes`));
    const finish = (): void => {
      if (received < bytes + digestBytes) return;
      socket.off("data", take).off("close", closed);
      resolve({ own: verified ? hash.digest() : Buffer.alloc(DIGEST_BYTES), told: Buffer.concat(rest) });
    };
    const take = (chunk: Buffer): void => {
      const body = chunk.subarray(0, Math.max(0, bytes - received));
      if (verified) hash.update(body);
      if (body.length < chunk.length) rest.push(chunk.subarray(body.length));
      received += chunk.length;
      finish();
    };
    socket.on("data", take).once("close", closed);
    finish();
  });
}
