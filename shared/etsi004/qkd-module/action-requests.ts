/**
 * Requests of qkd-module 1.0, `/api/v1/qkdm/actions/...`: JSON objects, unknown members ignored. The original turns
 * whatever it gets into text; here members have types.
 */
import * as v from "valibot";
import { type Fault, fail, type JsonValue } from "../../errors/errors.ts";
import { parseMembers } from "../../errors/members.ts";
import { LIMITS } from "../../limits.ts";
import { boundedList } from "../../network/bounded-list.ts";
import { ok, type Result } from "../../result.ts";
import { NO_WISHES, type Qos } from "../qos.ts";
import type { Ksid } from "../types.ts";
import { anyKsid, integerFrom, lengthBits, newKsid, text, u32, uri } from "../wire-schemas.ts";

const OBJECT = "shall be a JSON object";
const MAX_INDEXES = LIMITS.streamChunksAtOnce;

/** A key of no bytes is none: to leave its length to the system it is left out. */
const someBits = v.pipe(lengthBits, v.minValue(8, "shall be at least 8"));

/**
 * The original stores what it gets and never looks at it, its API page says a list of anything. Read here: 004's
 * `key_chunk_size` (bytes) before 0.9's `length` (bits), and `timeout` (ms); other members are ignored.
 */
const QosParametersSchema = v.object(
  { key_chunk_size: v.nullish(integerFrom(1)), length: v.nullish(someBits), timeout: v.nullish(u32) },
  OBJECT,
);

const qosList = boundedList(QosParametersSchema, LIMITS.streamQosObjects);

export const OpenConnectSchema = v.object(
  {
    source: uri,
    destination: uri,
    key_stream_ID: v.nullish(newKsid),
    qos_parameters: v.nullish(
      v.union([qosList, QosParametersSchema], "shall be an object, or a list of them, whose numbers are uint32"),
    ),
  },
  OBJECT,
);
const indexes = v.pipe(
  boundedList(u32, MAX_INDEXES, { type: "shall be a list", length: `shall hold at most ${MAX_INDEXES} indexes` }),
  v.nonEmpty("shall not be empty"),
  v.check((list) => new Set(list).size === list.length, "shall not hold an index twice"),
);
/** `metadata` is taken and ignored: the answer has no place for it. */
export const IndexesSchema = v.object({ key_stream_ID: anyKsid, indexes }, OBJECT);
export const KsidSchema = v.object({ key_stream_ID: anyKsid }, OBJECT);
export const OpenStreamSchema = v.object({ key_stream_ID: newKsid, source: uri, destination: uri }, OBJECT);
export const AttachSchema = v.object(
  {
    qks_src_IP: text,
    qks_src_port: v.pipe(integerFrom(1), v.maxValue(65_535, "shall be a TCP port")),
    qks_src_ID: text,
    qks_dest_ID: text,
  },
  OBJECT,
);

export interface OpenConnectRequest {
  readonly source: string;
  readonly destination: string;
  /** Null: to be allocated. */
  readonly ksid: Ksid | null;
  readonly qos: Qos;
}

/** A stream that should be there. */
export interface StreamRequest {
  /** Null: text that is no UUID, so there is no such stream. */
  readonly ksid: Ksid | null;
}

/** Of get_key and check_id. */
export interface IndexesRequest extends StreamRequest {
  readonly indices: readonly number[];
}

export interface OpenStreamRequest {
  readonly ksid: Ksid;
  readonly source: string;
  readonly destination: string;
}

export interface AttachRequest {
  readonly sourceHost: string;
  readonly sourcePort: number;
  readonly sourceId: string;
  readonly destinationId: string;
}

type QosParameters = v.InferOutput<typeof QosParametersSchema>;

function qosOf(given: QosParameters | readonly QosParameters[] | null | undefined): Qos {
  const all = Object.assign({}, ...[given ?? {}].flat()) as QosParameters;
  const chunkBytes = all.key_chunk_size ?? (all.length ?? 0) / 8;
  return { ...NO_WISHES, chunkBytes, timeoutMs: all.timeout ?? 0 };
}

/** The functions below take a body, already JSON. @returns `bad-request` naming every member that is wrong */
export function parseOpenConnect(body: JsonValue): Result<OpenConnectRequest, Fault> {
  const parsed = parseMembers(OpenConnectSchema, body, "open_connect");
  if (!parsed.ok) return parsed;
  const { source, destination, key_stream_ID: ksid, qos_parameters: qos } = parsed.value;
  return ok({ source, destination, ksid: ksid ?? null, qos: qosOf(qos) });
}

/** Body of get_key or check_id. */
export function parseIndexes(body: JsonValue): Result<IndexesRequest, Fault> {
  const parsed = parseMembers(IndexesSchema, body, "the request");
  return parsed.ok ? ok({ ksid: parsed.value.key_stream_ID, indices: parsed.value.indexes }) : parsed;
}

/** Body of close or exchange. */
export function parseStream(body: JsonValue): Result<StreamRequest, Fault> {
  const parsed = parseMembers(KsidSchema, body, "the request");
  return parsed.ok ? ok({ ksid: parsed.value.key_stream_ID }) : parsed;
}

export function parseOpenStream(body: JsonValue): Result<OpenStreamRequest, Fault> {
  const parsed = parseMembers(OpenStreamSchema, body, "open_stream");
  if (!parsed.ok) return parsed;
  const { key_stream_ID: ksid, source, destination } = parsed.value;
  return ok({ ksid, source, destination });
}

export function parseAttach(body: JsonValue): Result<AttachRequest, Fault> {
  const parsed = parseMembers(AttachSchema, body, "attach");
  if (!parsed.ok) return parsed;
  const { qks_src_IP, qks_src_port, qks_src_ID, qks_dest_ID } = parsed.value;
  return ok({ sourceHost: qks_src_IP, sourcePort: qks_src_port, sourceId: qks_src_ID, destinationId: qks_dest_ID });
}

/** What get_id is asked for: how many indexes there are; or which, the first `max` or (null) all. */
export type IdsWanted = { readonly answer: "count" } | { readonly answer: "indexes"; readonly max: number | null };

/** Query of get_id. @returns `bad-request` for a `count` below -1, or that is no integer */
export function parseIdsWanted(query: URLSearchParams): Result<IdsWanted, Fault> {
  const count = query.get("count");
  if (count === null) return ok({ answer: "count" });
  if (count === "-1") return ok({ answer: "indexes", max: null });
  if (!/^[0-9]{1,9}$/.test(count)) return fail("bad-request", "query count: shall be -1 or an integer from 0");
  return ok({ answer: "indexes", max: Number(count) });
}
