import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { ALONE, type BatchAnswer, type BatchRequest, keyVerbOf, readBatch, writeBatch, writePart } from "./batch.ts";
import { AnswerReader, type ReadAnswer } from "./read-answers.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

describe("what may travel in a batch", () => {
  test.each([
    ["/api/v1/keys/sae-b/enc_keys", "enc_keys"],
    ["/api/v1/keys/sae-b/dec_keys?key_ID=x", "dec_keys"],
    ["/api/v1/keys/sae-b/enc_keys?", "enc_keys"],
    ["/api/v1/keys/../enc_keys", "enc_keys"],
    ["/api/v1/keys/a%2Fb%23%3F/enc_keys?/api/v1/keys/x/dec_keys", "enc_keys"],
    ["/api/v1/keys//enc_keys", null],
    ["/api/v1/keys/sae-b/status", null],
    ["/api/v1/keys/sae-b/enc_keys/", null],
    ["/api/v1/keys/sae-b/enc%5Fkeys", null],
    ["/api/v1/keys/sae-b/ENC_KEYS", null],
    ["/api/v1/keys/a/b/enc_keys", null],
    ["/api/v1/keys/sae-b/enc_keys#x", null],
    ["/api/v1/keys/sae#b/enc_keys", null],
    ["/api/v1/keys/sae-b/enc_keys?x#y", null],
    ["/api/v1/keys/sæ/enc_keys", null],
    ["/api/v1/keys/sae-b/enc_keys?x=é", null],
    ["/api/v1/keys/sae b/enc_keys", null],
    ["/api/v1/keys/a\\b/enc_keys", null],
    ['/api/v1/keys/sae-b/enc_keys?"<>`', null],
    ["/api/v1/keys/sae-b/enc_keys\n", null],
    ["/api/v1/keys/sae-b/enc_keys?\r\nX: y", null],
    ["/api/v1/keys/sae\u0000b/enc_keys", null],
    ["//api/v1/keys/sae-b/enc_keys", null],
    ["http://x/api/v1/keys/sae-b/enc_keys", null],
    ["/front/batch", null],
  ])("%j: %s", (target, verb) => expect(keyVerbOf(target)).toBe(verb));
});

test("requests are read as they were written, whatever their texts", () => {
  const anything = fc.string({ unit: "binary" }).map((text) => text.toWellFormed());
  const request = fc.record<BatchRequest>({
    caller: fc.nat(3),
    method: fc.constantFrom("GET", "POST"),
    target: anything,
    body: fc.option(anything),
    idempotencyKey: fc.option(anything),
    requestId: anything,
    traceparent: fc.option(anything),
  });
  fc.assert(
    fc.property(fc.array(anything), fc.array(request), (callers, requests) => {
      const text = writeBatch(
        callers.map((caller) => JSON.stringify({ caller })),
        requests,
      );
      expect(readBatch(decode(encode(text)))).toEqual({ callers: callers.map((caller) => ({ caller })), requests });
    }),
  );
});

/** Some header objects are shared, as those of the Worker are. */
const HEADERS = [
  { "Content-Type": "application/json" },
  { "Cache-Control": "no-store", "Retry-After": "1" },
  { Empty: "" },
  {},
];
const answersOf = (bodies: readonly string[]): fc.Arbitrary<BatchAnswer[]> =>
  fc.tuple(...bodies.map((body, request) => answerOf(request, body)));
const answerOf = (request: number, body: string): fc.Arbitrary<BatchAnswer> =>
  fc.record({
    request: fc.constant(request),
    status: fc.constantFrom(ALONE, 200, 401, 503),
    headers: fc.constantFrom(...HEADERS).chain((table) => fc.constantFrom(table, { ...table })),
    body: fc.constant(body),
    ...(/^[\0-\u007f]*$/.test(body) ? { ascii: fc.boolean() } : {}),
  });
/** Answers in any order, cut into parts of any length. */
const parts = fc
  .array(fc.string({ unit: "binary" }), { maxLength: 12 })
  .chain((bodies) => answersOf(bodies.map((body) => body.toWellFormed())))
  .chain((answers) => fc.shuffledSubarray(answers, { minLength: answers.length }))
  .chain((answers) => fc.tuple(fc.constant(answers), fc.array(fc.nat(answers.length), { maxLength: 3 })))
  .map(([answers, cuts]) => {
    const at = [0, ...cuts.toSorted((a, b) => a - b), answers.length];
    return at.slice(1).map((end, i) => answers.slice(at[i], end));
  });

const plain = ({ request, status, headers, body }: BatchAnswer) => ({
  request,
  status,
  headers: Object.entries(headers).flat(),
  body,
  bodyBytes: encode(body).length,
});

test("answers come back whole, however they are parted, and however the parts are cut up on the way", () => {
  fc.assert(
    fc.property(parts, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sent, lengths) => {
      const wire = encode(sent.map(writePart).join(""));
      const reader = new AnswerReader(sent.flat().length);
      const read: ReadAnswer[] = [];
      for (let at = 0; at < wire.length;) {
        const length = lengths.next().value ?? 1;
        read.push(...reader.push(wire.subarray(at, at + length)));
        at += length;
      }
      expect(read).toEqual(sent.flat().map(plain));
    }),
  );
});

const part = (...requests: number[]) =>
  encode(writePart(requests.map((request) => ({ request, status: 200, headers: {}, body: `body ${request}` }))));

test("each request is answered as soon as its answer is whole", () => {
  const reader = new AnswerReader(3);
  const early = part(2, 0);
  expect(reader.push(early.subarray(0, -1)).map(({ request }) => request)).toEqual([2]);
  expect(reader.push(early.subarray(-1)).map(({ request }) => request)).toEqual([0]);
  expect(reader.push(part(1)).map(({ request }) => request)).toEqual([1]);
});

const line = (head: unknown, bodies = ""): string => `${JSON.stringify(head)}\n${bodies}`;
const one = (answer: unknown, headers: unknown = [[]]): string => line({ headers, answers: [answer] }, "xx");

describe("what is no answer to the batch", () => {
  test.each([
    ["no JSON", "x\n"],
    ["another JSON", "null\n"],
    ["a number", "5\n"],
    ["an array", "[]\n"],
    ["no answers", line({ headers: [] })],
    ["a request that was not asked", one([2, 200, 0, 2])],
    [
      "one more often than asked",
      line(
        {
          headers: [[]],
          answers: [
            [0, 200, 0, 1],
            [0, 200, 0, 1],
          ],
        },
        "xx",
      ),
    ],
    ["a negative request", one([-1, 200, 0, 2])],
    [
      "a negative length",
      line(
        {
          headers: [[]],
          answers: [
            [0, 200, 0, 4],
            [1, 200, 0, -2],
          ],
        },
        "xx",
      ),
    ],
    ["half a byte", one([0, 200, 0, 1.5])],
    ["a length as text", one([0, 200, 0, "2"])],
    ["more than there may be", one([0, 200, 0, LIMITS.batchPartBytes + 1])],
    ["an endless one", one([0, 200, 0, 2 ** 53])],
    ["a status that is none", one([0, 100, 0, 2])],
    ["another that is none", one([0, 600, 0, 2])],
    ["headers that are not there", one([0, 200, 1, 2])],
    ["a name without a value", one([0, 200, 0, 2], [["X"]])],
    ["a number for a value", one([0, 200, 0, 2], [["X", 1]])],
    ["a header that would be two", one([0, 200, 0, 2], [["X", "y\r\nZ: z"]])],
    ["a line without end", "x".repeat(LIMITS.batchHeadBytes)],
  ])("%s", (_name, text) => {
    const reader = new AnswerReader(2);
    expect(() => reader.push(encode(text))).toThrow();
  });

  test("anything at all is thrown at or waited with, never made an answer twice", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        const reader = new AnswerReader(2);
        try {
          for (const chunk of chunks) expect(reader.push(chunk)).toEqual([]);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
