/** Random texts for what forms make anew. */
import { toBase64 } from "../../shared/bytes/base64.ts";
import { toHex } from "../../shared/bytes/hex.ts";

const bytes = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32));

/** 64 hex digits. */
export const newSeed = (): string => toHex(bytes());

/** A bearer token: 256 random bits. */
export const newToken = (): string => toBase64(bytes()).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
