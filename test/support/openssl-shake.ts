/** SHAKE256 by OpenSSL, for tests that make megabytes of it. */
import { createHash } from "node:crypto";

export const shakeOf = (label: string, bytes: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createHash("shake256", { outputLength: bytes }).update(label).digest());
