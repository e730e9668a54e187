/**
 * Key requests that come at the same time travel to the engine together (shared/batch/batch.ts): as many as have come
 * since the batches under way were sent. A lone request leaves at once.
 */
import type http from "node:http";
import { ALONE, type BatchRequest, type ReadAnswer, readAnswers, writeBatch } from "../../../shared/batch/batch.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { Caller } from "./identity.ts";

export interface BatchedRequest extends Omit<BatchRequest, "caller"> {
  readonly caller: Caller;
  /** Exactly one of the three is called, once, unless the request was withdrawn. */
  readonly answered: (answer: ReadAnswer) => void;
  /** Not served: to be sent by itself. */
  readonly alone: () => void;
  readonly failed: (error: Error) => void;
}

export interface Batches {
  /** @returns withdraws the request: it is not sent any more, or its answer is dropped */
  send(request: BatchedRequest): () => void;
}

/** @param post opens a request that carries one batch */
export function createBatches(post: () => http.ClientRequest): Batches {
  const waiting = new Set<BatchedRequest>();
  const withdrawn = new WeakSet<BatchedRequest>();
  let underWay = 0;
  let planned = false;

  const plan = (): void => {
    if (planned || waiting.size === 0 || underWay >= LIMITS.frontBatches) return;
    planned = true;
    // What this turn of the event loop still reads comes along.
    setImmediate(() => {
      planned = false;
      sendNext();
      plan();
    });
  };
  const sendNext = (): void => {
    const batch: BatchedRequest[] = [];
    for (const request of waiting) {
      waiting.delete(request);
      batch.push(request);
      if (batch.length >= LIMITS.frontBatchRequests) break;
    }
    if (batch.length === 0) return;
    underWay += 1;
    void exchange(post(), batch).then((result) => {
      underWay -= 1;
      // First the next batch, so that the engine is busy while the answers go out.
      sendNext();
      batch.forEach((request, i) => {
        if (withdrawn.has(request)) return;
        if (result instanceof Error) request.failed(result);
        else settle(request, result[i] as ReadAnswer);
      });
      plan();
    });
  };
  return {
    send(request) {
      waiting.add(request);
      plan();
      return () => {
        waiting.delete(request);
        withdrawn.add(request);
      };
    },
  };
}

function settle(request: BatchedRequest, answer: ReadAnswer): void {
  if (answer.status === ALONE) request.alone();
  else request.answered(answer);
}

/** Never rejects: a batch fails as a whole. */
async function exchange(upstream: http.ClientRequest, batch: readonly BatchedRequest[]): Promise<ReadAnswer[] | Error> {
  try {
    return readAnswers(await roundTrip(upstream, textOf(batch)), batch.length);
  } catch (error) {
    upstream.destroy();
    return error instanceof Error ? error : new Error(String(error));
  }
}

function textOf(batch: readonly BatchedRequest[]): string {
  const indexByBlob = new Map<string, number>();
  const requests = batch.map(({ caller, method, target, body, idempotencyKey }): BatchRequest => {
    const index = indexByBlob.get(caller.cfBlob) ?? indexByBlob.size;
    indexByBlob.set(caller.cfBlob, index);
    return { caller: index, method, target, body, idempotencyKey };
  });
  return writeBatch([...indexByBlob.keys()], requests);
}

function roundTrip(upstream: http.ClientRequest, body: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    upstream.setTimeout(LIMITS.frontAnswerMs, () => reject(new Error("no answer in time")));
    upstream.on("error", reject);
    upstream.on("response", (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("aborted", () => reject(new Error("the answer broke off")));
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
        else reject(new Error(`a batch was answered ${answer.statusCode}`));
      });
    });
    upstream.setHeader("Content-Length", Buffer.byteLength(body));
    upstream.end(body);
  });
}
