/** The few calls a starter makes to the edge. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, StartFailure } from "./failure.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly etag: string | null;
}

export interface Call {
  readonly method?: string;
  readonly token?: string;
  readonly ifMatch?: string;
  readonly body?: unknown;
}

export const CALL_MS = 60_000;

/** @throws StartFailure when the edge does not answer */
export async function callEdge(edge: string, path: string, call: Call, signal: AbortSignal): Promise<Answer> {
  const headers = new Headers();
  if (call.token !== undefined) headers.set("Authorization", `Bearer ${call.token}`);
  if (call.ifMatch !== undefined) headers.set("If-Match", call.ifMatch);
  if (call.body !== undefined) headers.set("Content-Type", "application/json");
  try {
    const response = await fetch(edge + path, {
      method: call.method ?? "GET",
      headers,
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]),
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text), etag: response.headers.get("ETag") };
  } catch (thrown) {
    throw new StartFailure(`the edge does not answer ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** Waits until the edge says it is well. */
export async function awaitHealth(edge: string, signal: AbortSignal, patienceMs = 20_000): Promise<void> {
  let last: Answer | null = null;
  for (const start = Date.now(); Date.now() - start < patienceMs; await sleep(50, undefined, { signal })) {
    last = await callEdge(edge, "/healthz", {}, signal).catch(() => null);
    if (last?.status === 200) return;
  }
  throw new StartFailure(`the edge is not well: ${last === null ? "no answer" : describe(last)}`);
}

/** Status and message, with each fault's pointer: `400 the document has 2 faults; /nodes/0/id: ...`. */
export function describe({ status, body }: Answer): string {
  const message = member(body, "message");
  const details = member(body, "details");
  const faults = Array.isArray(details) ? details.map(faultOf).filter((text) => text !== "") : [];
  return [typeof message === "string" ? message : `status ${status}`, ...faults].join("; ");
}

function faultOf(detail: unknown): string {
  const pointer = member(detail, "pointer");
  const message = member(detail, "message");
  if (typeof message !== "string") return "";
  return typeof pointer === "string" ? `${pointer === "" ? "(document)" : pointer}: ${message}` : message;
}

/** A member of something that may be an object. */
export const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;

/** The document version in an answer's ETag, `"7"`; null for any other text. */
export function versionOf({ etag }: Answer): number | null {
  const version = /^"(\d{1,15})"$/.exec(etag ?? "")?.[1];
  return version === undefined ? null : Number(version);
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
