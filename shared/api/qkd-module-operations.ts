/**
 * What clients of qkd-module call, served over the same streams: 1.0 with JSON, 0.9 with Python literals. Bodies and answers
 * are those of `shared/etsi004/qkd-module`.
 */
import { LIMITS } from "../limits.ts";
import type { Body, Operation, Parameter, RequestBody } from "./operation.ts";
import { EXAMPLE_KSID, STREAM_ERRORS } from "./stream-operations.ts";

const ACTIONS = "/api/v1/qkdm/actions";
const UUIDS = { 1: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", 2: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb" } as const;

const answer = (description: string): Body => ({ description, contentType: "application/json" });
/** 0: success. Any other status comes with 503, as the original has it. */
const actionAnswers = { 200: answer("Status 0") } as const;
const action = (name: string, summary: string, example: { readonly [member: string]: unknown }) =>
  ({
    method: "post",
    path: `${ACTIONS}/${name}`,
    tag: "QKD module",
    summary: `qkd-module 1.0: ${summary}`,
    action: "streams.use",
    request: {
      description: "A JSON object, whatever its Content-Type",
      contentType: "application/json",
      required: true,
      maxBytes: LIMITS.streamJsonBytes,
      example,
    },
    responses: actionAnswers,
    errors: STREAM_ERRORS,
    curl: `${ACTIONS}/${name} -d '${JSON.stringify(example)}'`,
  }) as const;

const ids = { key_stream_ID: EXAMPLE_KSID, indexes: [0, 1] };
const getId = (name: string) =>
  ({
    method: "get",
    path: `${ACTIONS}/${name}/{key_stream_ID}`,
    tag: "QKD module",
    summary: "qkd-module 1.0: indexes of keys that can be fetched",
    action: "streams.use",
    pathParameters: { key_stream_ID: "UUID of the stream." },
    query: {
      count: {
        type: "integer",
        description: `The first so many, -1 for all; without it their number is told. At most ${LIMITS.streamAheadChunks} can be had at once.`,
      },
    } satisfies Record<string, Parameter>,
    responses: actionAnswers,
    errors: ["forbidden", "audit-full"],
    curl: `"${ACTIONS}/${name}/${EXAMPLE_KSID}?count=2"`,
  }) as const;

const literal = (description: string, required = true): RequestBody => ({
  description: `${description}, as a Python literal`,
  contentType: "application/x-python-literal",
  required,
  maxBytes: LIMITS.literalChars,
});
const literalAnswer = (description: string) =>
  ({
    200: {
      description: `${description}. A literal for Python and JSON alike; with the header Accept one of JSON, or of Python as 0.9 wrote it`,
      contentType: "*/*",
    },
  }) as const satisfies Operation["responses"];
const literalCall = (name: string, summary: string, asked: RequestBody, told: string, example: string) =>
  ({
    method: "post",
    path: `/${name}`,
    tag: "QKD module",
    summary: `qkd-module 0.9: ${summary}`,
    action: "streams.use",
    request: asked,
    responses: literalAnswer(told),
    errors: STREAM_ERRORS,
    curl: `/${name} -d "${example}"`,
  }) as const;

export const QKD_MODULE = {
  actionOpenConnect: action("open_connect", "OPEN_CONNECT", {
    source: `qkd://Application1@${UUIDS[1]}`,
    destination: `qkd://Application4@${UUIDS[2]}`,
  }),
  actionGetKey: action("get_key", "GET_KEY of several indexes, all or none", ids),
  actionClose: action("close", "CLOSE", { key_stream_ID: EXAMPLE_KSID }),
  actionGetId: getId("get_id"),
  actionGetIdAsDocumented: getId("get_ID"),
  actionCheckId: action("check_id", "can these indexes be fetched?", ids),
  actionCheckIdAsDocumented: action("check_ID", "can these indexes be fetched?", ids),
  actionOpenStream: action("open_stream", "the other module announces a stream", {
    key_stream_ID: EXAMPLE_KSID,
    source: "sae-a",
    destination: "sae-c",
  }),
  actionExchange: action("exchange", "the other module begins a stream", { key_stream_ID: EXAMPLE_KSID }),
  actionAttach: action("attach", "register at a key server: status 12, as the network document says whom to serve", {
    qks_src_IP: "10.0.0.1",
    qks_src_port: 4000,
    qks_src_ID: "qks-1",
    qks_dest_ID: "qks-2",
  }),
  literalOpenConnect: literalCall(
    "open_connect",
    "OPEN_CONNECT",
    literal("`[source, destination, {'timeout': ms, 'length': bits}, KSID or None]`"),
    "`[KSID, 0]`",
    "['sae-a', 'sae-c', {'timeout': 5000, 'length': 128}, None]",
  ),
  literalGetKey: literalCall(
    "get_key",
    "GET_KEY",
    literal("`[KSID, index, metadata]`; index -1: the first available"),
    "`[[bytes], index, 0]`",
    `['${EXAMPLE_KSID}', -1, None]`,
  ),
  literalClose: literalCall("close", "CLOSE", literal("`[KSID]`"), "`0`", `['${EXAMPLE_KSID}']`),
  literalAvailableKeys: literalCall(
    "available_keys",
    "how many keys are there?",
    literal("`[KSID]`; without one: of the policy's default size, over all links of the caller's node", false),
    "`[n]`",
    `['${EXAMPLE_KSID}']`,
  ),
  literalSync: {
    method: "get",
    path: "/sync",
    tag: "QKD module",
    summary: "qkd-module 0.9: the other module names a stream",
    description: "For the ends of that stream; anybody else is answered 403.",
    action: "streams.use",
    query: { key_handle: { type: "string", required: true, description: "KSID." } },
    responses: { 200: { description: "OK", contentType: "*/*" } },
    errors: ["forbidden"],
    curl: `"/sync?key_handle=${EXAMPLE_KSID}"`,
  },
  literalStart: {
    method: "post",
    path: "/start",
    tag: "QKD module",
    summary: "qkd-module 0.9: the other module has exchanged a key",
    description: "For the ends of that stream; anybody else is answered 403. Key is made without it.",
    action: "streams.use",
    request: literal("`'KSID'`"),
    responses: { 200: { description: "OK", contentType: "*/*" } },
    errors: STREAM_ERRORS,
    curl: `/start -d "'${EXAMPLE_KSID}'"`,
  },
} as const satisfies Record<string, Operation>;
