/**
 * The frames of ETSI's gs004-app-int and its Python port: what a local client asks is asked of the edge for the SAE of this
 * listener. Where the frames have no room for what the standard says, or their clients expect otherwise, it is in the
 * tables here; the rest is the engine's profile `binary`.
 */
import { decodeMessage } from "../../../shared/etsi004/binary/decode.ts";
import { encodeMessage } from "../../../shared/etsi004/binary/encode.ts";
import { type Frame, FrameReader } from "../../../shared/etsi004/binary/frame-reader.ts";
import {
  type CloseRequest,
  type GetKeyRequest,
  hasChunk,
  hasNeededSize,
  hasStream,
  type OpenRequest,
  type Response,
} from "../../../shared/etsi004/binary/messages.ts";
import { ksidOfBytes, KSID_BYTES } from "../../../shared/etsi004/ksid.ts";
import { STATUS } from "../../../shared/etsi004/status.ts";
import type { Protocol, Reader } from "../etsi004/conversation.ts";
import type { EdgeStreams, NoStatus, Opened } from "../etsi004/edge-streams.ts";

/** What a client is told where the edge came to no status. */
const NO_STATUS: Readonly<Record<NoStatus["reason"], number>> = {
  late: STATUS.timeout,
  away: STATUS["no-connection"],
  refused: STATUS["no-connection"],
};

const NO_WORDS = new Uint8Array();
const NULL_KSID = ksidOfBytes(new Uint8Array(KSID_BYTES));

/** Source and destination name applications: scheme and authority, at least (the Python port demands both). */
const URI = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+/i;

function frameReader(): Reader<Frame> {
  const reader = new FrameReader("requests");
  return {
    get pendingBytes() {
      return reader.pendingBytes;
    },
    push(segment) {
      const { frames, fault } = reader.push(segment);
      return { requests: frames, lastWords: fault === null ? null : NO_WORDS };
    },
  };
}

export const binaryProtocol = (streams: EdgeStreams): Protocol<Frame> => ({
  reader: frameReader,
  answer: async (frame, signal) => encodeMessage(await answer(streams, frame, signal)),
});

async function answer(streams: EdgeStreams, frame: Frame, signal: AbortSignal): Promise<Response> {
  const message = decodeMessage(frame);
  // Of the requests only this one can be wrong inside.
  if (!message.ok) return openFailed(STATUS["no-connection"]);
  const request = message.value;
  switch (request.type) {
    case "open-request":
      return await open(streams, request, signal);
    case "get-key-request":
      return await getKey(streams, request, signal);
    case "close-request":
      return await close(streams, request, signal);
    default:
      throw new Error("the reader passes requests only");
  }
}

const openFailed = (status: number): Response => ({ type: "open-response", status, stream: null });

async function open(streams: EdgeStreams, request: OpenRequest, signal: AbortSignal): Promise<Response> {
  const { source, destination, qos, ksid } = request;
  if (!URI.test(source) || !URI.test(destination)) return openFailed(STATUS["no-connection"]);
  if (qos.timeoutMs === 0) return openFailed(STATUS.timeout);
  const opened = await streams.open({ source, destination, qos, ksid }, signal);
  if (!opened.ok) return openFailed(NO_STATUS[opened.error.reason]);
  const status = openStatus(opened.value, request);
  if (!hasStream(status)) return openFailed(status);
  const stream = { qos: opened.value.qos ?? qos, ksid: opened.value.ksid ?? ksid ?? NULL_KSID };
  return { type: "open-response", status, stream };
}

/**
 * An answer with status 1 has no room for the KSID: who has just been given one would never learn it. A chunk of no bytes
 * is no key: the system's length is a counter-proposal.
 */
function openStatus({ status, ksid }: Opened, asked: OpenRequest): number {
  const isAllocated = ksid !== null && asked.ksid === null;
  const told = isAllocated && status === STATUS["peer-not-connected"] ? STATUS.success : status;
  return told === STATUS.success && asked.qos.chunkBytes === 0 ? STATUS["qos-not-met"] : told;
}

async function getKey(streams: EdgeStreams, request: GetKeyRequest, signal: AbortSignal): Promise<Response> {
  const { ksid, index, metadataSize } = request;
  const given = await streams.getKey({ ksid, index, metadataSize }, signal);
  const type = "get-key-response";
  if (!given.ok) return { type, status: NO_STATUS[given.error.reason], chunk: null, neededSize: null };
  const { status, key, metadata, index: at, neededSize } = given.value;
  return {
    type,
    status,
    chunk: hasChunk(status) ? { index: at, key, metadata } : null,
    neededSize: hasNeededSize(status) ? (neededSize ?? 0) : null,
  };
}

async function close(streams: EdgeStreams, { ksid }: CloseRequest, signal: AbortSignal): Promise<Response> {
  const closed = await streams.close(ksid, signal);
  return { type: "close-response", status: closed.ok ? closed.value.status : NO_STATUS[closed.error.reason] };
}
