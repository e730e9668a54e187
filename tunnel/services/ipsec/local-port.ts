/**
 * The original proxy agent's port, for controllers that know no other: plain HTTP, its four requests, the look at what became
 * of one, and nothing else. What comes is passed to the edge in this agent's name, for the one node, and the edge's answer
 * back.
 */
import type http from "node:http";
import { LIMITS } from "../../../shared/limits.ts";
import type { EdgeBytes, EdgeRequest } from "../../agent/link/edge.ts";
import { failureOf } from "../../agent/link/edge.ts";
import type { Log } from "../../log.ts";
import type { Ask } from "../etsi004/as-agent.ts";
import { mayConnectTo } from "../etsi004/config.ts";
import type { Listening } from "../etsi004/listen-at.ts";
import { objectionTo } from "../local-http/guard.ts";
import { answer, bodyOf, listenHttp, type OwnAnswer, passOn, PATIENCE_MS, pathOf } from "../local-http/listener.ts";
import type { IpsecListenConfig } from "./config.ts";

export interface LocalPortOptions {
  readonly node: string;
  readonly config: IpsecListenConfig;
  /** In the agent's own name. */
  readonly ask: Ask;
  readonly log: Log;
}

/** @throws AgentFailure where the port cannot be had */
export async function startLocalPort({ node, config, ask, log }: LocalPortOptions): Promise<Listening> {
  const { address, port } = config;
  return await listenHttp({
    place: { name: `ipsec of ${node}`, address, port, fields: { ipsec: node }, acting: {} },
    mayConnect: mayConnectTo(config),
    serve: (refused) => (request, response) => serve({ node, config, ask, log: refused }, request, response),
    log,
  });
}

/** All that the original has, and where a 202 sends to; the same paths lie below the node at the edge. */
const REQUESTS: Readonly<Record<string, Extract<EdgeRequest["method"], "GET" | "POST" | "DELETE">>> = {
  "GET /ipsec-entries": "GET",
  "POST /ipsec-entries": "POST",
  "DELETE /ipsec-entries": "DELETE",
  "POST /createqkd": "POST",
  "POST /register": "POST",
};

/** Headers that mean something to controllers. */
const HEADERS = ["content-type", "location", "preference-applied", "retry-after"] as const;

/** In the form that the edge has for what goes wrong. */
const said = (httpStatus: number, message: string): OwnAnswer => ({
  httpStatus,
  contentType: "application/json",
  body: JSON.stringify({ message }),
});
const NOT_FOUND = said(404, "no such path");
const TOO_LARGE = said(413, `the body may have ${LIMITS.ipsecBodyBytes} bytes`);
const AWAY = said(
  503,
  "the edge, which does the work, cannot be reached from here: nothing was changed, or it is not known what",
);

async function serve(
  { node, config, ask, log }: LocalPortOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const { headers, socket } = request;
  const { hosts, address, port } = config;
  const path = pathOf(request);
  const named = `${request.method ?? ""} ${path}`;
  const method = Object.hasOwn(REQUESTS, named) ? REQUESTS[named] : undefined;
  const objection = objectionTo(headers, {
    hosts: [...hosts, `${address}:${port}`],
    localAddress: socket.localAddress,
  });
  if (objection !== null) log("warn", "request refused", { reason: objection });
  if (objection !== null || method === undefined) {
    answer(request, response, objection === null ? NOT_FOUND : said(403, objection));
    return;
  }
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    const body = await bodyOf(request, LIMITS.ipsecBodyBytes);
    if (body === null) {
      answer(request, response, TOO_LARGE);
      return;
    }
    const asked = edgeRequest(node, method, `${path}${method === "GET" ? queryOf(request) : ""}`, body, headers);
    const timely = AbortSignal.any([gone.signal, AbortSignal.timeout(PATIENCE_MS)]);
    passOn(placedHere(await ask(asked, timely), node), HEADERS, response);
  } catch (thrown) {
    if (gone.signal.aborted) return;
    log("warn", "the edge cannot be asked", { reason: failureOf(thrown) });
    answer(request, response, AWAY);
  }
}

const edgeBase = (node: string): string => `/api/v1/nodes/${encodeURIComponent(node)}/ipsec`;

/** With its `?`, as it came: the edge says what is wrong with it. */
const queryOf = ({ url = "" }: http.IncomingMessage): string => /\?.*/.exec(url)?.[0] ?? "";

/** The edge's paths are none at this port: a `Location` below the node becomes the path here. */
function placedHere(edgeAnswer: EdgeBytes, node: string): EdgeBytes {
  const { location } = edgeAnswer.headers;
  // The edge writes the node's id as it is.
  const base = [edgeBase(node), `/api/v1/nodes/${node}/ipsec`].find((each) => location?.startsWith(`${each}/`));
  if (location === undefined || base === undefined) return edgeAnswer;
  return { ...edgeAnswer, headers: { ...edgeAnswer.headers, location: location.slice(base.length) } };
}

function edgeRequest(
  node: string,
  method: EdgeRequest["method"],
  path: string,
  bytes: Uint8Array,
  { accept = "*/*", prefer, "content-type": contentType = "application/json" }: http.IncomingHttpHeaders,
): EdgeRequest {
  return {
    method,
    path: `${edgeBase(node)}${path}`,
    headers: { accept, ...(prefer === undefined ? {} : { prefer: String(prefer) }) },
    ...(method === "GET" ? {} : { body: { bytes, contentType } }),
    answerBytes: LIMITS.ipsecAnswerBytes,
  };
}
