/**
 * Key requests that come at the same time travel to the engine together (shared/batch/batch.ts): as many as have come
 * since it began to answer those before. A lone request leaves at once.
 */
import type http from "node:http";
import { ALONE, type BatchRequest, writeBatch } from "../../../shared/batch/batch.ts";
import { AnswerReader, type ReadAnswer } from "../../../shared/batch/read-answers.ts";
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

export interface BatchBounds {
  /** Batches under way until the engine begins to answer. */
  readonly batches: number;
  readonly requestsEach: number;
  /** How long the engine may say nothing. */
  readonly answerMs: number;
}

const BOUNDS: BatchBounds = {
  batches: LIMITS.frontBatches,
  requestsEach: LIMITS.frontBatchRequests,
  answerMs: LIMITS.frontAnswerMs,
};

/** @param post opens a request that carries one batch */
export function createBatches(post: () => http.ClientRequest, bounds: BatchBounds = BOUNDS): Batches {
  const waiting = new Set<BatchedRequest>();
  const journeys = new WeakMap<BatchedRequest, Journey>();
  let underWay = 0;
  let planned = false;

  const plan = (): void => {
    if (planned || waiting.size === 0 || underWay >= bounds.batches) return;
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
      if (batch.length >= bounds.requestsEach) break;
    }
    if (batch.length === 0) return;
    underWay += 1;
    const journey = new Journey(batch, post(), bounds.answerMs, () => {
      underWay -= 1;
      // First the next batch, so that the engine is busy while the answers go out.
      sendNext();
      plan();
    });
    for (const request of batch) journeys.set(request, journey);
  };
  return {
    send(request) {
      waiting.add(request);
      plan();
      return () => {
        if (!waiting.delete(request)) journeys.get(request)?.leave(request);
      };
    },
  };
}

/** One batch under way. */
class Journey {
  readonly #upstream: http.ClientRequest;
  /** By their number in the batch: those that are neither answered nor withdrawn. */
  readonly #open: Map<number, BatchedRequest>;
  readonly #reader: AnswerReader;
  #begun: (() => void) | null;

  /** @param begun called once, when the engine begins to answer, or will not */
  constructor(batch: readonly BatchedRequest[], upstream: http.ClientRequest, answerMs: number, begun: () => void) {
    this.#open = new Map(batch.entries());
    this.#upstream = upstream;
    this.#reader = new AnswerReader(batch.length);
    this.#begun = begun;
    const broken = (error: Error): void => this.#end(error);
    upstream.setTimeout(answerMs, () => broken(new Error("no answer in time")));
    upstream.on("error", broken);
    upstream.on("response", (answer) => {
      if (answer.statusCode !== 200) {
        broken(new Error(`a batch was answered ${answer.statusCode}`));
        return;
      }
      this.#begin();
      answer.on("error", broken);
      answer.on("data", (chunk: Buffer) => this.#read(chunk));
      answer.on("end", () => {
        if (this.#open.size > 0) broken(new Error("the answer broke off"));
      });
    });
    const body = Buffer.from(textOf(batch));
    upstream.setHeader("Content-Length", body.length);
    upstream.end(body);
  }

  /** A batch nobody waits for any more ends here. */
  leave(request: BatchedRequest): void {
    for (const [number, open] of this.#open) {
      if (open !== request) continue;
      this.#open.delete(number);
      if (this.#open.size === 0) this.#end(new Error("all have left"));
    }
  }

  #read(chunk: Buffer): void {
    let answers: ReadAnswer[];
    try {
      answers = this.#reader.push(chunk);
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    for (const answer of answers) {
      const request = this.#open.get(answer.request);
      this.#open.delete(answer.request);
      if (answer.status === ALONE) request?.alone();
      else request?.answered(answer);
    }
  }

  #begin(): void {
    const begun = this.#begun;
    this.#begun = null;
    begun?.();
  }

  #end(error: Error): void {
    this.#upstream.destroy();
    const left = [...this.#open.values()];
    this.#open.clear();
    this.#begin();
    for (const request of left) request.failed(error);
  }
}

function textOf(batch: readonly BatchedRequest[]): string {
  const indexByBlob = new Map<string, number>();
  const requests = batch.map(({ caller, answered: _a, alone: _b, failed: _c, ...request }): BatchRequest => {
    const index = indexByBlob.get(caller.cfBlob) ?? indexByBlob.size;
    indexByBlob.set(caller.cfBlob, index);
    return { ...request, caller: index };
  });
  return writeBatch([...indexByBlob.keys()], requests);
}
