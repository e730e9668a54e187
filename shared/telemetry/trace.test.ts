import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { requestIdOf } from "./request-id.ts";
import { readTraceparent, writeTraceparent } from "./trace.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits - 1}}[1-9a-f]$`));

test("what is written is read", () => {
  fc.assert(
    fc.property(fc.record({ traceId: hex(32), spanId: hex(16), isSampled: fc.boolean() }), (context) => {
      expect(readTraceparent(writeTraceparent(context))).toEqual(context);
    }),
  );
});

// W3C Trace Context 3.2.2.
test.each<[string | null, boolean | null]>([
  [`00-${TRACE}-${SPAN}-01`, true],
  [`00-${TRACE}-${SPAN}-00`, false],
  [`00-${TRACE}-${SPAN}-03`, true],
  [`cc-${TRACE}-${SPAN}-01`, true],
  [`cc-${TRACE}-${SPAN}-01-what-the-future-holds`, true],
  [null, null],
  ["", null],
  [`ff-${TRACE}-${SPAN}-01`, null],
  [`00-${TRACE}-${SPAN}-01-more`, null],
  [`cc-${TRACE}-${SPAN}-01.more`, null],
  [`00-${"0".repeat(32)}-${SPAN}-01`, null],
  [`00-${TRACE}-${"0".repeat(16)}-01`, null],
  [`00-${TRACE.toUpperCase()}-${SPAN}-01`, null],
  [`00-${TRACE.slice(1)}-${SPAN}-01`, null],
  [` 00-${TRACE}-${SPAN}-01`, null],
  [`00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`, null],
])("traceparent %j: sampled %s", (header, isSampled) => {
  expect(readTraceparent(header)).toEqual(isSampled === null ? null : { traceId: TRACE, spanId: SPAN, isSampled });
});

test.each([
  ["a", true],
  ["0c6bdf05-b1a8-4d8a-b0a6-2d5b1b9f3f14", true],
  ["Root=1-67891233-abcdef012345678912345678", true],
  ["x".repeat(LIMITS.requestIdChars), true],
  ["x".repeat(LIMITS.requestIdChars + 1), false],
  ["", false],
  ["a b", false],
  ["a, b", false],
  ["a\nb", false],
  ['{"a":1}', false],
  ["é", false],
])("the client's own request id %j counts: %s", (sent, counts) => {
  expect(requestIdOf(sent, () => "made")).toBe(counts ? sent : "made");
});

test("who sends none gets one", () => {
  expect([null, undefined].map((none) => requestIdOf(none, () => "made"))).toEqual(["made", "made"]);
});
