/** What crosses between deployments arrives as it was, and anything else is refused without harm. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fault, type Fault } from "../errors/errors.ts";
import type { BlockId, LinkId, NodeId, PairName, SaeId } from "../ids.ts";
import type { Announcement, HalfBatch, HalfMessage } from "../keypool/half.ts";
import type { SealedImport } from "../keypool/sealed-import.ts";
import type { StreamAsk, StreamNews, StreamQuestion, StreamReply } from "../keypool/stream-question.ts";
import type { StreamState } from "../keypool/streams.ts";
import type { Qos } from "../etsi004/qos.ts";
import type { Ksid } from "../etsi004/types.ts";
import { LIMITS } from "../limits.ts";
import type { RelayId, RelayStep, RelayTerms, StepAnswer } from "../relay/types.ts";
import { err, ok } from "../result.ts";
import {
  answerText,
  isQuestion,
  QUESTIONS,
  type QuestionName,
  type Questions,
  readAnswer,
  readQuestion,
} from "./questions.ts";
import { questionUrl } from "./url.ts";

const count = fc.nat();
const node = fc.constantFrom("tn-1", "tn-2", "tn-3", "a.b_c") as fc.Arbitrary<NodeId>;
const hex = fc.constantFrom("00", "0a".repeat(8), "ff".repeat(32));
const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((some) => Uint8Array.from(some));
const sae = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }) as unknown as fc.Arbitrary<SaeId>;
const block = fc.string({ minLength: 1, maxLength: 20 }) as unknown as fc.Arbitrary<BlockId>;

const terms: fc.Arbitrary<Required<RelayTerms>> = fc.record({
  relay: fc.uuid() as unknown as fc.Arbitrary<RelayId>,
  pair: fc.constant("tn-1|tn-3" as PairName),
  shard: count,
  path: fc.array(node, { minLength: 2, maxLength: 5 }),
  share: fc.tuple(count, count),
  bytes: count,
  expiresMs: count,
  compared: fc.constant(true as const),
});
const message = fc.record({
  draw: fc.record({ shard: count, record: count, nonce: hex }),
  ciphertext: bytes(100),
  tag: bytes(16),
});
const step: fc.Arbitrary<RelayStep> = fc.record({ terms, position: count, message });
const stepAnswer: fc.Arbitrary<StepAnswer> = fc.oneof(
  fc.record({ outcome: fc.constant("onward" as const), message }),
  fc.constantFrom({ outcome: "held" as const }, { outcome: "stored" as const }),
);
const places = fc.array(fc.tuple(block, count), { maxLength: 3 });
const hop = fc.record({
  relay: fc.uuid() as unknown as fc.Arbitrary<RelayId>,
  pair: fc.constant("tn-1|tn-3" as PairName),
  shard: count,
});
/** All that it may have: what is added to it has to cross, too. */
const announcement: fc.Arbitrary<Required<Announcement>> = fc.record({
  kind: fc.constant("announce" as const),
  use: fc.constantFrom("key", "pad", "tag", "stream"),
  hop,
  chunks: fc.record({ instance: count, first: count, madeMs: count }),
  record: count,
  nonce: hex,
  mask: hex,
  keys: count,
  sizeBytes: count,
  segments: fc.array(fc.tuple(block, count, count), { maxLength: 3 }),
  master: sae,
  masterNode: node,
  recipients: fc.array(fc.record({ sae, node }), { maxLength: 3 }),
  expiresMs: count,
});
const halfMessage: fc.Arbitrary<HalfMessage> = fc.oneof(
  fc.record({ kind: fc.constant("taken" as const), block, bytes: count }),
  fc.record({ kind: fc.constant("give-up" as const), block }),
  announcement,
  announcement.map((ofPad) => {
    const { hop: _, chunks: __, ...ofKeys } = ofPad;
    return ofKeys;
  }),
  fc.record({ kind: fc.constant("void" as const), nonce: hex }),
  fc.record({
    kind: fc.constant("end" as const),
    nonce: hex,
    delivered: count,
    as: fc.constantFrom("expired", "voided"),
  }),
  fc.record({
    kind: fc.constant("fetched" as const),
    record: count,
    nonce: hex,
    sae,
    runs: fc.array(fc.tuple(count, count), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("yield" as const), units: places }),
  fc.record({ kind: fc.constant("retire" as const), units: places, as: fc.constantFrom("remainder", "voided") }),
);
const half: fc.Arbitrary<Required<HalfBatch>> = fc.record({
  pair: fc.constant("tn-1|tn-2" as PairName),
  shard: count,
  from: fc.constant("tn-1" as NodeId),
  generation: count,
  settled: count,
  messages: fc.array(fc.record({ seq: count, message: halfMessage }), { maxLength: 5 }),
  wantBytes: count,
});
const advertise: fc.Arbitrary<Required<Questions["advertise"]["call"]>> = fc.record({
  from: node,
  has: fc.array(fc.tuple(node, count), { maxLength: 3 }),
  advertisements: fc.array(
    fc.record({
      node,
      sequence: count,
      ageMs: count,
      links: fc.array(
        fc.record({
          link: fc.constant("l-12" as LinkId),
          peer: node,
          availableBits: count,
          keyRateBps: count,
          qber: fc.option(fc.constantFrom(0, 0.11, 0.5)),
        }),
        { maxLength: 3 },
      ),
      saes: fc.array(sae, { maxLength: 3 }),
      signature: fc.option(fc.base64String({ maxLength: 20 })),
    }),
    { maxLength: 3 },
  ),
});

const taken = fc.record({
  pair: fc.constant("tn-1|tn-2" as PairName),
  shard: count,
  from: fc.constant("tn-1" as NodeId),
  nonce: hex,
});
const sealed: fc.Arbitrary<SealedImport> = fc
  .record({
    master: sae,
    recipients: fc.array(fc.record({ sae, node }), { maxLength: 3 }),
    mask: hex,
    keys: count,
    sizeBytes: count,
    expiresMs: count,
    draw: fc.record({ shard: count, record: count, nonce: hex, simulated: fc.constant(true as const) }),
    drawn: fc.uuid() as unknown as fc.Arbitrary<RelayId>,
    ciphertext: bytes(100),
    tag: bytes(16),
  })
  .chain((rest) => taken.map((where) => ({ ...where, ...rest })));

const ksid = fc.uuid() as unknown as fc.Arbitrary<Ksid>;
const end = fc.record({ sae, node });
const qos: fc.Arbitrary<Qos> = fc.record({
  chunkBytes: count,
  maxBps: count,
  minBps: count,
  jitterBps: count,
  priority: count,
  timeoutMs: count,
  ttlSeconds: count,
  metadataMimetype: fc.string({ maxLength: 20 }),
});
const named = { ksid, instance: count, self: end };
const indices = fc.array(count, { maxLength: 3 });
const streamAsk: fc.Arbitrary<StreamAsk> = fc.oneof(
  fc.record({
    verb: fc.constant("open" as const),
    call: fc.record({
      ksid,
      self: end,
      peer: fc.record({ sae: fc.option(sae), node }),
      qos,
      opensAdjusted: fc.boolean(),
    }),
  }),
  fc.record({ verb: fc.constant("state" as const), call: fc.record({ ksid, sae }) }),
  fc.record({
    verb: fc.constant("chunks" as const),
    call: fc.record({ ...named, indices, readAhead: count, waitMs: count, afterClose: fc.boolean() }),
  }),
  fc.record({ verb: fc.constant("settle" as const), call: fc.record({ ...named, handedBack: indices }) }),
  fc.record({ verb: fc.constant("available" as const), call: fc.record({ ...named, count: fc.option(count) }) }),
  fc.record({ verb: fc.constant("close" as const), call: fc.record({ ...named, mayStillFetch: fc.boolean() }) }),
);
const asked = fc.record({
  pair: fc.constant("tn-1|tn-2" as PairName),
  shard: count,
  from: fc.constant("tn-2" as NodeId),
});
const streamQuestion = fc.tuple(asked, streamAsk).map(([where, ask]): StreamQuestion => ({ ...where, ...ask }));
const streamNews = fc.tuple(asked, fc.record({ ksid, instance: count })).map(([a, b]): StreamNews => ({ ...a, ...b }));

const sideState = fc.record({ sae: fc.option(sae), node, state: fc.constantFrom("absent", "open", "closed") });
const streamState: fc.Arbitrary<StreamState> = fc.record({
  instance: count,
  qos,
  ends: fc.tuple(sideState, sideState),
  hops: count,
  nextIndex: count,
});
const placedChunk = fc.record({ index: count, madeMs: count, hops: count, nonce: hex, key: count });
const streamReply: fc.Arbitrary<StreamReply> = fc.oneof(
  fc.record({
    verb: fc.constant("open" as const),
    answer: fc.oneof(
      fc.record({ outcome: fc.constantFrom("opened", "joined", "same-end"), stream: streamState }),
      fc.record({ outcome: fc.constant("qos-not-met" as const), qos, stream: fc.option(streamState) }),
      fc.constant({ outcome: "in-use" as const }),
    ),
  }),
  fc.record({ verb: fc.constantFrom("state", "close"), answer: fc.option(streamState) }),
  fc.record({
    verb: fc.constant("chunks" as const),
    answer: fc.oneof(
      fc.record({ outcome: fc.constant("placed" as const), chunks: fc.array(placedChunk, { maxLength: 3 }) }),
      fc.record({ outcome: fc.constantFrom("gone", "insufficient", "peer-absent", "closed", "unknown") }),
    ),
  }),
  fc.constant({ verb: "settle" as const, answer: null }),
  fc.record({ verb: fc.constant("available" as const), answer: fc.record({ indices, possible: count }) }),
);

const calls = fc.oneof(
  streamQuestion.map((call) => ["stream", call] as const),
  streamNews.map((call) => ["stream-news", call] as const),
  step.map((call) => ["step", call] as const),
  terms.map((made) => ["void", { terms: made }] as const),
  fc.record({ terms, challenge: bytes(16), tag: bytes(16) }).map((call) => ["compare", call] as const),
  advertise.map((call) => ["advertise", call] as const),
  half.map((call) => ["half", call] as const),
  sealed.map((call) => ["import", call] as const),
  taken.map((call) => ["void-import", call] as const),
);
/** A question that its asker asks of a node it is for, where there is one. */
function crossed<Q extends QuestionName>(name: Q, call: Questions[Q]["call"]) {
  const { asker, isFor, callText } = QUESTIONS[name];
  const to = (["tn-1", "tn-2", "tn-3", "a.b_c"] as NodeId[]).find((each) => isFor(call, each));
  if (to === undefined) return undefined;
  return readQuestion(name, JSON.parse(callText(call)), { from: asker(call)!, to });
}

const stepOf = (path: string[], position: number): RelayStep => ({
  terms: {
    relay: "r" as RelayId,
    pair: "tn-1|tn-3" as PairName,
    shard: 60,
    path: path as NodeId[],
    share: [0, 1],
    bytes: 1,
    expiresMs: 1,
  },
  position,
  message: { draw: { shard: 0, record: 1, nonce: "00" }, ciphertext: new Uint8Array(1), tag: new Uint8Array(16) },
});
const compareOf = (path: string[]) => ({
  terms: stepOf(path, 1).terms,
  challenge: new Uint8Array(16),
  tag: new Uint8Array(16),
});
const batchOf = (pair: string, from: string): HalfBatch => ({
  pair: pair as PairName,
  shard: 0,
  from: from as NodeId,
  generation: 1,
  settled: 0,
  messages: [],
  wantBytes: 0,
});

const NAMES = Object.keys(QUESTIONS) as QuestionName[];

describe("questions", () => {
  test("arrive as they were asked", () => {
    fc.assert(
      fc.property(calls, ([name, call]) => {
        const read = crossed(name, call);
        if (read !== undefined) expect(read).toEqual(ok(call));
      }),
    );
  });

  test("that are something else are refused, whatever it is", () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.jsonValue(), (name, junk) => {
        const read = readQuestion(name, junk, { from: "tn-1", to: "tn-2" });
        expect(read.ok ? null : read.error.code).toBe("bad-request");
      }),
    );
  });

  test("with one member missing, added or of another type are refused", () => {
    fc.assert(
      fc.property(calls, fc.nat(), ([name, call], which) => {
        const wire = JSON.parse(QUESTIONS[name].callText(call as never)) as Record<string, unknown>;
        const names = Object.keys(wire);
        const member = names[which % names.length]!;
        const { [member]: _, ...without } = wire;
        const bare = member === "has" ? [] : [without];
        for (const wrong of [...bare, { ...wire, more: 1 }, { ...wire, [member]: true }]) {
          const read = readQuestion(name, wrong, { from: "tn-1", to: "tn-2" });
          expect(read.ok ? null : read.error.code).toBe("bad-request");
        }
      }),
    );
  });

  const path = ["tn-1", "tn-2", "tn-3"];
  test.each<[string, QuestionName, Questions[QuestionName]["call"], string, string, boolean]>([
    ["a step of the initiator's", "step", stepOf(path, 1), "tn-1", "tn-2", true],
    ["a step of another's relay", "step", stepOf(path, 1), "tn-3", "tn-2", false],
    ["a step to another position", "step", stepOf(path, 2), "tn-1", "tn-2", false],
    ["a step back to who began", "step", stepOf(path, 0), "tn-1", "tn-1", false],
    ["the end of its own relay", "void", { terms: stepOf(path, 1).terms }, "tn-1", "tn-3", true],
    ["the end, its key compared", "compare", compareOf(path), "tn-1", "tn-3", true],
    ["the end, its key compared by another", "compare", compareOf(path), "tn-2", "tn-3", false],
    ["a node between, its key compared", "compare", compareOf(path), "tn-1", "tn-2", false],
    ["the end of another's", "void", { terms: stepOf(path, 1).terms }, "tn-2", "tn-3", false],
    ["the end, to a node beside the path", "void", { terms: stepOf(path, 1).terms }, "tn-1", "tn-4", false],
    ["its own word", "advertise", { from: "tn-1" as NodeId, advertisements: [] }, "tn-1", "tn-2", true],
    ["in another's name", "advertise", { from: "tn-3" as NodeId, advertisements: [] }, "tn-1", "tn-2", false],
    ["the half of its pool", "half", batchOf("tn-1|tn-2", "tn-1"), "tn-1", "tn-2", true],
    ["another's half", "half", batchOf("tn-1|tn-2", "tn-2"), "tn-1", "tn-2", false],
    ["the half of others' pool", "half", batchOf("tn-1|tn-3", "tn-1"), "tn-1", "tn-2", false],
    ["one pair spelt otherwise", "half", batchOf("tn-2|tn-1", "tn-1"), "tn-1", "tn-2", false],
  ])("%s", (_, name, call, from, to, isTheirs) => {
    const read = readQuestion(name, JSON.parse(QUESTIONS[name].callText(call as never)), { from, to });
    expect(read.ok ? null : read.error.code).toBe(isTheirs ? null : "forbidden");
  });

  test("go by the names in the table, and no others", () => {
    for (const name of ["step", "void", "advertise", "half"]) expect(isQuestion(name)).toBe(true);
    for (const name of ["", "Step", "constructor", "__proto__", "toString"]) expect(isQuestion(name)).toBe(false);
  });
});

describe("answers", () => {
  test("arrive as they were given", () => {
    fc.assert(
      fc.property(stepAnswer, (given) => {
        expect(readAnswer("step", answerText("step", ok(given)))).toEqual(ok(given));
      }),
    );
    const halves = { applied: 3, refused: [{ seq: 2, fault: fault("conflict", "not here") }], yieldedBytes: 4096 };
    expect(readAnswer("half", answerText("half", ok(halves)))).toEqual(ok(halves));
    expect(readAnswer("void", answerText("void", ok(null)))).toEqual(ok(null));
    fc.assert(
      fc.property(streamReply, (given) => {
        expect(readAnswer("stream", answerText("stream", ok(given)))).toEqual(ok(given));
      }),
    );
  });

  test("of faults bring the code and the words, and nothing else", () => {
    const whole: Fault = { ...fault("link-budget", "no more", [{ secret: 1 }]), retryAfterSeconds: 3 };
    expect(readAnswer("step", answerText("step", err(whole)))).toEqual(err(fault("link-budget", "no more")));
    const refused = { applied: 1, refused: [{ seq: 1, fault: whole }], yieldedBytes: 0 };
    expect(answerText("half", ok(refused))).not.toContain("secret");
  });

  test("of faults hold no control characters, and are bounded", () => {
    const text = answerText("void", err(fault("conflict", `a\u0000\n\u009b${"x".repeat(10_000)}`)));
    const read = readAnswer("void", text);
    expect(read.ok ? "" : read.error.message).toBe(`a   ${"x".repeat(LIMITS.peerFaultChars - 4)}`);
  });

  test.each([
    "",
    "null",
    '{"ok":true}',
    '{"ok":true,"value":1}',
    '{"ok":false,"error":{"code":"made-up","message":""}}',
    '{"ok":false,"error":{"code":"conflict","message":"a\\u001b[2J"}}',
    `{"ok":false,"error":{"code":"conflict","message":"${"x".repeat(LIMITS.peerFaultChars + 1)}"}}`,
    '{"ok":false,"error":{"code":"conflict","message":"","retryAfterSeconds":1e9}}',
    '{"ok":"true","value":null}',
    "[".repeat(100_000),
  ])("that are none count as no answer: %.60s", (text) => {
    const read = readAnswer("void", text);
    expect(read.ok ? null : read.error.code).toBe("unavailable");
  });
});

test.each([
  ["https://edge.example", "https://edge.example/api/v1/peers/tn-1/step"],
  ["https://edge.example:8443/qkd/", "https://edge.example:8443/qkd/api/v1/peers/tn-1/step"],
  ["http://127.0.0.1:8787", "http://127.0.0.1:8787/api/v1/peers/tn-1/step"],
  ["http://[::1]:8787", "http://[::1]:8787/api/v1/peers/tn-1/step"],
  ["http://localhost", "http://localhost/api/v1/peers/tn-1/step"],
  ["http://edge.example", null],
  ["http://127.0.0.1.evil.example", null],
  ["http://localhost.evil.example", null],
  ["http://10.0.0.1", null],
  ["https://user:secret@edge.example", null],
  ["https://edge.example/?a=1", null],
  ["https://edge.example/#a", null],
  ["ftp://edge.example", null],
  ["javascript:alert(1)", null],
  ["edge.example", null],
  ["", null],
])("%s is asked at %s", (base, expected) => {
  expect(questionUrl(base, "tn-1", "step")).toBe(expected);
});
