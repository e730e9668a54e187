/** The head of an HTTP exchange on the wire: its length as u32, big-endian, then JSON. For both ends. */
import * as v from "valibot";
import { decodeUtf8, parseJson } from "../bytes/json.ts";
import { LIMITS } from "../limits.ts";
import type { RequestHead, ResponseHead } from "./http.ts";

const LENGTH_BYTES = 4;
const HEAD_DEPTH = 3;

/** @returns null where the head is larger than `tunnelHeadBytes` */
export function encodeHead(head: RequestHead | ResponseHead): Uint8Array | null {
  const text = new TextEncoder().encode(JSON.stringify(head));
  if (text.length > LIMITS.tunnelHeadBytes) return null;
  const bytes = new Uint8Array(LENGTH_BYTES + text.length);
  new DataView(bytes.buffer).setUint32(0, text.length);
  bytes.set(text, LENGTH_BYTES);
  return bytes;
}

/** Takes a stream's first bytes, however they are cut, until the head is whole. */
export class HeadReader<T> {
  readonly #schema: v.GenericSchema<unknown, T>;
  #bytes = new Uint8Array();
  #head: T | null = null;

  /** @param schema `RequestHeadSchema` or `ResponseHeadSchema` */
  constructor(schema: v.GenericSchema<unknown, T>) {
    this.#schema = schema;
  }

  /** Null until it is whole. */
  get head(): T | null {
    return this.#head;
  }

  /** What came after the head: the beginning of the body. */
  get rest(): Uint8Array {
    return this.#head === null ? new Uint8Array() : this.#bytes;
  }

  /** @returns false where this is no head */
  push(chunk: Uint8Array): boolean {
    const bytes = this.#bytes.length === 0 ? chunk : joined(this.#bytes, chunk);
    this.#bytes = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
    if (bytes.length < LENGTH_BYTES) return true;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (length > LIMITS.tunnelHeadBytes) return false;
    if (bytes.length < LENGTH_BYTES + length) return true;
    const text = decodeUtf8(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
    const json = text.ok ? parseJson(text.value, HEAD_DEPTH) : text;
    const head = json.ok ? v.safeParse(this.#schema, json.value) : null;
    if (head?.success !== true) return false;
    this.#head = head.output;
    this.#bytes = this.#bytes.subarray(LENGTH_BYTES + length);
    return true;
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
