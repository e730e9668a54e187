/**
 * Key streams at the half that does not keep them: what an end here wants is asked of the other half, and the bytes of
 * its chunks are copied from the records that were announced to this one. KeyStream objects do not notice.
 */
import { fromHex } from "../../shared/bytes/hex.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import type {
  StreamQuestion,
  StreamsElsewhere,
  StreamVerb,
  StreamVerbs,
} from "../../shared/keypool/stream-question.ts";
import type {
  ChunksAnswer,
  ChunksCall,
  PlacedChunk,
  StreamOpenCall,
  StreamOpened,
  StreamPoolRpc,
  StreamState,
} from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commit, commitLeased, type PoolContext } from "./context.ts";
import { otherHalfSilent } from "./refusals.ts";
import type { ChunkRecord } from "./stream-records.ts";
import { copyChunks } from "./stream-telling.ts";

type Call<M extends keyof StreamPoolRpc> = Parameters<StreamPoolRpc[M]>[0];
type Outcome<T> = Promise<Result<T, Fault>>;

export class StreamsAway {
  readonly #pool: PoolContext;
  readonly #own: NodeId;
  readonly #otherNode: NodeId;
  readonly #other: Pick<StreamsElsewhere, "stream">;

  constructor(pool: PoolContext, own: NodeId, other: Pick<StreamsElsewhere, "stream">) {
    this.#pool = pool;
    this.#own = own;
    this.#otherNode = own === pool.pair.low ? pool.pair.high : pool.pair.low;
    this.#other = other;
  }

  async open({ principal, ksid, self, peer, qos, opensAdjusted }: StreamOpenCall): Outcome<StreamOpened> {
    const answer = await this.#ask("open", { ksid, self, peer, qos, opensAdjusted });
    if (!answer.ok) return answer;
    const opened = answer.value;
    if (opened.outcome === "in-use" || opened.stream === null) return ok(opened);
    const stream = this.#seen(opened.stream);
    if (opened.outcome === "opened" || opened.outcome === "joined") {
      const act = opened.outcome === "joined" ? "stream.join" : "stream.open";
      await this.#audit(act, principal, { ksid, instance: stream.instance, peer: peer.sae });
    }
    return ok({ ...opened, stream });
  }

  async state({ ksid, sae }: Call<"streamState">): Outcome<StreamState | null> {
    const answer = await this.#ask("state", { ksid, sae });
    return answer.ok && answer.value !== null ? ok(this.#seen(answer.value)) : answer;
  }

  /** One question is not waited for as long as a call may wait: it is asked again. */
  async chunks(call: ChunksCall): Outcome<ChunksAnswer> {
    const { ksid, instance, self, indices, readAhead, afterClose } = call;
    const untilMs = Date.now() + call.waitMs;
    for (;;) {
      const askedMs = Date.now();
      const waitMs = Math.max(0, Math.min(untilMs - askedMs, LIMITS.streamAwayWaitMs));
      const asked = { ksid, instance, self, indices, readAhead, waitMs, afterClose };
      const answer = await this.#ask("chunks", asked);
      if (!answer.ok) {
        if (answer.error.code === "unavailable") await this.#giveBack(call);
        return answer;
      }
      const { value } = answer;
      if (value.outcome === "placed") return await this.#copy(call, value.chunks);
      const hasWaited = Date.now() - askedMs >= waitMs && Date.now() < untilMs;
      if (value.outcome !== "insufficient" || !hasWaited) return ok(value);
    }
  }

  async settle({ ksid, instance, self, handedBack }: Call<"settleChunks">): Outcome<null> {
    return await this.#ask("settle", { ksid, instance, self, handedBack });
  }

  async available({
    ksid,
    instance,
    self,
    count,
  }: Call<"availableChunks">): Outcome<StreamVerbs["available"]["answer"]> {
    return await this.#ask("available", { ksid, instance, self, count });
  }

  async close({ principal, ksid, instance, self, mayStillFetch }: Call<"closeStream">): Outcome<StreamState | null> {
    const linger = mayStillFetch === undefined ? {} : { mayStillFetch };
    const answer = await this.#ask("close", { ksid, instance, self, ...linger });
    if (!answer.ok || answer.value === null) return answer;
    await this.#audit("stream.close", principal, { ksid, instance });
    return ok(this.#seen(answer.value));
  }

  async #ask<V extends StreamVerb>(verb: V, call: StreamVerbs[V]["call"]): Outcome<StreamVerbs[V]["answer"]> {
    const { pairName: pair, shard } = this.#pool;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parameters pair the verb with its call
    const question = { pair, shard, from: this.#own, verb, call } as unknown as StreamQuestion;
    const reply = await this.#other.stream(question).catch(() => otherHalfSilent());
    if (!reply.ok) return reply;
    if (reply.value.verb !== verb) return fail("unavailable", "the other half has answered another question");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the verb says which answer it is
    return ok(reply.value.answer as StreamVerbs[V]["answer"]);
  }

  /** Nobody knows whether they were handed over: whatever was has reached nobody. */
  async #giveBack({ ksid, instance, self, indices, readAhead }: ChunksCall): Promise<void> {
    const last = indices.at(-1) ?? 0;
    const ahead = Array.from({ length: readAhead }, (_, more) => last + 1 + more);
    await this.#ask("settle", { ksid, instance, self, handedBack: [...indices, ...ahead] });
  }

  /** The other half hands over nothing that was not acknowledged here; what is gone all the same was voided here. */
  async #copy({ principal, self, ksid, instance }: ChunksCall, placed: readonly PlacedChunk[]): Outcome<ChunksAnswer> {
    const pool = this.#pool;
    return await commitLeased<ChunksAnswer>(pool, () => {
      const picks = placed.map(({ index, nonce, key }) => ({ record: recordAt(pool, nonce, index - key), key }));
      const found = picks.flatMap(({ record, key }) =>
        record?.chunks.instance === instance && key < record.keys ? [{ record, keys: [key] }] : [],
      );
      const sizes = new Set(found.map(({ record }) => record.sizeBytes));
      const isWhole = found.length === placed.length && sizes.size === 1;
      const isTheirs = found.every(({ record }) =>
        record.recipients.some((end) => end.sae === self.sae && end.node === self.node),
      );
      if (!isWhole || !isTheirs) return ok({ outcome: "gone" });
      pool.useLease(placed.length);
      const chunks = placed.map(({ index, madeMs, hops = 0 }) => ({ index, madeMs, ...(hops === 0 ? {} : { hops }) }));
      pool.books.audit({
        atMs: Date.now(),
        act: "stream.chunks",
        who: principal,
        node: this.#own,
        detail: {
          ksid,
          instance,
          first_index: placed[0]?.index ?? null,
          chunks: placed.length,
          pool: pool.pairName,
        },
      });
      return ok({ outcome: "handed", chunks, bytes: copyChunks(pool, found) });
    });
  }

  /** The other half keeps the stream: its node is remote, as seen from here. */
  #seen(stream: StreamState): StreamState {
    return { ...stream, remoteNode: this.#otherNode };
  }

  async #audit(act: string, who: string, detail: Readonly<Record<string, string | number | null>>): Promise<void> {
    const pool = this.#pool;
    await commit(pool, () => {
      pool.books.audit({ atMs: Date.now(), act, who, node: this.#own, detail: { ...detail, pool: pool.pairName } });
      return ok(null);
    });
  }
}

/** The record of chunks that begins at this index, as announced to this half. */
function recordAt(pool: PoolContext, nonce: string, first: number): ChunkRecord | undefined {
  const record = pool.records.byId(pool.records.import(fromHex(nonce) ?? new Uint8Array())?.record ?? 0);
  if (record?.announced == null || record.state !== "pending" || record.chunks?.first !== first) return undefined;
  return { ...record, chunks: record.chunks };
}
