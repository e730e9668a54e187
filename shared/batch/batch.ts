/**
 * Key requests of many SAEs in one message, from a KME front to the engine beside it. What a request costs an engine is
 * mostly its way in and out; requests that come at the same time share it, and one commit of the pool.
 *
 * Between two parts of one release on one machine: not an API, no version. Both directions are text. A request is JSON;
 * an answer is one line of JSON, then the bodies one after the other, so that a front passes them on without parsing.
 */

/** Where a front sends its batches; the edge believes the path only together with the platform's word for it. */
export const BATCH_PATH = "/front/batch";

/** What may travel in a batch: short requests whose answer never waits for long. */
const KEY_REQUEST = /^\/api\/v1\/keys\/[^/?#]+\/(?<verb>enc_keys|dec_keys)(?:\?[^#]*)?$/;
export type KeyVerb = "enc_keys" | "dec_keys";

/** The verb of a key request's target (path and query); null for any other target. */
export const keyVerbOf = (target: string): KeyVerb | null =>
  (KEY_REQUEST.exec(target)?.groups?.["verb"] as KeyVerb | undefined) ?? null;

export interface BatchRequest {
  /** Index into the batch's callers. */
  readonly caller: number;
  readonly method: "GET" | "POST";
  readonly target: string;
  /** Null: none. Text that is UTF-8 on the wire. */
  readonly body: string | null;
  readonly idempotencyKey: string | null;
}

/** @typeParam Caller what the front knows of a connection, as it puts it into `request.cf` */
export interface Batch<Caller> {
  readonly callers: readonly Caller[];
  readonly requests: readonly BatchRequest[];
}

/** @param callers each already written as JSON: they are the same again and again */
export const writeBatch = (callers: readonly string[], requests: readonly BatchRequest[]): string =>
  `{"callers":[${callers.join(",")}],"requests":${JSON.stringify(requests)}}`;

/** Headers of an answer, as name and value in turn. */
export type HeaderList = readonly string[];

export interface BatchAnswer {
  /** `ALONE`: not served, nothing changed; to be sent outside a batch. */
  readonly status: number;
  readonly headers: HeaderList;
  /** ASCII. */
  readonly body: string;
}

export const ALONE = 0;

interface Head {
  readonly tables: readonly HeaderList[];
  /** Status, index of the headers, length of the body. */
  readonly answers: readonly (readonly [number, number, number])[];
}

/** In the order of the requests. */
export function writeAnswers(answers: readonly BatchAnswer[]): string {
  const tables: HeaderList[] = [];
  const indexByText = new Map<string, number>();
  const heads = answers.map(({ status, headers, body }): Head["answers"][number] => {
    const text = headers.join("\n");
    let index = indexByText.get(text);
    if (index === undefined) {
      index = tables.push(headers) - 1;
      indexByText.set(text, index);
    }
    return [status, index, body.length];
  });
  return `${JSON.stringify({ tables, answers: heads } satisfies Head)}\n${answers.map(({ body }) => body).join("")}`;
}

export interface ReadAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

const LINE_FEED = 0x0a;

/** @throws Error when this is no answer to a batch of so many requests */
export function readAnswers(bytes: Uint8Array, requests: number): ReadAnswer[] {
  const end = bytes.indexOf(LINE_FEED);
  const { tables, answers } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, Math.max(0, end)))) as Head;
  let position = end + 1;
  const read = answers.map(([status, table, length]): ReadAnswer => {
    const body = bytes.subarray(position, position + length);
    position += length;
    return { status, headers: tables[table] ?? [], body };
  });
  if (read.length !== requests || position !== bytes.length) throw new Error("not the answer to this batch");
  return read;
}

/** JSON without a character beyond ASCII, so that its length in bytes is that in characters. */
export const asciiJson = (json: string): string =>
  json.replaceAll(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
