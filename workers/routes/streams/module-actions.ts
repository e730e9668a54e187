/** qkd-module 1.0: `/api/v1/qkdm/actions/...`. */
import type { Fault, JsonValue } from "../../../shared/errors/errors.ts";
import { ksidOfText } from "../../../shared/etsi004/ksid.ts";
import { isOpened } from "../../../shared/etsi004/native/answers.ts";
import {
  type ActionAnswer,
  badRequest,
  idsAvailable,
  keysGiven,
  statusAnswer,
  streamOpened,
} from "../../../shared/etsi004/qkd-module/action-answers.ts";
import {
  parseAttach,
  parseIdsWanted,
  parseIndexes,
  parseOpenConnect,
  parseOpenStream,
  parseStream,
} from "../../../shared/etsi004/qkd-module/action-requests.ts";
import { MODULE_STATUS } from "../../../shared/etsi004/qkd-module/codes.ts";
import { NO_WISHES } from "../../../shared/etsi004/qos.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { readJson } from "../../middleware/body.ts";
import { type Answer, respondFault, respondJson } from "../../middleware/respond.ts";
import type { AuthenticatedCall, Handler, Reply } from "../handler.ts";
import { type OpenWish, type StreamCalls, streamCalls } from "./stream-calls.ts";

const PROFILE = "qkd-module";

const told = ({ httpStatus, body }: ActionAnswer): Answer => respondJson(body, httpStatus);

/** Clients read `status` of whatever is not 200 or 400. */
const refused = (problem: Fault, what: Parameters<typeof badRequest>[0] = "json"): Answer =>
  problem.code === "bad-request"
    ? told(badRequest(what, problem))
    : respondFault(problem, {}, { status: MODULE_STATUS["no-connection"], message: problem.message });

type Answered = Promise<Result<ActionAnswer, Fault>>;

/** An action whose request is a JSON body. */
const action =
  <Request>(
    parse: (body: JsonValue) => Result<Request, Fault>,
    run: (calls: StreamCalls, request: Request) => Answered,
  ): Handler =>
  async (call) => {
    const calls = streamCalls(call, PROFILE);
    if (!calls.ok) return calls;
    const body = await readJson(call.request, call.maxBodyBytes);
    const request = body.ok ? parse(body.value) : body;
    if (!request.ok) return ok(refused(request.error));
    const answer = await run(calls.value, request.value);
    return ok(answer.ok ? told(answer.value) : refused(answer.error));
  };

/** Nobody waits for the other end: the original registers a stream as `waiting`, and answers. */
async function open(
  calls: StreamCalls,
  wish: Omit<OpenWish, "waits">,
  answerOf: (ksid: Ksid) => ActionAnswer,
): Answered {
  const opened = await calls.open({ ...wish, waits: false });
  if (!opened.ok) return opened;
  const { ksid, answer } = opened.value;
  return ok(isOpened(answer) ? answerOf(ksid) : statusAnswer(answer.status));
}

export const actionOpenConnect = action(parseOpenConnect, async (calls, wish) => await open(calls, wish, streamOpened));

/** The original learns of a stream from the other module; here the end that announces it is one of the stream's two. */
export const actionOpenStream = action(
  parseOpenStream,
  async (calls, wish) => await open(calls, { ...wish, qos: NO_WISHES }, () => statusAnswer("success")),
);

/** A stream whose other end has not come yet has no keys, and no fault. */
async function keysOf(
  calls: StreamCalls,
  ksid: Ksid | null,
  count: number | null,
): ReturnType<StreamCalls["available"]> {
  const available = await calls.available(ksid, count);
  if (!available.ok || available.value.status !== "peer-not-yet-connected") return available;
  return ok({ ...available.value, status: "success" });
}

export const actionGetKey = action(parseIndexes, async (calls, { ksid, indices }) => {
  const given = await calls.getKey(ksid, indices);
  if (!given.ok) return given;
  if (given.value.status !== "success") return ok(statusAnswer(given.value.status));
  return ok(keysGiven(given.value.indices, given.value.key, given.value.chunkBytes));
});

export const actionClose = action(parseStream, async (calls, { ksid }) => {
  const closed = await calls.close(ksid);
  return closed.ok ? ok(statusAnswer(closed.value.status)) : closed;
});

export const actionCheckId = action(parseIndexes, async (calls, { ksid, indices }) => {
  const available = await keysOf(calls, ksid, null);
  if (!available.ok) return available;
  const { status, indices: there } = available.value;
  if (status !== "success") return ok(statusAnswer(status));
  return ok(statusAnswer(indices.every((index) => there.includes(index)) ? "success" : "indexes-unavailable"));
});

/** Key is made when it is asked for: there is nothing to begin. */
export const actionExchange = action(parseStream, async (calls, { ksid }) => {
  const available = await keysOf(calls, ksid, null);
  return available.ok ? ok(statusAnswer(available.value.status)) : available;
});

export const actionAttach = action(
  parseAttach,
  async () => await Promise.resolve(ok(statusAnswer("already-initialised"))),
);

export async function actionGetId(call: AuthenticatedCall): Reply {
  const calls = streamCalls(call, PROFILE);
  if (!calls.ok) return calls;
  const wanted = parseIdsWanted(call.query);
  if (!wanted.ok) return ok(refused(wanted.error, "argument"));
  // As in the original, the keys that are told of have been made.
  const most = LIMITS.streamAheadChunks;
  const max = wanted.value.answer === "indexes" ? Math.min(wanted.value.max ?? most, most) : most;
  const available = await keysOf(calls.value, ksidOfText(call.path["key_stream_ID"] ?? ""), max);
  if (!available.ok) return ok(refused(available.error));
  const { status, indices } = available.value;
  if (status !== "success") return ok(told(statusAnswer(status)));
  return ok(told(idsAvailable(wanted.value.answer === "count" ? indices.length : indices.slice(0, max))));
}
