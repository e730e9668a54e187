/** A call as one side sees it: who rings, who answers, when it is over. Pure transitions. */
import { BOUNDS } from "./bounds.ts";
import type { CallStep } from "./message.ts";

export type Call =
  | { readonly state: "none" }
  | { readonly state: "calling" | "ringing"; readonly call: number; readonly sinceMs: number }
  | { readonly state: "talking"; readonly call: number; readonly sinceMs: number };

export type CallEnd = "declined" | "busy" | "ended" | "unanswered" | "lost";

export interface CallChange {
  readonly call: Call;
  /** To be told to the other side. */
  readonly tell?: { readonly call: number; readonly step: CallStep };
  /** To be shown: the call that there was is over. */
  readonly ended?: CallEnd;
}

export const NO_CALL: Call = { state: "none" };
const over = (ended: CallEnd, tell?: CallChange["tell"]): CallChange => ({
  call: NO_CALL,
  ended,
  ...(tell === undefined ? {} : { tell }),
});

/** The user wants to call. @param number random */
export const placeCall = (call: Call, number: number, nowMs: number): CallChange =>
  call.state === "none"
    ? { call: { state: "calling", call: number, sinceMs: nowMs }, tell: { call: number, step: "ring" } }
    : { call };

export function answerCall(call: Call, accept: boolean, nowMs: number): CallChange {
  if (call.state !== "ringing") return { call };
  if (!accept) return over("declined", { call: call.call, step: "decline" });
  return { call: { state: "talking", call: call.call, sinceMs: nowMs }, tell: { call: call.call, step: "accept" } };
}

export const hangUp = (call: Call): CallChange =>
  call.state === "none" ? { call } : over("ended", { call: call.call, step: "end" });

/** The other side's page is gone. */
export const loseCall = (call: Call): CallChange => (call.state === "none" ? { call } : over("lost"));

/** Who calls gives up; where that is not heard, or never said, it does not ring on for ever. */
export function tickCall(call: Call, nowMs: number): CallChange {
  if (call.state !== "calling" && call.state !== "ringing") return { call };
  if (nowMs - call.sinceMs < BOUNDS.ringMs + (call.state === "ringing" ? BOUNDS.ringOverMs : 0)) return { call };
  return over("unanswered", call.state === "calling" ? { call: call.call, step: "end" } : undefined);
}

/** What the other side says. Of another call than the present one only `ring` means something. */
export function hearCall(call: Call, number: number, step: CallStep, nowMs: number): CallChange {
  if (step === "ring") return hearRing(call, number, nowMs);
  if (call.state === "none" || call.call !== number) return { call };
  if (step === "accept") {
    return call.state === "calling" ? { call: { state: "talking", call: number, sinceMs: nowMs } } : { call };
  }
  const ended = { decline: "declined", busy: "busy", end: call.state === "ringing" ? "unanswered" : "ended" } as const;
  return over(ended[step]);
}

/** Both call at once: the lower number stands, and its receiver picks up by that. */
function hearRing(call: Call, number: number, nowMs: number): CallChange {
  if (call.state === "none") return { call: { state: "ringing", call: number, sinceMs: nowMs } };
  if (call.state !== "calling") return { call, tell: { call: number, step: "busy" } };
  return number < call.call
    ? { call: { state: "talking", call: number, sinceMs: nowMs }, tell: { call: number, step: "accept" } }
    : { call };
}
