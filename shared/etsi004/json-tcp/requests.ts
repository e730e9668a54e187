/**
 * Requests of the hybridization module's protocol: `{"command":"OPEN_CONNECT","data":{...}}`. Unknown members are
 * ignored, and so is the metadata of GET_KEY, which the answer has no place for.
 */
import * as v from "valibot";
import { parseJson } from "../../bytes/json.ts";
import { parseMembers } from "../../errors/members.ts";
import { LIMITS } from "../../limits.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Qos } from "../qos.ts";
import type { Ksid } from "../types.ts";
import { anyKsid, mimetype, text, u32, uri } from "../wire-schemas.ts";
import { type Answer, INVALID_JSON, refused, UNKNOWN_COMMAND } from "./answers.ts";

const OBJECT = "shall be an object";

/** All members are required, as the original has it; 0 is what its clients send for "as you like". */
export const QosSchema = v.object(
  {
    key_chunk_size: u32,
    max_bps: u32,
    min_bps: u32,
    jitter: u32,
    priority: u32,
    timeout: u32,
    ttl: u32,
    metadata_mimetype: mimetype,
  },
  OBJECT,
);
export const OpenDataSchema = v.object({ source: uri, destination: uri, qos: QosSchema }, OBJECT);
export const GetKeyDataSchema = v.object({ key_stream_id: anyKsid, index: u32 }, OBJECT);
export const CloseDataSchema = v.object({ key_stream_id: anyKsid }, OBJECT);
const EnvelopeSchema = v.object({ command: text, data: v.optional(v.unknown(), {}) });

export interface OpenRequest {
  readonly command: "OPEN_CONNECT";
  readonly source: string;
  readonly destination: string;
  readonly qos: Qos;
}

export interface GetKeyRequest {
  readonly command: "GET_KEY";
  /** Null: no such stream. */
  readonly ksid: Ksid | null;
  readonly index: number;
}

export interface CloseRequest {
  readonly command: "CLOSE";
  /** Null: no such stream. */
  readonly ksid: Ksid | null;
}

export type Request = OpenRequest | GetKeyRequest | CloseRequest;
export type Command = Request["command"];

const qosOf = (qos: v.InferOutput<typeof QosSchema>): Qos => ({
  chunkBytes: qos.key_chunk_size,
  maxBps: qos.max_bps,
  minBps: qos.min_bps,
  jitterBps: qos.jitter,
  priority: qos.priority,
  timeoutMs: qos.timeout,
  ttlSeconds: qos.ttl,
  metadataMimetype: qos.metadata_mimetype,
});

function parseData<Schema extends v.GenericSchema, R extends Request>(
  schema: Schema,
  data: unknown,
  requestOf: (data: v.InferOutput<Schema>) => R,
): Result<R, Answer> {
  const parsed = parseMembers(schema, data, "data");
  return parsed.ok ? ok(requestOf(parsed.value)) : err(refused(parsed.error));
}

const READERS: { readonly [C in Command]: (data: unknown) => Result<Request, Answer> } = {
  OPEN_CONNECT: (data) =>
    parseData(OpenDataSchema, data, ({ source, destination, qos }) => ({
      command: "OPEN_CONNECT",
      source,
      destination,
      qos: qosOf(qos),
    })),
  GET_KEY: (data) =>
    parseData(GetKeyDataSchema, data, ({ key_stream_id: ksid, index }) => ({ command: "GET_KEY", ksid, index })),
  CLOSE: (data) => parseData(CloseDataSchema, data, ({ key_stream_id: ksid }) => ({ command: "CLOSE", ksid })),
};

const isCommand = (name: string): name is Command => Object.hasOwn(READERS, name);

/** @returns the request, or the answer to give instead: INVALID_JSON, UNKNOWN_COMMAND, or what is wrong with `data` */
export function parseRequest(json: string): Result<Request, Answer> {
  const body = parseJson(json, LIMITS.jsonDepth);
  if (!body.ok) return err(INVALID_JSON);
  const envelope = parseMembers(EnvelopeSchema, body.value, "the request");
  if (!envelope.ok || !isCommand(envelope.value.command)) return err(UNKNOWN_COMMAND);
  return READERS[envelope.value.command](envelope.value.data);
}
