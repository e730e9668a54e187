/**
 * What of qkd-module's interface is passed on: the actions of 1.0, the calls of 0.9, and what two modules say to each
 * other. Paths are matched to the letter, so that nothing else of the edge can be reached in the agent's name.
 */
import { type ActionAnswer, badRequest, statusAnswer } from "../../../shared/etsi004/qkd-module/action-answers.ts";
import {
  closeFailed,
  keyRefused,
  type LiteralAnswer,
  openFailed,
  PEER_FAILED,
  type Rendering,
  renderingOf,
} from "../../../shared/etsi004/qkd-module/literal-answers.ts";
import type { Fault } from "../../../shared/errors/errors.ts";
import type { OwnAnswer } from "../local-http/listener.ts";

/** Why a request does not reach the edge, or has no answer from it. */
export type Trouble =
  | { readonly kind: "body"; readonly fault: Fault }
  /** The edge is away, or too slow. */
  | { readonly kind: "edge" };

export interface Passed {
  readonly method: "GET" | "POST";
  /** Only the peer module calls it. */
  readonly isOfPeer: boolean;
  /** Of a body whose sender names none, as Python's `requests` does of a text. */
  readonly contentType: string;
  /** The binding's own words for what went wrong on this side of the edge. @param accept the request's header */
  refusal(trouble: Trouble, accept: string | null): OwnAnswer;
}

const ofAction = ({ httpStatus, body }: ActionAnswer): OwnAnswer => ({
  httpStatus,
  contentType: "application/json",
  body: JSON.stringify(body),
});

const action = (method: Passed["method"]): Passed => ({
  method,
  isOfPeer: false,
  contentType: "application/json",
  refusal: (trouble) =>
    ofAction(trouble.kind === "body" ? badRequest("json", trouble.fault) : statusAnswer("no-connection")),
});

const literal = (
  method: Passed["method"],
  isOfPeer: boolean,
  failure: (rendering: Rendering) => LiteralAnswer,
): Passed => ({
  method,
  isOfPeer,
  contentType: "text/plain; charset=utf-8",
  refusal: (_trouble, accept) => failure(renderingOf(accept)),
});

const ACTIONS = /^\/api\/v1\/qkdm\/actions\/(?<name>[a-z_]+|get_(?:id|ID)\/[A-Za-z0-9-]{1,64})$/;
const ACTION_METHODS: Readonly<Record<string, Passed>> = {
  open_connect: action("POST"),
  get_key: action("POST"),
  close: action("POST"),
  check_id: action("POST"),
  attach: action("POST"),
  open_stream: { ...action("POST"), isOfPeer: true },
  exchange: { ...action("POST"), isOfPeer: true },
};
const GET_ID = action("GET");

const LITERALS: Readonly<Record<string, Passed>> = {
  "/open_connect": literal("POST", false, (rendering) => openFailed(null, rendering)),
  "/get_key": literal("POST", false, (rendering) => keyRefused(null, rendering)),
  "/close": literal("POST", false, closeFailed),
  "/available_keys": literal("POST", false, () => PEER_FAILED),
  "/sync": literal("GET", true, () => PEER_FAILED),
  "/start": literal("POST", true, () => PEER_FAILED),
};

/** @param path without its query */
export function passedAt(path: string): Passed | null {
  const name = ACTIONS.exec(path)?.groups?.["name"];
  if (name === undefined) return Object.hasOwn(LITERALS, path) ? (LITERALS[path] ?? null) : null;
  if (name.includes("/")) return GET_ID;
  return Object.hasOwn(ACTION_METHODS, name) ? (ACTION_METHODS[name] ?? null) : null;
}
