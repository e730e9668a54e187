/**
 * Reads Python literals as `repr` writes them: the bodies of qkd-module 0.9, which hands them to `eval`. Nothing is
 * evaluated here: a name that is none of Python's own constants ends the reading.
 *
 * Read: lists, tuples and dicts with texts as keys; str with either quote and every escape but \N{...}; u'..', as
 * Python 2 writes it; bytes and bytearray(...); decimal int and float; None, True, False. Blanks and trailing commas as
 * Python has them. Not read, though Python would: comments, raw, formatted and triple-quoted strings, adjacent strings,
 * hexadecimal, complex, sets, escapes that name surrogates. JSON's null, true and false are names like any other.
 */
import { type Fault, fail } from "../../errors/errors.ts";
import { LIMITS } from "../../limits.ts";
import { ok, type Result } from "../../result.ts";
import { type Quoted, readQuoted, Unreadable } from "./quoted.ts";

/** Tuples are read as arrays, bytes and bytearray alike, floats without a fraction as integers. */
export type PythonValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly PythonValue[]
  | { readonly [key: string]: PythonValue };

const BLANK = /[ \t\r\n\f]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])/y;
const NAME = /[A-Za-z_][A-Za-z_0-9]*/y;
const CONSTANTS: ReadonlyMap<string, PythonValue> = new Map([
  ["None", null],
  ["True", true],
  ["False", false],
]);
/** Names of JSON, and what to write instead. */
const OF_JSON: ReadonlyMap<string, string> = new Map([
  ["null", "None"],
  ["true", "True"],
  ["false", "False"],
]);

class LiteralReader {
  readonly #text: string;
  #at = 0;
  #elements = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): PythonValue {
    const value = this.#value(0);
    if (this.#at < this.#text.length) throw new Unreadable("something follows the literal", this.#at);
    return value;
  }

  /** A value and the blanks around it. */
  #value(depth: number): PythonValue {
    this.#match(BLANK);
    if (++this.#elements > LIMITS.literalElements) {
      throw new Unreadable(`more than ${LIMITS.literalElements} values`, this.#at);
    }
    const value = this.#bare(depth);
    this.#match(BLANK);
    return value;
  }

  #bare(depth: number): PythonValue {
    const char = this.#text[this.#at];
    if (char === undefined) throw new Unreadable("a value is missing", this.#at);
    if (char === "[" || char === "(" || char === "{") return this.#container(char, depth + 1);
    if (char === "'" || char === '"') return this.#quoted("str").text;
    if (char === "-" || (char >= "0" && char <= "9")) return this.#number();
    return this.#named();
  }

  #container(opener: "[" | "(" | "{", depth: number): PythonValue {
    if (depth > LIMITS.literalDepth) throw new Unreadable(`nested more than ${LIMITS.literalDepth} deep`, this.#at);
    this.#at++;
    if (opener === "{") return this.#dict(depth);
    const closer = opener === "[" ? "]" : ")";
    const items: PythonValue[] = [];
    const commas = this.#items(closer, () => items.push(this.#value(depth)));
    // (x) is x in brackets, (x,) a tuple.
    return opener === "(" && commas === 0 && items.length === 1 ? (items[0] as PythonValue) : items;
  }

  #dict(depth: number): PythonValue {
    // Without a prototype, for keys such as __proto__.
    const dict = Object.create(null) as { [key: string]: PythonValue };
    this.#items("}", () => {
      const start = this.#at;
      const key = this.#value(depth);
      if (typeof key !== "string") throw new Unreadable("a key of a dict that is no text", start);
      if (!this.#skip(":")) throw new Unreadable("a colon is missing", this.#at);
      dict[key] = this.#value(depth);
    });
    return dict;
  }

  /** @returns how many commas there were */
  #items(closer: string, readOne: () => void): number {
    let commas = 0;
    for (;;) {
      this.#match(BLANK);
      if (this.#skip(closer)) return commas;
      readOne();
      if (this.#skip(closer)) return commas;
      if (!this.#skip(",")) throw new Unreadable(`a comma or ${closer} is missing`, this.#at);
      commas++;
    }
  }

  #number(): number {
    const start = this.#at;
    const text = this.#match(NUMBER);
    if (text === "") throw new Unreadable("no number that repr would write", start);
    const value = Number(text);
    if (/[.eE]/.test(text)) {
      if (!Number.isFinite(value)) throw new Unreadable("a float out of range", start);
    } else if (!Number.isSafeInteger(value)) throw new Unreadable("an integer beyond 2^53 - 1", start);
    return value === 0 ? 0 : value;
  }

  #named(): PythonValue {
    const start = this.#at;
    const name = this.#match(NAME);
    const next = this.#text[this.#at];
    if (next === "'" || next === '"') {
      if (name === "b" || name === "B") return this.#quoted("bytes").bytes;
      if (name === "u" || name === "U") return this.#quoted("str").text;
    }
    if (name === "bytearray" && this.#skip("(")) return this.#bytearray();
    const constant = CONSTANTS.get(name);
    if (constant !== undefined) return constant;
    const instead = OF_JSON.get(name);
    if (instead !== undefined) throw new Unreadable(`a name of JSON, which Python writes ${instead}`, start);
    throw new Unreadable(name === "" ? "no value begins so" : "a name that is no literal", start);
  }

  #bytearray(): Uint8Array {
    const start = this.#at;
    if (this.#match(NAME) !== "b") throw new Unreadable("bytearray of something else than b'...'", start);
    const { bytes } = this.#quoted("bytes");
    if (!this.#skip(")")) throw new Unreadable("the bracket of bytearray is missing", this.#at);
    return bytes;
  }

  #quoted<Kind extends keyof Quoted>(kind: Kind): Quoted[Kind] {
    const { value, end } = readQuoted(this.#text, this.#at, kind);
    this.#at = end;
    return value;
  }

  #skip(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const matched = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += matched.length;
    return matched;
  }
}

/**
 * @returns `bad-request` that says what is wrong and where, without quoting the text; `details` holds the position, in
 *   UTF-16 units from 0. Texts longer than LIMITS.literalChars are not looked at.
 */
export function parseLiteral(text: string): Result<PythonValue, Fault> {
  const max = LIMITS.literalChars;
  try {
    if (text.length > max) throw new Unreadable(`${text.length} characters, more than ${max}`, max);
    return ok(new LiteralReader(text).whole());
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const { message, position } = error;
    return fail("bad-request", `the Python literal, at position ${position}: ${message}`, [{ position }]);
  }
}
