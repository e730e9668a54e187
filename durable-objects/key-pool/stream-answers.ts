/** What the half that keeps a pair's key streams answers the other half, for the end at that one's node. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import type {
  StreamAsk,
  StreamQuestion,
  StreamReply,
  StreamVerb,
  StreamVerbs,
} from "../../shared/keypool/stream-question.ts";
import type { StreamState } from "../../shared/keypool/streams.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { PoolContext } from "./context.ts";
import { availableChunks } from "./stream-available.ts";
import { placeChunks } from "./stream-chunks.ts";
import { closeStream } from "./stream-close.ts";
import { openStream } from "./stream-open.ts";
import { stateFor } from "./stream-rows.ts";
import { settleChunks } from "./stream-settle.ts";

type Answer<V extends StreamVerb> = Promise<Result<StreamVerbs[V]["answer"], Fault>>;

interface Asked {
  readonly pool: PoolContext;
  /** The other deployment has judged who its caller is and how often it may call: here it is the node that asks. */
  readonly by: { readonly configVersion: 0; readonly principal: string };
  readonly refill: (bytes: number) => Promise<boolean>;
}

const ANSWERS: {
  readonly [V in StreamVerb]: (asked: Asked, call: StreamVerbs[V]["call"]) => Answer<V>;
} = {
  open: async ({ pool, by }, call) => {
    const opened = await openStream(pool, { ...call, ...by });
    if (!opened.ok || opened.value.outcome === "in-use" || opened.value.stream === null) return opened;
    return ok({ ...opened.value, stream: crossing(opened.value.stream) });
  },
  state: async ({ pool }, call) => crossed(ok(stateFor(pool, call, Date.now()))),
  chunks: async ({ pool, by, refill }, call) => await placeChunks(pool, { ...call, ...by }, refill),
  settle: async ({ pool }, call) => await settleChunks(pool, call),
  available: async ({ pool, by, refill }, call) => await availableChunks(pool, { ...call, ...by }, refill),
  close: async ({ pool, by }, call) => crossed(await closeStream(pool, { ...call, ...by })),
};

/** Which node is remote depends on who looks. */
const crossing = ({ instance, qos, ends, hops, nextIndex }: StreamState): StreamState => ({
  instance,
  qos,
  ends,
  hops,
  nextIndex,
});
const crossed = (state: Result<StreamState | null, Fault>): Result<StreamState | null, Fault> =>
  state.ok && state.value !== null ? ok(crossing(state.value)) : state;

/** @param refill brings in at least so many bytes; false where there are none */
export async function answerStream(
  pool: PoolContext,
  question: StreamQuestion,
  refill: (bytes: number) => Promise<boolean>,
): Promise<Result<StreamReply, Fault>> {
  const { verb, call, from } = question;
  const { half, pair } = pool;
  if (half.ownNode !== pair.low || from !== pair.high)
    return fail("no-route", "this half keeps no streams of that pair");
  if (!isOwnEnd(question, from)) return fail("forbidden", "an end is asked for by its own node");
  const asked: Asked = { pool, by: { configVersion: 0, principal: `node:${from}` }, refill };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table pairs each verb with its answer
  const answer = ANSWERS[verb] as (asked: Asked, call: StreamAsk["call"]) => Answer<StreamVerb>;
  const given = await answer(asked, call);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same
  return given.ok ? ok({ verb, answer: given.value } as StreamReply) : given;
}

const isOwnEnd = ({ call }: StreamAsk, from: NodeId): boolean => !("self" in call) || call.self.node === from;
