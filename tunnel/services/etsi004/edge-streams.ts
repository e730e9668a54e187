/** OPEN_CONNECT, GET_KEY and CLOSE as the edge serves them natively (`/api/v1/streams`), for one SAE and one binding. */
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { qosMembers, qosOf, StreamQosSchema } from "../../../shared/etsi004/native/qos.ts";
import type { ProfileName } from "../../../shared/etsi004/profiles.ts";
import type { Qos } from "../../../shared/etsi004/qos.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { ksidOfText } from "../../../shared/etsi004/ksid.ts";
import { STATUS } from "../../../shared/etsi004/status.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { isRetryable } from "../../../shared/retry.ts";
import { type EdgeBytes, failureOf, retryAfterMs } from "../../agent/link/edge.ts";
import { messageIn } from "../../http/message-in.ts";
import type { Log } from "../../log.ts";
import type { Ask } from "./as-agent.ts";

export interface OpenWish {
  readonly source: string;
  readonly destination: string;
  /** Null: to be allocated. */
  readonly ksid: Ksid | null;
  readonly qos: Qos;
}

export interface Opened {
  readonly status: number;
  readonly ksid: Ksid | null;
  /** In force, or what could be had; null where the status tells of none. */
  readonly qos: Qos | null;
  readonly message: string | null;
}

export interface KeyWish {
  readonly ksid: Ksid;
  /** Null: the next one. */
  readonly index: number | null;
  /** Capacity for metadata; 0: none wanted. */
  readonly metadataSize: number;
}

export interface KeyGiven {
  readonly status: number;
  readonly index: number;
  /** Empty but with status 0. Whoever gets it wipes it. */
  readonly key: Uint8Array;
  readonly metadata: string;
  /** Of status 8. */
  readonly neededSize: number | null;
}

/** Chunks by index, all or none. */
export interface KeysGiven {
  readonly status: number;
  /** The chunks in the order of the indices, concatenated; empty but with status 0. Whoever gets it wipes it. */
  readonly keys: Uint8Array;
}

/** The edge did not come to a status: it was `late`, `away`, or would not (`refused`). */
export interface NoStatus {
  readonly reason: "late" | "away" | "refused";
  readonly message: string;
}

export interface EdgeStreams {
  open(wish: OpenWish, signal: AbortSignal): Promise<Result<Opened, NoStatus>>;
  getKey(wish: KeyWish, signal: AbortSignal): Promise<Result<KeyGiven, NoStatus>>;
  /** At most LIMITS.streamChunksAtOnce chunks in one call: qkd-module's own, and so of that binding only. */
  getKeys(ksid: Ksid, indices: readonly number[], signal: AbortSignal): Promise<Result<KeysGiven, NoStatus>>;
  close(ksid: Ksid, signal: AbortSignal): Promise<Result<{ readonly status: number }, NoStatus>>;
}

const code = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));
const common = { status: code, message: v.optional(v.string()) };
/** What the calls answer, whether they succeed or not: see shared/etsi004/native. */
const OpenedSchema = v.object({
  ...common,
  key_stream_ID: v.optional(v.string(), ""),
  QOS: v.optional(StreamQosSchema),
});
const KeySchema = v.object({
  ...common,
  index: v.optional(v.number(), 0),
  Key_buffer: v.optional(v.string(), ""),
  Metadata: v.optional(v.string(), ""),
  Metadata_size: v.optional(v.number()),
});
const StatusSchema = v.object(common);
/** See shared/etsi004/qkd-module. */
const KeysSchema = v.object({
  ...common,
  indexes: v.optional(v.array(v.number()), []),
  keys: v.optional(v.array(v.string()), []),
});

/** A length of 0 is left to the system by leaving it out. */
function qosWish(qos: Qos): object {
  const { Key_chunk_size: chunkBytes, ...others } = qosMembers(qos);
  return chunkBytes === 0 ? others : { Key_chunk_size: chunkBytes, ...others };
}

const STREAMS = "/api/v1/streams";
const MODULE_GET_KEY = "/api/v1/qkdm/actions/get_key";
/** Above the longest Timeout that a stream can have. */
const PATIENCE_MS = LIMITS.streamTimeoutMs + LIMITS.agentRequestMs;

export interface EdgeStreamsOptions {
  readonly ask: Ask;
  readonly binding: ProfileName;
  readonly log: Log;
}

export function edgeStreams({ ask, binding, log }: EdgeStreamsOptions): EdgeStreams {
  const call = async <Schema extends v.GenericSchema>(
    path: string,
    body: object,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<Result<v.InferOutput<Schema>, NoStatus>> => {
    for (let waitedMs = 0; ;) {
      const answered = await post(ask, path, { ...body, binding }, signal);
      if (!answered.ok) {
        log("warn", "the edge cannot be asked", { reason: answered.error.message });
        return answered;
      }
      const { status: http, json, pauseMs } = answered.value;
      const parsed = v.safeParse(schema, json);
      // qkd-module's clients are told status 4 of an edge that is busy: the header tells which it is.
      if (parsed.success && !answered.value.isBusy) return ok(parsed.output);
      const message = messageIn(json) ?? `the edge answers ${http}`;
      const isBusy = isRetryable(http);
      if (!isBusy || signal.aborted || waitedMs + pauseMs > LIMITS.localBusyMs) {
        log("warn", "the edge refuses", { http, reason: message });
        return err({ reason: isBusy ? "late" : "refused", message });
      }
      // Without a status nothing was done, and nothing consumed.
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      waitedMs += pauseMs;
    }
  };
  return {
    async open({ source, destination, ksid, qos }, signal) {
      const wish = { source, destination, ...(ksid === null ? {} : { key_stream_ID: ksid }), QOS: qosWish(qos) };
      const opened = await call(STREAMS, wish, OpenedSchema, signal);
      if (!opened.ok) return opened;
      const { status: opening, key_stream_ID: id, QOS: told, message = null } = opened.value;
      return ok({ status: opening, message, ksid: ksidOfText(id), qos: told === undefined ? null : qosOf(told) });
    },
    async getKey({ ksid, index, metadataSize }, signal) {
      const wish = { ...(index === null ? {} : { index }), Metadata_size: metadataSize };
      const given = await call(`${STREAMS}/${ksid}/get_key`, wish, KeySchema, signal);
      if (!given.ok) return given;
      const {
        status: getting,
        index: at,
        Key_buffer: key,
        Metadata: metadata,
        Metadata_size: neededSize,
      } = given.value;
      return ok({
        status: getting,
        index: at,
        key: Buffer.from(key, "base64"),
        metadata,
        neededSize: neededSize ?? null,
      });
    },
    async getKeys(ksid, indices, signal) {
      const given = await call(MODULE_GET_KEY, { key_stream_ID: ksid, indexes: indices }, KeysSchema, signal);
      if (!given.ok) return given;
      const { status: getting, indexes: told, keys } = given.value;
      if (getting !== STATUS.success) return ok({ status: getting, keys: new Uint8Array() });
      const isAsked = told.length === indices.length && indices.every((index, at) => told[at] === index);
      if (!isAsked || keys.length !== told.length) return err({ reason: "refused", message: "other chunks came" });
      return ok({ status: getting, keys: joined(keys) });
    },
    close: (ksid, signal) => call(`${STREAMS}/${ksid}/close`, {}, StatusSchema, signal),
  };
}

function joined(keys: readonly string[]): Uint8Array {
  const parts = keys.map((key) => Buffer.from(key, "base64"));
  try {
    return Buffer.concat(parts);
  } finally {
    for (const part of parts) part.fill(0);
  }
}

interface Answered {
  readonly status: number;
  readonly json: unknown;
  /** Whatever it says besides: later, and nothing was done. */
  readonly isBusy: boolean;
  /** Before asking again, where that makes sense. */
  readonly pauseMs: number;
}

async function post(ask: Ask, path: string, body: object, signal: AbortSignal): Promise<Result<Answered, NoStatus>> {
  const timely = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  const content = { bytes: Buffer.from(JSON.stringify(body)), contentType: "application/json" };
  try {
    return ok(readJson(await ask({ method: "POST", path, body: content }, timely)));
  } catch (thrown) {
    return err({ reason: isLate(thrown) ? "late" : "away", message: failureOf(thrown) });
  }
}

const isLate = (thrown: unknown): boolean => thrown instanceof Error && thrown.name === "TimeoutError";

/** The bytes are wiped: they may hold key. */
function readJson({ status, headers, bytes }: EdgeBytes): Answered {
  const laterMs = retryAfterMs(headers);
  const about = {
    status,
    isBusy: isRetryable(status) && laterMs !== null,
    pauseMs: Math.max(LIMITS.localEdgePauseMs, laterMs ?? 0),
  };
  try {
    return { ...about, json: JSON.parse(bytes.toString("utf8")) as unknown };
  } catch {
    return { ...about, json: null };
  } finally {
    bytes.fill(0);
  }
}
