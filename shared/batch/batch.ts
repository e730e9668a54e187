/**
 * Key requests of many SAEs in one message, from a KME front to the engine beside it. What a request costs an engine is
 * mostly its way in and out; requests that come at the same time share it, and one commit of the pool.
 *
 * Between two parts of one release on one machine: not an API, no version. Both ways it is one line of JSON, then the
 * bodies one after the other, which nobody has to escape or parse on the way. The answers come in several such parts,
 * each as soon as it is there.
 */

/** Where a front sends its batches; the edge believes the path only together with the platform's word for it. */
export const BATCH_PATH = "/front/batch";

/**
 * What may travel in a batch: targets of nothing but what a URI may hold (RFC 3986 3.3, 3.4), which mean the same
 * wherever they pass through.
 */
const KEY_REQUEST =
  /^\/api\/v1\/keys\/[\w.~!$&'()*+,;=:@%-]+\/(?<verb>enc_keys|dec_keys)(?:\?[\w.~!$&'()*+,;=:@%/?-]*)?$/;
export type KeyVerb = "enc_keys" | "dec_keys";

/** The verb of a key request's target (path and query); null for any other target. */
export const keyVerbOf = (target: string): KeyVerb | null =>
  (KEY_REQUEST.exec(target)?.groups?.["verb"] as KeyVerb | undefined) ?? null;

export interface BatchRequest {
  /** Index into the batch's callers. */
  readonly caller: number;
  readonly method: "GET" | "POST";
  readonly target: string;
  /** Null: none. Without a byte order mark. */
  readonly body: string | null;
  readonly idempotencyKey: string | null;
  /** The front's own answer has it, so no part of the edge's has to. */
  readonly requestId: string;
  readonly traceparent: string | null;
}

/** @typeParam Caller what the front knows of a connection, as it puts it into `request.cf` */
export interface Batch<Caller> {
  readonly callers: readonly Caller[];
  readonly requests: readonly BatchRequest[];
}

/** @param callers each already written as JSON: they are the same again and again */
export function writeBatch(callers: readonly string[], requests: readonly BatchRequest[]): string {
  // In place of a body, its length in UTF-16 code units: those of the text that the engine reads.
  const heads = requests.map(({ body, ...head }) => ({ ...head, body: body?.length ?? null }));
  const bodies = requests.map(({ body }) => body ?? "");
  return `{"callers":[${callers.join(",")}],"requests":${JSON.stringify(heads)}}\n${bodies.join("")}`;
}

/** @param text of `writeBatch`: taken at its word */
export function readBatch<Caller>(text: string): Batch<Caller> {
  let position = text.indexOf("\n") + 1;
  const { callers, requests } = JSON.parse(text.slice(0, position)) as {
    readonly callers: readonly Caller[];
    readonly requests: readonly (Omit<BatchRequest, "body"> & { readonly body: number | null })[];
  };
  return {
    callers,
    requests: requests.map(({ body: length, ...head }) => {
      if (length === null) return { ...head, body: null };
      const body = text.slice(position, position + length);
      position += length;
      return { ...head, body };
    }),
  };
}

/** In place of a status: not served, nothing changed; to be sent outside a batch. */
export const ALONE = 0;

export interface BatchAnswer {
  /** Which request of the batch it answers. */
  readonly request: number;
  /** Of HTTP, or `ALONE`. */
  readonly status: number;
  /** Answers with the same object share it on the wire. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** True where the body is known to be ASCII. */
  readonly ascii?: boolean;
}

/** Headers of an answer, as name and value in turn. */
export type HeaderList = readonly string[];

/** First line of a part. */
export interface PartHead {
  readonly headers: readonly HeaderList[];
  /** Index of the request, status, index of the headers, length of the body in bytes. */
  readonly answers: readonly (readonly [number, number, number, number])[];
}

const encoder = new TextEncoder();

/** Some of the answers, in any order. */
export function writePart(answers: readonly BatchAnswer[]): string {
  const tables = new Map<BatchAnswer["headers"], number>();
  const heads = answers.map(({ request, status, headers, body, ascii }): PartHead["answers"][number] => {
    const table = tables.get(headers) ?? tables.size;
    tables.set(headers, table);
    return [request, status, table, ascii === true ? body.length : encoder.encode(body).length];
  });
  const headers = [...tables.keys()].map((table) => Object.entries(table).flat());
  return `${JSON.stringify({ headers, answers: heads } satisfies PartHead)}\n${answers.map(({ body }) => body).join("")}`;
}
