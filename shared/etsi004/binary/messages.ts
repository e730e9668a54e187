/**
 * The messages of ETSI's gs004-app-int and its Python port, and the frames they travel in. Header of 8 bytes: 01 00 01,
 * type u8, length of the payload u32; all numbers big-endian. A client sends requests, the key manager answers each with
 * one response, in order.
 */
import { LIMITS } from "../../limits.ts";
import { KSID_BYTES } from "../ksid.ts";
import type { Qos } from "../qos.ts";
import type { Ksid } from "../types.ts";

export const VERSION_BYTES = [1, 0, 1] as const;
export const HEADER_BYTES = 8;
/** The members of QOS that are u32, in their order, and room for the MIME type. */
export const QOS_NUMBERS = [
  "chunkBytes",
  "maxBps",
  "minBps",
  "jitterBps",
  "priority",
  "timeoutMs",
  "ttlSeconds",
] as const satisfies readonly (keyof Qos)[];
export const MIMETYPE_BYTES = 256;
export const QOS_BYTES = 4 * QOS_NUMBERS.length + MIMETYPE_BYTES;
/** After the two texts of an OPEN_CONNECT request; and after the status of its response. */
export const OPEN_TAIL_BYTES = QOS_BYTES + KSID_BYTES;

/** Lengths are of the payload. */
export const FRAME_TYPES = {
  "open-request": { wire: 0x02, minBytes: 2 + OPEN_TAIL_BYTES, maxBytes: LIMITS.streamFrameBytes },
  "open-response": { wire: 0x03, minBytes: 4, maxBytes: 4 + OPEN_TAIL_BYTES },
  "get-key-request": { wire: 0x04, minBytes: KSID_BYTES + 8, maxBytes: KSID_BYTES + 8 },
  "get-key-response": { wire: 0x05, minBytes: 4, maxBytes: LIMITS.streamFrameBytes },
  "close-request": { wire: 0x08, minBytes: KSID_BYTES, maxBytes: KSID_BYTES },
  "close-response": { wire: 0x09, minBytes: 4, maxBytes: 4 },
} as const;

export type FrameType = keyof typeof FRAME_TYPES;

export interface OpenRequest {
  readonly type: "open-request";
  readonly source: string;
  readonly destination: string;
  readonly qos: Qos;
  /** Null, on the wire zeros: to be allocated. */
  readonly ksid: Ksid | null;
}

export interface GetKeyRequest {
  readonly type: "get-key-request";
  readonly ksid: Ksid;
  readonly index: number;
  /** Capacity for metadata; 0: none wanted. */
  readonly metadataSize: number;
}

export interface CloseRequest {
  readonly type: "close-request";
  readonly ksid: Ksid;
}

export interface OpenResponse {
  readonly type: "open-response";
  readonly status: number;
  /** With statuses 0 and 7, and with no other: QoS in force, or what could be had. */
  readonly stream: { readonly qos: Qos; readonly ksid: Ksid } | null;
}

export interface GetKeyResponse {
  readonly type: "get-key-response";
  readonly status: number;
  /** With status 0, and with no other. */
  readonly chunk: { readonly index: number; readonly key: Uint8Array; readonly metadata: string } | null;
  /** Of the metadata; with status 8, and with no other. */
  readonly neededSize: number | null;
}

export interface CloseResponse {
  readonly type: "close-response";
  readonly status: number;
}

export type Request = OpenRequest | GetKeyRequest | CloseRequest;
export type Response = OpenResponse | GetKeyResponse | CloseResponse;
export type Message = Request | Response;
export type MessageOf<T extends FrameType> = Extract<Message, { readonly type: T }>;

/** Statuses whose responses have a body. */
export const hasStream = (status: number): boolean => status === 0 || status === 7;
export const hasChunk = (status: number): boolean => status === 0;
export const hasNeededSize = (status: number): boolean => status === 8;

/** Of a chunk and its metadata in one response. */
export const MAX_CHUNK_AND_METADATA_BYTES = LIMITS.streamFrameBytes - 16;

/** What breaks the protocol. Where frames can no longer be told apart, the connection has to end. */
export type FrameFault = "bad-version" | "unknown-type" | "bad-length" | "bad-text" | "bad-body";
