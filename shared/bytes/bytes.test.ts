import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBase64, fromBase64Portable, toBase64, toBase64Portable } from "./base64.ts";
import { fromHex, toHex } from "./hex.ts";
import { decodeUtf8, jsonDepth, parseJson } from "./json.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const plain = (bytes: Uint8Array | null) => (bytes === null ? null : [...bytes]);

describe("base64", () => {
  test("agrees with Node's, both ways, at every length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const expected = Buffer.from(bytes).toString("base64");
        expect(toBase64(bytes)).toBe(expected);
        expect(toBase64Portable(bytes)).toBe(expected);
        expect(plain(fromBase64(expected))).toEqual([...bytes]);
        expect(plain(fromBase64Portable(expected))).toEqual([...bytes]);
      }),
    );
  });

  test("long inputs are cut into pieces without padding between them", () => {
    const bytes = Uint8Array.from({ length: 100_001 }, (_, i) => (i * 31) & 0xff);
    expect(toBase64Portable(bytes)).toBe(Buffer.from(bytes).toString("base64"));
  });

  test("encodes the view, not the buffer behind it", () => {
    const whole = Uint8Array.from([1, 2, 3, 4, 5]);
    expect(toBase64(whole.subarray(1, 3))).toBe("AgM=");
  });

  test.each(["A", "AB", "ABC", "A===", "AB=C", "AB==AB==", "AB CD", "ab-_", "AAAA\n", "AAA\n", "====", "=AAA"])(
    "refuses %j",
    (text) => {
      expect(fromBase64(text)).toBeNull();
    },
  );
});

describe("hex", () => {
  test("round trip", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
        expect(plain(fromHex(toHex(bytes).toUpperCase()))).toEqual([...bytes]);
      }),
    );
  });
  test.each(["0", "0g", "0x", " 00"])("refuses %j", (text) => expect(fromHex(text)).toBeNull());
});

const parseBytes = (bytes: Uint8Array, maxDepth: number) => {
  const text = decodeUtf8(bytes);
  return text.ok ? parseJson(text.value, maxDepth) : text;
};

describe("JSON from a stranger", () => {
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

  test("depth equals a recursive count, whatever the strings hold", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonDepth(JSON.stringify(value))).toBe(depthOf(value));
      }),
    );
    expect(jsonDepth(JSON.stringify(['[[[\\"{{', { "{": "}]" }]))).toBe(2);
    // Escapes before the quote that ends a string, and a string that does not end.
    expect(['"\\\\"[', '"\\\\\\"["{', '{"[[\\"'].map(jsonDepth)).toEqual([1, 1, 1]);
  });

  test("arbitrary bytes never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(typeof parseBytes(bytes, 16).ok).toBe("boolean");
      }),
    );
  });

  test("what JSON.parse takes comes through equal", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseBytes(utf8(text), 16)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  test.each([
    ["invalid UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "the body is not valid UTF-8"],
    ["overlong UTF-8", Uint8Array.of(0x22, 0xc0, 0x80, 0x22), "the body is not valid UTF-8"],
    ["deep nesting", utf8("[".repeat(10_000)), "the body's JSON is nested 10000 levels deep, more than 16"],
    ["truncation", utf8('{"number":'), "the body is not JSON"],
    ["nothing", utf8(""), "the body is not JSON"],
  ])("%s is a specific fault", (_name, bytes, message) => {
    expect(parseBytes(bytes, 16)).toMatchObject({ ok: false, error: { code: "bad-request", message } });
  });
});
