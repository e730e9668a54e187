/** The hybridization module's JSON over TCP, as an application has it. */
import { JsonSplitter } from "../../../../shared/etsi004/json-tcp/splitter.ts";
import type { Qos } from "../../../../shared/etsi004/qos.ts";
import type { Reach } from "../reach.ts";
import { Line, type LineCodec } from "./line.ts";

export type JsonAnswer = Readonly<Record<string, unknown>>;
export type JsonLine = Line<JsonAnswer>;

export const openJson = async (reach: Reach): Promise<JsonLine> => await Line.open(reach, jsonAnswers());

/** One request. */
export const command = (name: string, data: object): string => JSON.stringify({ command: name, data });

/** Sends a request and reads its answer. @throws Error where none comes */
export const askJson = async (line: JsonLine, name: string, data: object): Promise<JsonAnswer> =>
  await line.ask(command(name, data));

/** All eight members: the original hangs up where one is missing. */
export const jsonQos = (qos: Qos) => ({
  key_chunk_size: qos.chunkBytes,
  max_bps: qos.maxBps,
  min_bps: qos.minBps,
  jitter: qos.jitterBps,
  priority: qos.priority,
  timeout: qos.timeoutMs,
  ttl: qos.ttlSeconds,
  metadata_mimetype: qos.metadataMimetype,
});

export function jsonAnswers(): LineCodec<JsonAnswer> {
  const splitter = new JsonSplitter();
  return {
    read: (segment) =>
      splitter.push(segment).map((piece) => {
        if (piece.kind !== "object") throw new Error(`what comes is no JSON object: ${piece.kind}`);
        return JSON.parse(piece.text) as JsonAnswer;
      }),
    shown: ({ key_buffer: key, ...rest }) =>
      JSON.stringify(
        key === undefined ? rest : { ...rest, key_buffer: `[${Array.isArray(key) ? key.length : "?"} bytes]` },
      ),
  };
}
