/** How sessions end, or do not begin. */
import type { IncomingMessage } from "node:http";
import * as v from "valibot";
import { RefusedSchema, type RefusalCode, REFUSALS } from "../../../shared/tunnel/messages.ts";
import { messageIn } from "../../http/message-in.ts";
import { type EdgeAnswer, failureOf, readAnswer, retryAfterMs } from "./edge.ts";

export interface SessionEnd {
  readonly reason: string;
  /** Why the hub does not want it; null: it is not the hub that ended it. */
  readonly refusal: RefusalCode | null;
  /** When trying again makes sense, by the edge's word; null: it does not say. */
  readonly retryAfterMs: number | null;
  /** Another connection of this very instance took its place. */
  readonly replaced: boolean;
}

export const endWith = (reason: string): SessionEnd => ({
  reason,
  refusal: null,
  retryAfterMs: null,
  replaced: false,
});

/** @param message as the hub says it; empty: in our own words */
export const reasonOfRefusal = (code: RefusalCode, message: string): string =>
  `refused: ${(message === "" ? REFUSALS[code] : message).replaceAll(/\p{Cc}+/gu, " ")} (${code})`;

/** What it means that there is no WebSocket. */
const NO_TUNNEL: Readonly<Record<number, string>> = {
  404: "the edge knows no such site, or has no tunnel (404)",
  421: "the edge does not know itself by this address (421): its operator says with --public-host by which it does",
};

/** What an answer of the edge's means that is not what was asked for. */
export function endOf({ status, headers, json }: EdgeAnswer): SessionEnd {
  const refused = v.safeParse(RefusedSchema, json);
  const end = { retryAfterMs: retryAfterMs(headers), replaced: false };
  if (refused.success) {
    const { message, details } = refused.output;
    const [{ refusal }] = details;
    return { ...end, reason: reasonOfRefusal(refusal, message), refusal };
  }
  const said = messageIn(json);
  const words = `the edge answers ${status} where its tunnel should be${said === null ? "" : `: ${said}`}`;
  return { ...end, reason: NO_TUNNEL[status] ?? words, refusal: null };
}

/** The same of the answer to a request for a WebSocket. */
export const endOfUpgrade = async (response: IncomingMessage): Promise<SessionEnd> =>
  await readAnswer(response).then(endOf, (thrown: unknown) => endWith(failureOf(thrown)));
