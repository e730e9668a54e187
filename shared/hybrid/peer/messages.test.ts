import { expect, onTestFinished, test, vi } from "vitest";
import { isPeerHello, PEER_HELLO } from "./hello.ts";
import { parsePeerMessage, type PeerMessage, peerMessageText } from "./messages.ts";

const session = "11111111-2222-3333-4444-555555555555";
const bytes = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (first + at) % 256);

test("hello is of this version, whatever else it will say one day", () => {
  expect(isPeerHello(PEER_HELLO)).toBe(true);
  expect(isPeerHello('{"version":1,"type":"hello","more":true}')).toBe(true);
  for (const text of ["", "null", "[]", '"hello"', '{"type":"hello"}', '{"type":"hello","version":2}']) {
    expect(isPeerHello(text)).toBe(false);
  }
  expect(parsePeerMessage(PEER_HELLO)).toBeNull();
});

test("bytes come back as they went, whatever kind of array holds them", () => {
  const confirm: PeerMessage = {
    type: "confirm",
    session,
    index: 3,
    count: 2,
    tags: [bytes(32, 200), Buffer.from(bytes(64, 7))],
  };
  const text = peerMessageText(confirm);
  expect(text).not.toContain("Buffer");
  const parsed = parsePeerMessage(text);
  expect(parsed).toEqual({ ...confirm, tags: [bytes(32, 200), bytes(64, 7)] });
});

test.each([
  ["another type", { type: "give", session }],
  ["no session", { type: "want", index: 0 }],
  ["a session in capitals", { type: "want", session: session.replaceAll("1", "A"), index: 0 }],
  ["a negative index", { type: "want", session, index: -1 }],
  ["half an index", { type: "want", session, index: 0.5 }],
  ["a tag that is no base64", { type: "confirm", session, index: 0, count: 1, tags: ["AA"] }],
  ["a tag of more than a tag has", { type: "confirm", session, index: 0, count: 1, tags: ["AAAA".repeat(22)] }],
  ["a count that nobody makes at once", { type: "confirm", session, index: 0, count: 0xffff_ffff, tags: null }],
  ["a failure of as many", { type: "failed", session, attempt: 1, index: 0, count: 9, code: "busy", detail: "" }],
  ["more tags than chunks at once", { type: "confirm", session, index: 0, count: 1, tags: Array(9).fill("AAAA") }],
])("%s is no message", (_, value) => {
  expect(parsePeerMessage(JSON.stringify(value))).toBeNull();
});

test.each([
  ["numbers for tags", "1"],
  ["empty tags", '""'],
  ["empty objects", "{}"],
])("a hundred thousand %s are not looked at one by one", (_, item) => {
  const many = Array.from({ length: 100_000 }, () => item).join(",");
  const text = `{"type":"confirm","session":"${session}","index":0,"count":1,"tags":[${many}]}`;
  const parse = vi.spyOn(JSON, "parse");
  onTestFinished(() => parse.mockRestore());
  expect(parsePeerMessage(text)).toBeNull();
  expect(parse).not.toHaveBeenCalled();
});
