/**
 * Answers of qkd-module 0.9. The original prints Python's `repr`, for `eval`. Here a client that does not say otherwise
 * gets a literal that `eval` and JSON both read: no key and no KSID are "", keys are lists of integers.
 */
import { type CommonValue, printLiteral } from "../python-literal/print.ts";
import { printPythonRepr } from "../python-literal/repr.ts";
import type { Ksid } from "../types.ts";
import { V09_STATUS } from "./codes.ts";

/** How an answer is written: `common` to Python and JSON, as `json`, or as the original's `repr`. */
export type Rendering = "common" | "json" | "repr";

type Value = null | number | string | Uint8Array | readonly Value[];

export interface LiteralAnswer {
  readonly httpStatus: 200 | 400 | 503;
  readonly contentType: string;
  readonly body: string;
}

const RENDERINGS = {
  common: { contentType: "text/plain; charset=utf-8", print: (value: Value) => printLiteral(withoutNulls(value)) },
  json: { contentType: "application/json", print: (value: Value) => JSON.stringify(withoutBytes(value)) },
  repr: { contentType: "application/x-python-literal", print: printPythonRepr },
} as const satisfies Record<Rendering, { contentType: string; print: (value: Value) => string }>;

const withoutNulls = (value: Value): CommonValue =>
  value === null ? "" : Array.isArray(value) ? value.map(withoutNulls) : (value as CommonValue);

const withoutBytes = (value: Value): unknown =>
  value instanceof Uint8Array ? [...value] : Array.isArray(value) ? value.map(withoutBytes) : value;

/** @param accept the request's header: the first of the two types that it names, whatever their weights */
export function renderingOf(accept: string | null): Rendering {
  for (const range of (accept ?? "").split(",")) {
    const type = range.split(";", 1)[0]?.trim().toLowerCase();
    if (type === RENDERINGS.json.contentType) return "json";
    if (type === RENDERINGS.repr.contentType) return "repr";
  }
  return "common";
}

function answer(httpStatus: 200 | 400, value: Value, rendering: Rendering): LiteralAnswer {
  const { contentType, print } = RENDERINGS[rendering];
  return { httpStatus, contentType, body: print(value) };
}

export const opened = (ksid: Ksid, rendering: Rendering): LiteralAnswer =>
  answer(200, [ksid, V09_STATUS.SUCCESSFUL], rendering);

/** @param ksid as asked for; null where none was. The original writes its `str(None)` */
export const openFailed = (ksid: Ksid | null, rendering: Rendering): LiteralAnswer =>
  answer(400, [rendering === "repr" ? (ksid ?? "None") : ksid, V09_STATUS.NO_QKD_CONNECTION_AVAILABLE], rendering);

export const keyGiven = (key: Uint8Array, index: number, rendering: Rendering): LiteralAnswer =>
  answer(200, [key, index, V09_STATUS.SUCCESSFUL], rendering);

/** @param index as asked for; null where the first available was, or nobody can tell */
export const keyRefused = (index: number | null, rendering: Rendering): LiteralAnswer =>
  answer(400, [null, index ?? -1, V09_STATUS.INSUFFICIENT_KEY_AVAILABLE], rendering);

export const closed = (rendering: Rendering): LiteralAnswer => answer(200, V09_STATUS.SUCCESSFUL, rendering);

export const closeFailed = (rendering: Rendering): LiteralAnswer =>
  answer(400, V09_STATUS.NO_QKD_CONNECTION_AVAILABLE, rendering);

export const keysAvailable = (count: number, rendering: Rendering): LiteralAnswer => answer(200, [count], rendering);

/** Of /sync and /start, which are not literals. */
export const PEER_OK: LiteralAnswer = { httpStatus: 200, contentType: "text/plain; charset=utf-8", body: "OK" };
export const PEER_FAILED: LiteralAnswer = { ...PEER_OK, httpStatus: 503, body: "Internal Server Error" };
