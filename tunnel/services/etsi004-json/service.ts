/**
 * The hybridization module's JSON over bare TCP, client side and QKD side: what a local client asks is asked of the edge
 * for the SAE of this listener. Failures are told in the original's texts: its clients know no others.
 */
import {
  type Answer,
  answerText,
  closed,
  failed,
  hybridFailed,
  hybridKeyGiven,
  hybridRefused,
  INVALID_JSON,
  keyGiven,
  opened,
} from "../../../shared/etsi004/json-tcp/answers.ts";
import {
  type CloseRequest,
  type Command,
  type GetKeyRequest,
  type OpenRequest,
  parseRequest,
  type Request,
} from "../../../shared/etsi004/json-tcp/requests.ts";
import { JsonSplitter, type Piece } from "../../../shared/etsi004/json-tcp/splitter.ts";
import { PROFILES } from "../../../shared/etsi004/profiles.ts";
import { STATUS } from "../../../shared/etsi004/status.ts";
import { isHybridAddress, isHybridMetadata } from "../../../shared/hybrid/edge/terms.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { Protocol, Reader } from "../etsi004/conversation.ts";
import type { EdgeStreams } from "../etsi004/edge-streams.ts";
import { isForAgents } from "../hybrid/wish.ts";
import type { HybridStreams } from "../hybrid/streams.ts";
import { OpenLanes } from "./lanes.ts";
import { openByLane } from "./open.ts";

/** After these nobody could tell where the next object begins. */
const BREAKING: ReadonlySet<Piece["kind"]> = new Set(["too-large", "too-deep"]);
const OPENER = 0x7b;
const UNKNOWN_KSID = PROFILES["json-tcp"].unknownKsid;

const textOf = (answer: Answer): Uint8Array => Buffer.from(answerText(answer));

/** What begins with something else than an object is no client of this binding: it is told so, and that is all. */
function jsonReader(): Reader<Piece> {
  const splitter = new JsonSplitter();
  let begun = false;
  return {
    get pendingBytes() {
      return splitter.pendingBytes;
    },
    push(segment) {
      if (!begun && segment[0] !== OPENER) return { requests: [], lastWords: textOf(INVALID_JSON) };
      begun = true;
      const pieces = splitter.push(segment);
      const isBroken = pieces.some(({ kind }) => BREAKING.has(kind));
      return {
        requests: pieces.filter(({ kind }) => !BREAKING.has(kind)),
        lastWords: isBroken ? textOf(INVALID_JSON) : null,
      };
    },
  };
}

/**
 * @param hybrid of the agent's own making; null where it makes none
 * @param zeroIsNext of the streams that are the edge's, index 0 is the lowest chunk that this end has not had
 */
export function jsonProtocol(streams: EdgeStreams, hybrid: HybridStreams | null, zeroIsNext: boolean): Protocol<Piece> {
  const ends = { streams, lanes: new OpenLanes(), hybrid, zeroIsNext };
  return {
    reader: jsonReader,
    async answer(piece, signal) {
      if (piece.kind !== "object") return textOf(INVALID_JSON);
      const request = parseRequest(piece.text);
      return textOf(request.ok ? await answer(ends, request.value, signal) : request.error);
    },
  };
}

interface Ends {
  readonly streams: EdgeStreams;
  readonly lanes: OpenLanes;
  readonly hybrid: HybridStreams | null;
  readonly zeroIsNext: boolean;
}

type Answers = {
  readonly [C in Command]: (
    ends: Ends,
    request: Extract<Request, { readonly command: C }>,
    signal: AbortSignal,
  ) => Promise<Answer>;
};

const ANSWERS: Answers = { OPEN_CONNECT: open, GET_KEY: getKey, CLOSE: close };

const answer = (ends: Ends, request: Request, signal: AbortSignal): Promise<Answer> =>
  (ANSWERS[request.command] as (ends: Ends, request: Request, signal: AbortSignal) => Promise<Answer>)(
    ends,
    request,
    signal,
  );

async function open({ streams, lanes, hybrid }: Ends, request: OpenRequest, signal: AbortSignal): Promise<Answer> {
  if (hybrid !== null && isForAgents(request)) {
    const { source, destination, qos } = request;
    const done = await hybrid.open(
      { source, destination, chunkBytes: qos.chunkBytes, timeoutMs: qos.timeoutMs },
      signal,
    );
    return done.ok ? opened(done.value) : hybridFailed(done.error.code, done.error.detail);
  }
  const done = await openByLane(streams, lanes, request, signal);
  if (!done.ok) {
    const isHybrid = isHybridAddress(request.source) || isHybridAddress(request.destination);
    return (isHybrid ? hybridRefused(done.error.message) : null) ?? failed("open-failed");
  }
  const { status, ksid } = done.value;
  return status === STATUS.success && ksid !== null ? opened(ksid) : failed("no-source");
}

async function getKey(
  { streams, hybrid, zeroIsNext }: Ends,
  { ksid, index }: GetKeyRequest,
  signal: AbortSignal,
): Promise<Answer> {
  if (ksid === null) return failed("no-stream");
  if (hybrid?.has(ksid) === true) {
    const made = await hybrid.getKey(ksid, index, signal);
    if (!made.ok) return hybridFailed(made.error.code, made.error.detail);
    const answered = hybridKeyGiven(made.value.key, made.value.metadata);
    made.value.key.fill(0);
    return answered;
  }
  const wanted = zeroIsNext && index === 0 ? null : index;
  const given = await streams.getKey({ ksid, index: wanted, metadataSize: LIMITS.streamMetadataChars }, signal);
  if (!given.ok) return hybridRefused(given.error.message) ?? failed("get-key-failed");
  const { status, key, metadata } = given.value;
  if (status !== STATUS.success) return failed(status === UNKNOWN_KSID ? "no-stream" : "no-key");
  // The original's answers have none: it is told of hybrid keys that the edge has made.
  const answered = isHybridMetadata(metadata) ? hybridKeyGiven(key, metadata) : keyGiven(key);
  key.fill(0);
  return answered;
}

async function close({ streams, lanes, hybrid }: Ends, { ksid }: CloseRequest, signal: AbortSignal): Promise<Answer> {
  if (ksid === null) return failed("no-stream");
  if (hybrid?.has(ksid) === true) {
    hybrid.close(ksid);
    return closed();
  }
  lanes.delete(ksid);
  const done = await streams.close(ksid, signal);
  if (!done.ok) return failed("close-failed");
  return done.value.status === STATUS.success ? closed() : failed("no-stream");
}
