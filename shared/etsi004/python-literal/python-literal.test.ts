/** The oracle is Python 3 itself: its `eval` and `repr`, as they answered the script in the vectors' `made_by`. */
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../bytes/hex.ts";
import { LIMITS } from "../../limits.ts";
import { parseLiteral, type PythonValue } from "./parse.ts";
import { type CommonValue, printLiteral } from "./print.ts";
import { printPythonRepr } from "./repr.ts";

type Tagged =
  | { readonly value: null | boolean | number | string }
  | { readonly hex: string }
  | { readonly list: readonly Tagged[] }
  | { readonly dict: readonly (readonly [string, Tagged])[] };

const vectors = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../../test/vectors/python-literals.json", import.meta.url).href), "utf8"),
) as {
  readonly read: readonly (readonly [string, Tagged])[];
  readonly wrong: readonly string[];
  readonly repr: readonly (readonly [Tagged, string])[];
  readonly common: readonly (readonly [Tagged, string])[];
};

function untag(tagged: Tagged): PythonValue {
  if ("value" in tagged) return tagged.value === 0 ? 0 : tagged.value;
  if ("hex" in tagged) return fromHex(tagged.hex);
  if ("list" in tagged) return tagged.list.map(untag);
  return Object.fromEntries(tagged.dict.map(([key, each]) => [key, untag(each)]));
}

/** Dicts that are read have no prototype, and their keys may be __proto__: compared as entries. */
function comparable(value: PythonValue): unknown {
  if (value instanceof Uint8Array) return { hex: toHex(value) };
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  return { dict: Object.entries(value).map(([key, each]) => [key, comparable(each)]) };
}

function read(literal: string): unknown {
  const parsed = parseLiteral(literal);
  return parsed.ok ? comparable(parsed.value) : parsed.error.message;
}

const whyNot = (literal: string) => {
  const parsed = parseLiteral(literal);
  if (parsed.ok) throw new Error("was read");
  return { position: parsed.error.details?.[0]?.["position"], message: parsed.error.message };
};

const keyText = fc.string({ unit: "binary", maxLength: 8 }).map((each) => each.toWellFormed());
/** What both printers can be asked for. */
const { printable } = fc.letrec<{ printable: CommonValue }>((tie) => ({
  printable: fc.oneof(
    { maxDepth: 4 },
    keyText,
    fc.maxSafeInteger(),
    fc.array(tie("printable"), { maxLength: 4 }),
    fc.dictionary(keyText, tie("printable"), { maxKeys: 4 }),
  ),
}));

describe("reading", () => {
  test("reads what Python's repr wrote, and by hand what else eval takes, as Python does", () => {
    for (const [literal, expected] of vectors.read) {
      expect([literal, read(literal)]).toEqual([literal, comparable(untag(expected))]);
    }
    expect(vectors.read.length).toBeGreaterThan(250);
  });

  test("refuses what Python refuses", () => {
    for (const literal of vectors.wrong) {
      expect([literal, parseLiteral(literal).ok]).toEqual([literal, false]);
    }
  });

  test.each([
    ["# comment\n1", 0, "no value begins so"],
    ["r'x'", 0, "a name that is no literal"],
    ["f'{1}'", 0, "a name that is no literal"],
    ["'''x'''", 2, "something follows the literal"],
    ["['a' 'b']", 5, "a comma or ] is missing"],
    ["0x10", 0, "no number that repr would write"],
    ["1j", 0, "no number that repr would write"],
    ["{1, 2}", 1, "a key of a dict that is no text"],
    [String.raw`'\N{BULLET}'`, 1, "an escape by name, which is not read"],
    [String.raw`'\ud83d\ude00'`, 1, "an escape that names a surrogate"],
    ["[null]", 1, "a name of JSON, which Python writes None"],
    ["[1, true]", 4, "a name of JSON, which Python writes True"],
    ["9007199254740992", 0, "an integer beyond 2^53 - 1"],
    ["1e999", 0, "a float out of range"],
    ["[__import__('os').system('id')]", 1, "a name that is no literal"],
    ["['a', 'b", 6, "a string without an end"],
  ])("refuses %j, which Python may read, and says where and why", (literal, position, why) => {
    const message = `the Python literal, at position ${position}: ${why}`;
    expect(whyNot(literal)).toEqual({ position, message });
  });

  test("of escapes, the surrogates alone are refused", () => {
    const escapes = ["d7ff", "d800", "dfff", "e000"].map((hex) => parseLiteral(`'\\u${hex}'`).ok);
    expect(escapes).toEqual([true, false, false, true]);
  });

  test("never throws and never quotes, whatever the text", () => {
    const piece = fc.oneof(
      fc.constantFrom("[", "]", "(", ")", "{", "}", ",", ":", "'", '"', "\\", "b'", "bytearray(", "-", "1", ".5", "e9"),
      fc.constantFrom("None", "True", "null", "\\x", "\\u12", "\\777", "\n", " ", "\0", "u'"),
      fc.string({ unit: "binary", maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join("");
        const parsed = parseLiteral(text);
        if (parsed.ok) return;
        const position = parsed.error.details?.[0]?.["position"] as number;
        expect(position).toBeGreaterThanOrEqual(0);
        expect(position).toBeLessThanOrEqual(text.length);
        expect(parsed.error.message).toMatch(/^the Python literal, at position \d+: [\w .',:)\]}^-]+$/);
      }),
      { numRuns: 2000 },
    );
  });
});

const list = (items: number) => `[${"1,".repeat(items)}]`;

describe("bombs", () => {
  test("a string of 10 MB, and nesting of a million, are not looked at", () => {
    const max = LIMITS.literalChars;
    expect(whyNot(`'${"x".repeat(10 * 1024 * 1024)}'`)).toEqual({
      position: max,
      message: `the Python literal, at position ${max}: 10485762 characters, more than ${max}`,
    });
    expect(whyNot("[".repeat(1_000_000)).message).toContain(`1000000 characters, more than ${max}`);
  });

  test.each(["[", "(", "{'a':", "[(", "bytearray("])("%j over and over", (opener) => {
    const text = opener.repeat(Math.floor(LIMITS.literalChars / opener.length));
    expect(whyNot(text).position).toBeLessThan(100);
  });

  test("the bounds themselves are read", () => {
    const depth = LIMITS.literalDepth;
    expect(parseLiteral("[".repeat(depth) + "]".repeat(depth)).ok).toBe(true);
    expect(whyNot("[".repeat(depth + 1) + "]".repeat(depth + 1))).toEqual({
      position: depth,
      message: `the Python literal, at position ${depth}: nested more than ${depth} deep`,
    });
    expect(parseLiteral(list(LIMITS.literalElements - 1)).ok).toBe(true);
    expect(whyNot(list(LIMITS.literalElements)).message).toContain(`more than ${LIMITS.literalElements} values`);
    expect(parseLiteral(`'${"x".repeat(LIMITS.literalChars - 2)}'`).ok).toBe(true);
    expect(parseLiteral(`'${"x".repeat(LIMITS.literalChars - 1)}'`).ok).toBe(false);
  });
});

describe("printing", () => {
  test("the common form is what Python read back as equal", () => {
    for (const [value, text] of vectors.common) expect(printLiteral(untag(value) as CommonValue)).toBe(text);
  });

  test("JSON and this parser read the common form alike", () => {
    fc.assert(
      fc.property(printable, (value) => {
        const text = printLiteral(value);
        expect(comparable(JSON.parse(text) as PythonValue)).toEqual(comparable(value));
        expect(read(text)).toEqual(comparable(value));
        expect(text).not.toMatch(/^(?:[^"]|"(?:[^"\\]|\\.)*")*\b(?:null|true|false)\b/);
      }),
    );
    expect(printLiteral([Uint8Array.of(0, 128, 255), 3, 0])).toBe("[[0, 128, 255], 3, 0]");
  });

  test("repr is Python's, letter by letter", () => {
    for (const [value, text] of vectors.repr) expect(printPythonRepr(untag(value))).toBe(text);
    expect(vectors.repr.length).toBeGreaterThan(800);
  });

  test("repr is read back", () => {
    fc.assert(
      fc.property(printable, fc.uint8Array({ maxLength: 40 }), (value, bytes) => {
        expect(read(printPythonRepr([value, bytes, null, true]))).toEqual(comparable([value, bytes, null, true]));
      }),
    );
  });

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("%d is not printed", (value) => {
    expect(() => printLiteral([value])).toThrow(RangeError);
    expect(() => printPythonRepr([value])).toThrow(RangeError);
  });
});
