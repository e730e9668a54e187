/**
 * Answers of qkd-module 1.0: HTTP 200 with status 0, 503 with any other status and its message, 400 for a body that
 * cannot be used.
 */
import { toBase64 } from "../../bytes/base64.ts";
import type { Fault, FaultDetail } from "../../errors/errors.ts";
import type { Ksid } from "../types.ts";
import { MODULE_MESSAGES, MODULE_STATUS, type ModuleStatusName } from "./codes.ts";

export interface ActionAnswer {
  readonly httpStatus: 200 | 400 | 503;
  readonly body:
    | { readonly status: number; readonly message: string }
    | { readonly status: 0; readonly key_stream_ID: string }
    | { readonly status: 0; readonly indexes: readonly number[]; readonly keys: readonly string[] }
    | { readonly status: 0; readonly available_indexes: number | readonly number[] }
    | { readonly message: string; readonly details?: readonly FaultDetail[] };
}

export const streamOpened = (ksid: Ksid): ActionAnswer => ({
  httpStatus: 200,
  body: { status: 0, key_stream_ID: ksid },
});

/** @param key of `get_key`: chunks of `chunkBytes` each, concatenated, in the order of `indices` */
export const keysGiven = (indices: readonly number[], key: Uint8Array, chunkBytes: number): ActionAnswer => ({
  httpStatus: 200,
  body: {
    status: 0,
    indexes: indices,
    keys: indices.map((_, at) => toBase64(key.subarray(at * chunkBytes, (at + 1) * chunkBytes))),
  },
});

/** @param available how many, or which, as was asked */
export const idsAvailable = (available: number | readonly number[]): ActionAnswer => ({
  httpStatus: 200,
  body: { status: 0, available_indexes: available },
});

/** Of close, check_id, attach, open_stream and exchange; and of every action that failed. */
export const statusAnswer = (status: ModuleStatusName): ActionAnswer => ({
  httpStatus: status === "success" ? 200 : 503,
  body: { status: MODULE_STATUS[status], message: MODULE_MESSAGES[status] },
});

/** `json`: of a body. `argument`: of get_id's query. The text is the original's; what is wrong stands in `details`. */
const BAD_REQUEST = {
  json: "bad request: request does not contains a valid json object",
  argument: "bad request: request does not contains a valid argument",
} as const;

export const badRequest = (what: keyof typeof BAD_REQUEST, fault: Fault): ActionAnswer => ({
  httpStatus: 400,
  body: { message: BAD_REQUEST[what], ...(fault.details === undefined ? {} : { details: fault.details }) },
});
