/**
 * Key streams whose two nodes live in two deployments. The half of the pair's lower node keeps them all: rows, turns,
 * quotas, holds. The half of the other node asks it for whatever its own end wants, and keeps what it needs for nothing
 * but copying the bytes: the records of chunks that were announced to it. Types only.
 */
import type { Ksid } from "../etsi004/types.ts";
import type { NodeId, PairName } from "../ids.ts";
import type { ChunksAnswer, ChunksCall, ChunksPlaced, StreamOpenCall, StreamPoolRpc } from "./streams.ts";
import type { PoolResult } from "./types.ts";

/** Whose snapshot it was, and by which of its names it knows the caller, is nothing to the other deployment. */
type Crossing<C> = Omit<C, "configVersion" | "principal" | "hybrid">;
type Verb<M extends keyof StreamPoolRpc, C = Parameters<StreamPoolRpc[M]>[0]> = {
  readonly call: Crossing<C>;
  readonly answer: Extract<Awaited<ReturnType<StreamPoolRpc[M]>>, { readonly ok: true }>["value"];
};

/** What is asked, and what is answered, by the verb of `StreamPoolRpc`. */
export interface StreamVerbs {
  readonly open: Verb<"openStream", StreamOpenCall>;
  readonly state: Verb<"streamState">;
  readonly chunks: {
    readonly call: Crossing<ChunksCall>;
    readonly answer: ChunksPlaced | Exclude<ChunksAnswer, { readonly outcome: "handed" }>;
  };
  readonly settle: Verb<"settleChunks">;
  readonly available: Verb<"availableChunks">;
  readonly close: Verb<"closeStream">;
}
export type StreamVerb = keyof StreamVerbs;
export type StreamAsk = { [V in StreamVerb]: { readonly verb: V; readonly call: StreamVerbs[V]["call"] } }[StreamVerb];
export type StreamReply = {
  [V in StreamVerb]: { readonly verb: V; readonly answer: StreamVerbs[V]["answer"] };
}[StreamVerb];

export type StreamQuestion = {
  readonly pair: PairName;
  readonly shard: number;
  /** The node whose end asks. */
  readonly from: NodeId;
} & StreamAsk;

/** The end at the asking node has opened, joined or closed a stream: who waits for it looks again. */
export interface StreamNews {
  readonly pair: PairName;
  readonly shard: number;
  readonly from: NodeId;
  readonly ksid: Ksid;
  readonly instance: number;
}

/** Another deployment, as this one's halves of streams need it. */
export interface StreamsElsewhere {
  stream(question: StreamQuestion): PoolResult<StreamReply>;
  streamNews(news: StreamNews): PoolResult<null>;
}
