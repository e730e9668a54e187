import { expect, test } from "vitest";
import { readErrandLine } from "./errand-line.ts";

test("lines of an agent: what is none is none, and strange reasons are the host's", () => {
  expect(readErrandLine('{"end":"done"}')).toEqual({ end: "done" });
  expect(readErrandLine('{"index":0,"result":{"ok":true}}')).toEqual({ index: 0, result: { ok: true } });
  const key = { ksid: "k", sources: ["QKD"], dropped: [], confirmed: true };
  expect(readErrandLine(JSON.stringify({ index: 3, result: { ok: true, key, notes: ["n"] } }))).toEqual({
    index: 3,
    result: { ok: true, key, notes: ["n"] },
  });
  const failed = { ok: false, reason: "from-the-future", message: "x".repeat(2000) };
  expect(readErrandLine(JSON.stringify({ index: 0, result: failed }))).toEqual({
    index: 0,
    result: { ok: false, reason: "host-refused", message: "x".repeat(500) },
  });
  for (const line of ["", "{", "null", "[]", '{"end":"maybe"}', '{"index":-1,"result":{"ok":true}}', '{"index":0}'])
    expect(readErrandLine(line)).toBeNull();
  expect(readErrandLine('{"index":0,"result":{"ok":true,"key":{"ksid":"k"}}}')).toBeNull();
});
