import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../limits.ts";
import type { Ksid } from "../types.ts";
import { answerText, closed, failed, keyGiven, opened } from "./answers.ts";
import { parseRequest } from "./requests.ts";
import { JsonSplitter, type Piece } from "./splitter.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const objectOf = (text: string): Piece => ({ kind: "object", text });
const split = (...segments: readonly (string | Uint8Array)[]) => {
  const splitter = new JsonSplitter();
  return segments.flatMap((segment) => splitter.push(typeof segment === "string" ? utf8(segment) : segment));
};
const kinds = (pieces: readonly Piece[]) => pieces.map(({ kind }) => kind);

const ksid = "00112233-4455-4677-8899-aabbccddeeff" as Ksid;
/** What the hybridization module's QKD source sends. */
const qos = {
  key_chunk_size: 32,
  max_bps: 32,
  min_bps: 32,
  jitter: 0,
  priority: 0,
  timeout: 0,
  ttl: 0,
  metadata_mimetype: "application/json",
};
const open = {
  command: "OPEN_CONNECT",
  data: {
    source: "qkd://Application1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
    destination: "qkd://Application4@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
    qos,
  },
};

const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}[]${"}".repeat(depth - 1)}`;

const objects = (each: readonly Piece[]) => each.filter(({ kind }) => kind !== "garbage");

describe("cutting objects out of a stream", () => {
  test("J-06, J-10 split anywhere, or several in a segment: the same objects, in order", () => {
    const someObjects = fc.array(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 6 })), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        someObjects,
        fc.array(fc.constantFrom(" ", "\n", "\r\n", "\t", ""), { minLength: 6, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (each, blanks, cuts) => {
          const texts = each.map((object) => JSON.stringify(object).toWellFormed());
          const bytes = utf8(texts.map((text, i) => text + blanks[i]).join(""));
          const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
          const segments = borders.slice(1).map((end, i) => bytes.slice(borders[i], end));
          expect(split(...segments)).toEqual(texts.map(objectOf));
        },
      ),
    );
  });

  test("braces, quotes and backslashes in strings, and characters over a segment's border", () => {
    const text = String.raw`{"a}":"\\\"}{\\","ü€😀":["}",{"]":1}]}`;
    expect(split(text + text)).toEqual([objectOf(text), objectOf(text)]);
    expect(split(...[...utf8(text)].map((byte) => Uint8Array.of(byte)))).toEqual([objectOf(text)]);
  });

  test("J-05 garbage is told once a segment, up to the next brace", () => {
    expect(kinds(split("not json"))).toEqual(["garbage"]);
    expect(kinds(split("not ", "json"))).toEqual(["garbage", "garbage"]);
    expect(split('not json {"a":1} ]', '{"b":2}')).toEqual([
      { kind: "garbage" },
      objectOf('{"a":1}'),
      { kind: "garbage" },
      objectOf('{"b":2}'),
    ]);
    expect(kinds(split('"{}"'))).toEqual(["garbage", "object", "garbage"]);
    expect(split(" \r\n\t", "")).toEqual([]);
  });

  test("an object that is no JSON ends where its braces balance; the next is read", () => {
    expect(split("{'a': [}", '{"b":]}{}')).toEqual([objectOf("{'a': [}"), objectOf('{"b":]}'), objectOf("{}")]);
    expect(split(Uint8Array.of(0x7b, 0xff, 0x7d, 0x7b, 0x7d))).toEqual([{ kind: "not-utf8" }, objectOf("{}")]);
  });

  test("an object above 64 KiB, or nested too deep, ends it, without keeping it", () => {
    const max = LIMITS.streamJsonBytes;
    const fits = `{"a":"${"x".repeat(max - 8)}"}`;
    expect(kinds(split(fits.slice(0, 1000), fits.slice(1000)))).toEqual(["object"]);
    const splitter = new JsonSplitter();
    expect(splitter.push(utf8(fits.slice(0, -2)))).toEqual([]);
    expect(splitter.pendingBytes).toBe(max - 2);
    expect(kinds(splitter.push(utf8('xx"}{}')))).toEqual(["too-large"]);
    expect(splitter.pendingBytes).toBe(0);
    expect(splitter.push(utf8("{}"))).toEqual([]);
    expect(kinds(split(`{"a":"${"x".repeat(10 * 1024 * 1024)}"}`))).toEqual(["too-large"]);
    expect(kinds(split(nested(LIMITS.jsonDepth)))).toEqual(["object"]);
    expect(kinds(split(nested(LIMITS.jsonDepth + 1)))).toEqual(["too-deep"]);
    expect(kinds(split("{".repeat(1_000_000)))).toEqual(["too-deep"]);
    expect(kinds(split(`{"a":${"[".repeat(1_000_000)}`))).toEqual(["too-deep"]);
    const closers = `{"a":${"]".repeat(100)}`;
    expect(kinds(split(closers + "{".repeat(LIMITS.jsonDepth)))).toEqual(["too-deep"]);
    const openers = `{"a":${"[".repeat(LIMITS.jsonDepth - 1)}}`;
    expect(kinds(split(openers + openers))).toEqual(["object", "object"]);
  });

  test("any bytes: nothing thrown, cut or not the same objects", () => {
    const piece = fc.constantFrom("{", "}", "[", "]", '"', "\\", ",", ":", "1", " ", "é", "null", "{}", '{"a":1}');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const bytes = utf8(pieces.join(""));
        const single = split(...[...bytes].map((byte) => Uint8Array.of(byte)));
        expect(objects(single)).toEqual(objects(split(bytes)));
      }),
    );
  });
});

const read = (request: unknown) => parseRequest(JSON.stringify(request));

describe("requests", () => {
  test("J-01 OPEN_CONNECT as the QKD source sends it", () => {
    expect(read(open)).toEqual({
      ok: true,
      value: {
        command: "OPEN_CONNECT",
        source: open.data.source,
        destination: open.data.destination,
        qos: {
          chunkBytes: 32,
          maxBps: 32,
          minBps: 32,
          jitterBps: 0,
          priority: 0,
          timeoutMs: 0,
          ttlSeconds: 0,
          metadataMimetype: "application/json",
        },
      },
    });
  });

  test("J-02, J-03 GET_KEY with and without metadata, CLOSE", () => {
    const metadata = { size: 46, buffer: "The metadata field is not used for the moment." };
    const value = { command: "GET_KEY", ksid, index: 0 };
    expect(read({ command: "GET_KEY", data: { key_stream_id: ksid, index: 0, metadata } })).toEqual({
      ok: true,
      value,
    });
    expect(read({ command: "GET_KEY", data: { key_stream_id: ksid.toUpperCase(), index: 0 } })).toEqual({
      ok: true,
      value,
    });
    expect(read({ command: "CLOSE", data: { key_stream_id: ksid } })).toEqual({
      ok: true,
      value: { command: "CLOSE", ksid },
    });
    expect(read({ command: "CLOSE", data: { key_stream_id: "nobody's" } })).toMatchObject({ value: { ksid: null } });
  });

  test.each([{ command: "X", data: {} }, { command: 1 }, {}, { command: "toString" }])("J-04 %j", (request) => {
    expect(read(request)).toEqual({ ok: false, error: { status: "error", message: "Unknown command" } });
  });

  test.each(["not json", '{"a"}', "{'command': 'CLOSE'}", ""])("J-05 %j", (text) => {
    expect(parseRequest(text)).toEqual({ ok: false, error: { status: "error", message: "Invalid JSON received" } });
  });

  test.each(Object.keys(qos))("J-07 without %s: an answer instead of silence", (member) => {
    const rest = Object.fromEntries(Object.entries(qos).filter(([name]) => name !== member));
    const answer = read({ ...open, data: { ...open.data, qos: rest } });
    expect(answer).toEqual({ ok: false, error: { status: 1, message: `qos.${member}: is missing` } });
  });

  test.each([
    [{ qos: { ...qos, key_chunk_size: -1 } }, "qos.key_chunk_size: shall be an integer from 0 to 4294967295"],
    [{ qos: { ...qos, ttl: 4_294_967_296 } }, "qos.ttl: shall be an integer from 0 to 4294967295"],
    [{ qos: { ...qos, timeout: "5" } }, "qos.timeout: shall be an integer from 0 to 4294967295"],
    [
      { qos: { ...qos, metadata_mimetype: "x".repeat(257) } },
      "qos.metadata_mimetype: shall have at most 256 characters",
    ],
    [{ source: "x".repeat(5000) }, `source: shall have at most ${LIMITS.streamUriChars} characters`],
    [{ destination: 7 }, "destination: shall be a string"],
    [{ qos: [] }, "qos.key_chunk_size: is missing"],
  ])("%j", (bent, message) => {
    const answer = read({ ...open, data: { ...open.data, ...bent } });
    expect(answer).toHaveProperty("error.message", expect.stringContaining(message));
  });

  test.each([null, [], "x", 1])("data %j", (data) => {
    expect(read({ command: "CLOSE", data })).toMatchObject({ ok: false, error: { status: 1 } });
  });
});

test("answers, letter by letter", () => {
  expect(answerText(opened(ksid))).toBe(`{"status":0,"key_stream_id":"${ksid}"}`);
  expect(answerText(keyGiven(Uint8Array.of(0, 7, 255)))).toBe('{"status":0,"key_buffer":[0,7,255]}');
  expect(answerText(closed())).toBe('{"status":0}');
  expect(answerText(failed("no-stream"))).toBe(
    '{"status":1,"message":"No interface selected. OPEN_CONNECT must be called first."}',
  );
  expect(answerText(failed("no-source"))).toBe('{"status":1,"message":"None of the key sources could open connect."}');
  expect(answerText(failed("no-key"))).toBe('{"status":1,"message":"Failed to fetch any keys from sources"}');
  expect(answerText(failed("open-failed"))).toBe('{"status":1,"message":"Fatal error during OPEN_CONNECT."}');
  expect(answerText(failed("get-key-failed"))).toBe('{"status":1,"message":"Fatal error during GET_KEY."}');
});
