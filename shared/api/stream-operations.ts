/** ETSI GS QKD 004 V2.1.1: the three calls, as JSON of our own (`shared/etsi004/native`), and key pushed over WebSocket. */
import {
  OpenConnectSchema,
  StreamCloseSchema,
  StreamClosedSchema,
  StreamFailedSchema,
  StreamGetKeySchema,
  StreamKeySchema,
  StreamOpenedSchema,
} from "../etsi004/native/bodies.ts";
import { LIMITS } from "../limits.ts";
import { json, jsonRequest, type Operation } from "./operation.ts";

export const EXAMPLE_KSID = "0c6bdf05-b1a8-4d8a-b0a6-2d5b1b9f3f14";
const PATH = "/api/v1/streams/{key_stream_ID}";
const ksid = { key_stream_ID: "UUID of the stream, in any case." };
const maxBytes = LIMITS.streamJsonBytes;
/** What clients of every binding may be told. */
export const STREAM_ERRORS = ["forbidden", "body-too-large", "audit-full"] as const;
const failed = (description: string) => json(description, StreamFailedSchema);

export const STREAMS = {
  postStreams: {
    method: "post",
    path: "/api/v1/streams",
    tag: "Streams",
    summary: "OPEN_CONNECT",
    description:
      "ETSI GS QKD 004 clause 5. Without a key_stream_ID one is allocated (UUID v4) and answered at once, for the application at the other end to be told. With one, the answer waits for the other end, up to QOS.Timeout. `source` and `destination`: an SAE's id or one of its addresses, or a URI that names an SAE or a node: see docs/network-document.md. Status 4 (503): no QKD connection, or nobody of this name.",
    action: "streams.use",
    request: jsonRequest("Who with whom, and how", OpenConnectSchema, {
      required: true,
      maxBytes,
      example: { destination: "sae-c", QOS: { Key_chunk_size: 32, Timeout: 5000 } },
    }),
    responses: {
      200: json("Status 0; or 1: open, the other end is not there yet", StreamOpenedSchema),
      409: failed("Status 5: other applications use this key_stream_ID"),
      422: failed("Status 7: the QOS cannot be met; the answer holds one that can"),
      504: failed("Status 6: the other end did not come in QOS.Timeout"),
    },
    errors: STREAM_ERRORS,
    curl: `/api/v1/streams -d '{"destination":"sae-c","QOS":{"Key_chunk_size":32}}'`,
  },
  postStreamKey: {
    method: "post",
    path: `${PATH}/get_key`,
    tag: "Streams",
    summary: "GET_KEY",
    description:
      "ETSI GS QKD 004 clause 5. One chunk of exactly QOS.Key_chunk_size bytes: the next one of this end, or that of an index. The same index gives both ends the same bytes, each of them once. Status 2 (503): not enough key.",
    action: "streams.use",
    pathParameters: ksid,
    request: jsonRequest("Which chunk, and room for metadata", StreamGetKeySchema, {
      required: false,
      maxBytes,
      example: { index: 0, Metadata_size: 64 },
    }),
    responses: {
      200: json("The chunk", StreamKeySchema),
      404: failed("Status 9: no stream of this key_stream_ID that the caller has opened"),
      409: failed("Status 3: the other end has not opened the stream yet"),
      422: failed("Status 8: Metadata_size is too small for the metadata; no key was taken"),
      504: failed("Status 6: there was no key in QOS.Timeout"),
    },
    errors: STREAM_ERRORS,
    curl: `/api/v1/streams/${EXAMPLE_KSID}/get_key -X POST`,
  },
  postStreamClose: {
    method: "post",
    path: `${PATH}/close`,
    tag: "Streams",
    summary: "CLOSE",
    description:
      "ETSI GS QKD 004 clause 5. No more key for the caller. The other end may still fetch the chunks that were made, until QOS.TTL.",
    action: "streams.use",
    pathParameters: ksid,
    request: jsonRequest("Nothing, or the binding", StreamCloseSchema, { required: false, maxBytes, example: {} }),
    responses: {
      200: json("Closed", StreamClosedSchema),
      404: failed("Status 9: no stream of this key_stream_ID that the caller has opened"),
    },
    errors: STREAM_ERRORS,
    curl: `/api/v1/streams/${EXAMPLE_KSID}/close -X POST`,
  },
  getStreamSocket: {
    method: "get",
    path: `${PATH}/ws`,
    tag: "Streams",
    summary: "A flow of key over WebSocket",
    description:
      "Chunks of a stream that the caller has opened, pushed at the agreed rate as far as the caller grants credit. Not for pages of other origins.",
    action: "streams.use",
    pathParameters: ksid,
    responses: { 101: { description: "The WebSocket" } },
    errors: ["forbidden", "not-found", "upgrade-required"],
    streams: true,
    curl: `/api/v1/streams/${EXAMPLE_KSID}/ws`,
  },
} as const satisfies Record<string, Operation>;
