/**
 * What deployments ask each other, in one table: how a question is written and read, who may ask it, and whom. The
 * signature says who asks (letter.ts); this, whether the question is his to ask.
 */
import * as v from "valibot";
import { fail, type Fault } from "../errors/errors.ts";
import { parseShape } from "../errors/members.ts";
import { pairName, pairOf, type NodeId } from "../ids.ts";
import type { HalfAnswer, HalfBatch } from "../keypool/half.ts";
import type { SealedImport, VoidImport } from "../keypool/sealed-import.ts";
import type { StreamNews, StreamQuestion, StreamReply } from "../keypool/stream-question.ts";
import type { CompareAnswer, CompareCall, RelayStep, RelayTerms, StepAnswer, VoidRelaysCall } from "../relay/types.ts";
import {
  CompareAnswerSchema,
  CompareCallSchema,
  relayText,
  RelayStepSchema,
  RelayTermsSchema,
  StepAnswerSchema,
  VoidRelaysSchema,
} from "../relay/wire.ts";
import { ok, type Result } from "../result.ts";
import type { FloodCall } from "../routing/flood/types.ts";
import { FloodCallSchema } from "./flood-wire.ts";
import { HalfAnswerSchema, HalfBatchSchema } from "./half-wire.ts";
import { importText, SealedImportSchema, VoidImportSchema } from "./import-wire.ts";
import { crossing, outcomeText, readOutcome } from "./outcome.ts";
import { StreamNewsSchema, StreamQuestionSchema, StreamReplySchema } from "./stream-wire.ts";

/** By the name it has in the path: what is asked, and what is answered. */
export interface Questions {
  /** To the next node of a relay. */
  readonly step: { readonly call: RelayStep; readonly answer: StepAnswer };
  /** To a node of a relay that is given up. */
  readonly void: { readonly call: { readonly terms: RelayTerms }; readonly answer: null };
  /** To the target of relays that began here, and that a crash has ended. */
  readonly "void-all": { readonly call: VoidRelaysCall; readonly answer: null };
  /** To the target of a relay that began here. */
  readonly compare: { readonly call: CompareCall; readonly answer: CompareAnswer };
  /** To a neighbour. */
  readonly advertise: { readonly call: FloodCall; readonly answer: null };
  /** To the other half of a pool. */
  readonly half: { readonly call: HalfBatch; readonly answer: HalfAnswer };
  /** To the pool of the same pair over there: keys of a multicast, and those that it shall not give after all. */
  readonly import: { readonly call: SealedImport; readonly answer: null };
  readonly "void-import": { readonly call: VoidImport; readonly answer: null };
  /** To the half that keeps the pair's key streams; and to a stream's other end. */
  readonly stream: { readonly call: StreamQuestion; readonly answer: StreamReply };
  readonly "stream-news": { readonly call: StreamNews; readonly answer: null };
}
export type QuestionName = keyof Questions;

interface Entry<Q extends QuestionName> {
  readonly call: v.GenericSchema<unknown, Questions[Q]["call"]>;
  readonly answer: v.GenericSchema<unknown, Questions[Q]["answer"]>;
  readonly callText: (call: Questions[Q]["call"]) => string;
  readonly answerText: (answer: Questions[Q]["answer"]) => string;
  /** Whose question it is. */
  readonly asker: (call: Questions[Q]["call"]) => NodeId | undefined;
  /** Is it one for this node? */
  readonly isFor: (call: Questions[Q]["call"], to: NodeId) => boolean;
}

const text = (value: unknown): string => JSON.stringify(value);
const done = v.null();

/** Of the pool of two nodes, the other asks. */
const isForPool = ({ pair, from }: Pick<VoidImport, "pair" | "from">, to: NodeId): boolean =>
  pair === pairName(pairOf(from, to)) && from !== to;

export const QUESTIONS: { readonly [Q in QuestionName]: Entry<Q> } = {
  step: {
    call: RelayStepSchema,
    answer: StepAnswerSchema,
    callText: relayText,
    answerText: relayText,
    asker: ({ terms }) => terms.path[0],
    isFor: ({ terms, position }, to) => position > 0 && terms.path[position] === to,
  },
  void: {
    call: v.strictObject({ terms: RelayTermsSchema }),
    answer: done,
    callText: text,
    answerText: text,
    asker: ({ terms }) => terms.path[0],
    isFor: ({ terms }, to) => terms.path.includes(to, 1),
  },
  "void-all": {
    call: VoidRelaysSchema,
    answer: done,
    callText: text,
    answerText: text,
    asker: ({ from }) => from,
    isFor: isForPool,
  },
  compare: {
    call: CompareCallSchema,
    answer: CompareAnswerSchema,
    callText: relayText,
    answerText: text,
    asker: ({ terms }) => terms.path[0],
    isFor: ({ terms }, to) => terms.path.at(-1) === to,
  },
  advertise: {
    call: FloodCallSchema,
    answer: done,
    callText: text,
    answerText: text,
    asker: ({ from }) => from,
    isFor: () => true,
  },
  half: {
    call: HalfBatchSchema,
    answer: HalfAnswerSchema,
    callText: text,
    answerText: ({ refused, ...answer }) =>
      text({ ...answer, refused: refused.map(({ seq, fault }) => ({ seq, fault: crossing(fault) })) }),
    asker: ({ from }) => from,
    isFor: isForPool,
  },
  import: {
    call: SealedImportSchema,
    answer: done,
    callText: importText,
    answerText: text,
    asker: ({ from }) => from,
    isFor: isForPool,
  },
  "void-import": {
    call: VoidImportSchema,
    answer: done,
    callText: importText,
    answerText: text,
    asker: ({ from }) => from,
    isFor: isForPool,
  },
  stream: {
    call: StreamQuestionSchema,
    answer: StreamReplySchema,
    callText: text,
    answerText: text,
    asker: ({ from }) => from,
    isFor: isForPool,
  },
  "stream-news": {
    call: StreamNewsSchema,
    answer: done,
    callText: text,
    answerText: text,
    asker: ({ from }) => from,
    isFor: isForPool,
  },
};

export const isQuestion = (name: string): name is QuestionName => Object.hasOwn(QUESTIONS, name);

/**
 * A question as it came, and whether `from` may ask it of `to`.
 * @returns `bad-request` for what is none, `forbidden`
 */
export function readQuestion<Q extends QuestionName>(
  name: Q,
  body: unknown,
  { from, to }: { readonly from: string; readonly to: string },
): Result<Questions[Q]["call"], Fault> {
  const { call: schema, asker, isFor }: Entry<Q> = QUESTIONS[name];
  const call = parseShape(schema, body, "the question");
  if (!call.ok) return call;
  if (asker(call.value) !== from) return fail("forbidden", "this question is another node's to ask");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the id of a node of the document
  return isFor(call.value, to as NodeId) ? ok(call.value) : fail("forbidden", "this question is for another node");
}

/** An outcome as it crosses, and back. */
export const answerText = <Q extends QuestionName>(name: Q, result: Result<Questions[Q]["answer"], Fault>): string =>
  outcomeText(result, QUESTIONS[name].answerText);
export const readAnswer = <Q extends QuestionName>(name: Q, body: string): Result<Questions[Q]["answer"], Fault> =>
  readOutcome(body, QUESTIONS[name].answer);
