/** qkd-module 0.9: `/open_connect` and its siblings, whose bodies are Python literals. They are read, never evaluated. */
import { type Fault, HTTP_STATUS } from "../../../shared/errors/errors.ts";
import { isOpened } from "../../../shared/etsi004/native/answers.ts";
import {
  closed,
  closeFailed,
  keyGiven,
  keyRefused,
  keysAvailable,
  type LiteralAnswer,
  opened,
  openFailed,
  PEER_OK,
  type Rendering,
  renderingOf,
} from "../../../shared/etsi004/qkd-module/literal-answers.ts";
import {
  parseAvailableKeys,
  parseClose,
  parseGetKey,
  parseOpenConnect,
  parseStart,
  parseSync,
} from "../../../shared/etsi004/qkd-module/literal-requests.ts";
import { NO_WISHES } from "../../../shared/etsi004/qos.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { readText } from "../../middleware/body.ts";
import { type Answer, respond } from "../../middleware/respond.ts";
import type { AuthenticatedCall, Handler, Reply } from "../handler.ts";
import { keysOfNode } from "./keys-of-node.ts";
import { type StreamCalls, streamCalls } from "./stream-calls.ts";

const PROFILE = "qkd-module-0.9";

const told = ({ httpStatus, contentType, body }: LiteralAnswer): Answer => respond(body, contentType, httpStatus);

/** In the call's own form of failure; that a body is too large, say, or the edge busy, is HTTP's to tell. */
const refused = (answer: LiteralAnswer, { code }: Fault): Answer => ({
  ...told(answer),
  status: code === "bad-request" ? answer.httpStatus : HTTP_STATUS[code],
});

type Answered = Promise<Result<LiteralAnswer, Fault>>;

/** A call whose body is a literal. @param failed its answer where the body cannot be read, or the edge fails */
const literal =
  <Request>(
    parse: (body: string) => Result<Request, Fault>,
    failed: (rendering: Rendering) => LiteralAnswer,
    run: (calls: StreamCalls, request: Request, rendering: Rendering, call: AuthenticatedCall) => Answered,
  ): Handler =>
  async (call) => {
    const calls = streamCalls(call, PROFILE);
    if (!calls.ok) return calls;
    const rendering = renderingOf(call.request.headers.get("Accept"));
    const body = await readText(call.request, call.maxBodyBytes);
    const request = body.ok ? parse(body.value) : body;
    if (!request.ok) return ok(refused(failed(rendering), request.error));
    const answer = await run(calls.value, request.value, rendering, call);
    return ok(answer.ok ? told(answer.value) : refused(failed(rendering), answer.error));
  };

export const literalOpenConnect = literal(
  parseOpenConnect,
  (rendering) => openFailed(null, rendering),
  async (calls, { source, destination, ksid, timeoutMs, lengthBits }, rendering) => {
    // A key of no bits is none, whatever the system would choose.
    if (lengthBits === 0) return ok(openFailed(ksid, rendering));
    const qos = { ...NO_WISHES, chunkBytes: lengthBits / 8, timeoutMs };
    const answer = await calls.open({ source, destination, ksid, qos, waits: true });
    if (!answer.ok) return answer;
    return ok(isOpened(answer.value.answer) ? opened(answer.value.ksid, rendering) : openFailed(ksid, rendering));
  },
);

export const literalGetKey = literal(
  parseGetKey,
  (rendering) => keyRefused(null, rendering),
  async (calls, { ksid, index }, rendering) => {
    const answer = await calls.getKey(ksid, index === null ? null : [index]);
    if (!answer.ok) return answer;
    const given = answer.value;
    return ok(
      given.status === "success" ? keyGiven(given.key, given.indices[0] ?? 0, rendering) : keyRefused(index, rendering),
    );
  },
);

export const literalClose = literal(parseClose, closeFailed, async (calls, { ksid }, rendering) => {
  const answer = await calls.close(ksid);
  if (!answer.ok) return answer;
  return ok(answer.value.status === "success" ? closed(rendering) : closeFailed(rendering));
});

export const literalAvailableKeys = literal(parseAvailableKeys, noneAvailable, async (calls, ksid, rendering, call) => {
  if (ksid === null) {
    const keys = await keysOfNode(call, calls.self.node);
    return keys.ok ? ok(keysAvailable(keys.value, rendering)) : keys;
  }
  // As in the original, the keys that are counted have been made.
  const available = await calls.available(ksid, LIMITS.streamAheadChunks);
  if (!available.ok) return available;
  const { status, indices } = available.value;
  return ok(status === "unknown-ksid" ? noneAvailable(rendering) : keysAvailable(indices.length, rendering));
});

function noneAvailable(rendering: Rendering): LiteralAnswer {
  return { ...keysAvailable(0, rendering), httpStatus: 400 };
}

const NOT_YOURS: Fault = { code: "forbidden", message: "this is for the ends of the stream" };

/** The other module's calls: at the edge the other module is the application at the stream's other end. */
async function ofPeer(calls: StreamCalls, ksid: Ksid): Answered {
  const available = await calls.available(ksid, null);
  if (!available.ok) return available;
  return available.value.status === "unknown-ksid" ? err(NOT_YOURS) : ok(PEER_OK);
}

/** The original knows "OK" and its like only. */
const peerAnswer = (answer: Result<LiteralAnswer, Fault>): Answer =>
  answer.ok ? told(answer.value) : respond(answer.error.message, PEER_OK.contentType, HTTP_STATUS[answer.error.code]);

export async function literalStart(call: AuthenticatedCall): Reply {
  const calls = streamCalls(call, PROFILE);
  if (!calls.ok) return calls;
  const body = await readText(call.request, call.maxBodyBytes);
  const ksid = body.ok ? parseStart(body.value) : body;
  return ok(peerAnswer(ksid.ok ? await ofPeer(calls.value, ksid.value) : ksid));
}

export async function literalSync(call: AuthenticatedCall): Reply {
  const calls = streamCalls(call, PROFILE);
  if (!calls.ok) return calls;
  const ksid = parseSync(call.query);
  return ok(peerAnswer(ksid.ok ? await ofPeer(calls.value, ksid.value) : ksid));
}
