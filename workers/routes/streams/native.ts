/** ETSI GS QKD 004 as JSON of our own: `/api/v1/streams`. */
import { fail, type Fault, type JsonValue } from "../../../shared/errors/errors.ts";
import { parseJson } from "../../../shared/bytes/json.ts";
import { ksidOfText } from "../../../shared/etsi004/ksid.ts";
import { closeReply, keyReply, openReply, type StreamReplyBody } from "../../../shared/etsi004/native/answers.ts";
import { parseClose, parseGetKey, parseOpenConnect } from "../../../shared/etsi004/native/requests.ts";
import { SOCKET_CALL_HEADER, type SocketCall, writeSocketCall } from "../../../shared/etsi004/socket.ts";
import { SOCKET_PROTOCOL } from "../../../shared/etsi004/window.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { streamOf } from "../../clients/key-stream.ts";
import { readJson, readText } from "../../middleware/body.ts";
import { type Answer, respondJson } from "../../middleware/respond.ts";
import { isUpgrade, openSocket } from "../../middleware/sockets.ts";
import type { AuthenticatedCall, Reply, StreamReply } from "../handler.ts";
import { streamCalls } from "./stream-calls.ts";

const respondStatus = ({ http, body }: StreamReplyBody): Result<Answer, never> => ok(respondJson(body, http));

const ksidOf = ({ path }: AuthenticatedCall): Ksid | null => ksidOfText(path["key_stream_ID"] ?? "");

/** No body at all is as `{}`. */
async function readOptionalJson(call: AuthenticatedCall): Promise<Result<JsonValue, Fault>> {
  const text = await readText(call.request, call.maxBodyBytes);
  if (!text.ok) return text;
  return text.value === "" ? ok({}) : parseJson(text.value, LIMITS.jsonDepth);
}

export async function postStreams(call: AuthenticatedCall): Reply {
  const body = await readJson(call.request, call.maxBodyBytes);
  if (!body.ok) return body;
  const wish = parseOpenConnect(body.value);
  if (!wish.ok) return wish;
  const { profile } = wish.value;
  const calls = streamCalls(call, profile);
  if (!calls.ok) return calls;
  const opened = await calls.value.open({ ...wish.value, waits: true });
  if (!opened.ok) return opened;
  const { ksid, answer, detail } = opened.value;
  return respondStatus(openReply(ksid, answer, profile, detail));
}

export async function postStreamKey(call: AuthenticatedCall): Reply {
  const body = await readOptionalJson(call);
  if (!body.ok) return body;
  const wish = parseGetKey(body.value);
  if (!wish.ok) return wish;
  const { profile, index, metadataSize } = wish.value;
  const calls = streamCalls(call, profile);
  if (!calls.ok) return calls;
  const answer = await calls.value.getKey(ksidOf(call), index === null ? null : [index], metadataSize);
  return answer.ok ? respondStatus(keyReply(answer.value, profile)) : answer;
}

export async function postStreamClose(call: AuthenticatedCall): Reply {
  const body = await readOptionalJson(call);
  if (!body.ok) return body;
  const wish = parseClose(body.value);
  if (!wish.ok) return wish;
  const calls = streamCalls(call, wish.value.profile);
  if (!calls.ok) return calls;
  const answer = await calls.value.close(ksidOf(call));
  return answer.ok ? respondStatus(closeReply(answer.value.status, wish.value.profile)) : answer;
}

export async function getStreamSocket(call: AuthenticatedCall): StreamReply {
  const { request, env, caller } = call;
  if (!isUpgrade(request)) return fail("upgrade-required", "this is the WebSocket of a key stream");
  const calls = streamCalls(call, "native");
  if (!calls.ok) return calls;
  const ksid = ksidOf(call);
  if (ksid === null) return fail("not-found", "no stream of this key_stream_ID that you have opened");
  const socketCall: SocketCall = { ...calls.value.caller(ksid), standing: caller.standing() };
  const headers = { [SOCKET_CALL_HEADER]: writeSocketCall(socketCall) };
  const to = streamOf(env, ksid, calls.value.self.node);
  return await openSocket(call, { to, headers, protocol: SOCKET_PROTOCOL, what: "key stream" });
}
