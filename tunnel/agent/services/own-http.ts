/** HTTP exchanges of the edge that this process answers itself: no socket lies behind them. */
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { encodeHead } from "../../../shared/tunnel/head.ts";
import { GrowingBuffer } from "../../../shared/etsi004/growing-buffer.ts";
import {
  BodyLengthError,
  brokenBy,
  type Exchange,
  type ExchangeFailure,
  failed,
  readExchange,
  type SeeHead,
} from "./http-exchange.ts";

export interface OwnRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly body: Uint8Array;
}

export interface OwnAnswer {
  readonly status: number;
  readonly contentType: string;
  /** In pieces, each sent as soon as it is there. Its iterator is returned where nobody reads on. */
  readonly body: AsyncIterable<string> | Iterable<string>;
}

export type AnswerHttp = (request: OwnRequest) => OwnAnswer;

/** Resolves when the exchange is over; the stream is then ended, or reset for the reason returned. */
export async function answerHttp(
  stream: MuxStream,
  { answer, bodyBytes }: { readonly answer: AnswerHttp; readonly bodyBytes: number },
  seeHead?: SeeHead,
): Promise<Result<null, ExchangeFailure>> {
  const read = await readExchange(stream, seeHead);
  const done = read.ok ? await answerOne(stream, read.value, answer, bodyBytes) : read;
  if (!done.ok) stream.reset(done.error.code, done.error.reason.slice(0, 100));
  return done;
}

async function answerOne(
  stream: MuxStream,
  exchange: Exchange,
  answer: AnswerHttp,
  bodyBytes: number,
): Promise<Result<null, ExchangeFailure>> {
  try {
    const body = await readBody(stream, exchange, bodyBytes);
    const { method, target } = exchange.head;
    const { status, contentType, body: pieces } = body === null ? TOO_LARGE : answer({ method, target, body });
    const head = encodeHead({ status, headers: ["content-type", contentType] });
    if (head === null) return failed("service-failed", "the answer's head is too large");
    await stream.write(head);
    const encoder = new TextEncoder();
    for await (const piece of pieces) await stream.write(encoder.encode(piece));
    await stream.end();
    return ok(null);
  } catch (thrown) {
    return thrown instanceof BodyLengthError ? failed("protocol-error", thrown.message) : brokenBy(thrown);
  }
}

const TOO_LARGE: OwnAnswer = { status: 413, contentType: "text/plain", body: ["the body is too large\n"] };

/** Null: it is too large. What is left of it then is read, and dropped: the answer comes after it. */
async function readBody(
  stream: MuxStream,
  { first, bodyBytes: said }: Exchange,
  mostBytes: number,
): Promise<Uint8Array | null> {
  const body = new GrowingBuffer();
  let gotBytes = 0;
  for (let chunk = first; chunk !== null; chunk = await stream.read()) {
    gotBytes += chunk.length;
    if (gotBytes <= mostBytes) body.append(chunk);
  }
  if (said !== null && said !== gotBytes) throw new BodyLengthError();
  return gotBytes > mostBytes ? null : body.take();
}
