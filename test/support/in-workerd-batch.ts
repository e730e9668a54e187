/** Batches as a KME front sends them to the Worker, and the same requests one by one. */
import { SELF } from "cloudflare:test";
import { BATCH_PATH, type BatchRequest, writeBatch } from "../../shared/batch/batch.ts";
import { AnswerReader, type ReadAnswer } from "../../shared/batch/read-answers.ts";
import { EDGE } from "./in-workerd-network.ts";

/** A request, and who makes it: an SAE by the CN of its certificate, at a node's KME. */
export interface Item extends Omit<BatchRequest, "caller"> {
  readonly as: string;
  readonly at: string;
}

export const item = (as: string, at: string, target: string, more: Partial<Item> = {}): Item => ({
  method: more.body === undefined ? "GET" : "POST",
  body: null,
  idempotencyKey: null,
  requestId: "batched",
  traceparent: null,
  ...more,
  as,
  at,
  target,
});

/** What a front says of a connection. */
export const callerOf = ({ as, at }: Pick<Item, "as" | "at">) => ({
  tlsClientAuth: {
    certPresented: "1",
    certVerified: "SUCCESS",
    certRevoked: "0",
    certFingerprintSHA256: fingerprintOf(as),
    certSubjectDNRFC2253: `CN=${as}`,
    certNotBefore: "Jan  1 00:00:00 2020 GMT",
    certNotAfter: "Jan  1 00:00:00 2100 GMT",
  },
  qkd: { node: at },
});

/** Another one for each name. */
export const fingerprintOf = (name: string): string =>
  Array.from(name, (char) => char.charCodeAt(0).toString(16).padStart(4, "0"))
    .join("")
    .padStart(64, "0")
    .slice(-64);

export const textOf = (items: readonly Item[]): string =>
  writeBatch(
    items.map((one) => JSON.stringify(callerOf(one))),
    items.map(({ as: _as, at: _at, ...request }, caller) => ({ ...request, caller })),
  );

export const AS_FRONT = { qkd: { batch: true } };
export const batchRequest = (items: readonly Item[]): RequestInit & { readonly cf: object } => ({
  method: "POST",
  body: textOf(items),
  cf: AS_FRONT,
});

export interface Plain {
  readonly status: number;
  /** Sorted by name, names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** In the order of the requests. */
export async function together(items: readonly Item[]): Promise<Plain[]> {
  const response = await SELF.fetch(EDGE + BATCH_PATH, batchRequest(items));
  if (response.status !== 200) throw new Error(`a batch was answered ${response.status}`);
  const reader = new AnswerReader(items.length);
  const answers = reader.push(new Uint8Array(await response.arrayBuffer()));
  if (answers.length !== items.length) throw new Error(`${answers.length} answers to ${items.length} requests`);
  return answers.toSorted((a, b) => a.request - b.request).map(plainOf);
}

const plainOf = ({ status, headers, body }: ReadAnswer): Plain => ({
  status,
  headers: sorted(headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] ?? ""] as const] : []))),
  body,
});

export async function alone(one: Item): Promise<Plain> {
  const { method, target, body, idempotencyKey } = one;
  const response = await SELF.fetch(EDGE + target, {
    method,
    body,
    headers: idempotencyKey === null ? {} : { "Idempotency-Key": idempotencyKey },
    cf: callerOf(one),
  });
  const { status } = response;
  // To an answer in a batch the front adds it.
  const headers = [...response.headers].filter(([name]) => name !== "x-request-id");
  return { status, headers: sorted(headers), body: await response.text() };
}

const sorted = (headers: readonly (readonly [string, string])[]) =>
  headers.map(([name, value]) => [name.toLowerCase(), value] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));
