/** Python 3's `repr`, to the letter, of what qkd-module 0.9 and its clients send. */
import { isList, printInteger } from "./print.ts";

/** Arrays print as lists, byte arrays as `bytearray(b'...')`. */
export type ReprValue =
  | null
  | boolean
  | string
  | number
  | Uint8Array
  | readonly ReprValue[]
  | { readonly [key: string]: ReprValue };

const NAMED_ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
/** What `str.isprintable` denies, but for the blank itself. */
const UNPRINTABLE = /[\p{C}\p{Z}]/u;

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, "0");

/** Single quotes, unless that would need an escape and double quotes would not. */
const quoteFor = (text: string) => (text.includes("'") && !text.includes('"') ? '"' : "'");

function reprCharacter(char: string, quote: string): string {
  if (char === quote) return `\\${quote}`;
  const named = NAMED_ESCAPES[char];
  if (named !== undefined) return named;
  if (char === " " || !UNPRINTABLE.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function reprText(text: string): string {
  const quote = quoteFor(text);
  const characters = Array.from(text, (char) => reprCharacter(char, quote));
  return `${quote}${characters.join("")}${quote}`;
}

function reprBytearray(bytes: Uint8Array): string {
  const latin1 = Array.from(bytes, (byte) => String.fromCharCode(byte));
  const quote = quoteFor(latin1.join(""));
  const characters = latin1.map((char, at) => {
    const byte = bytes[at] ?? 0;
    // Unlike the repr of bytes, that of bytearray escapes ' even between double quotes.
    if (char === "'") return "\\'";
    return NAMED_ESCAPES[char] ?? (byte < 0x20 || byte > 0x7e ? `\\x${hex(byte, 2)}` : char);
  });
  return `bytearray(b${quote}${characters.join("")}${quote})`;
}

/** @throws RangeError for numbers that are no integers within 2^53 - 1 */
export function printPythonRepr(value: ReprValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return reprText(value);
  if (typeof value === "number") return printInteger(value);
  if (value instanceof Uint8Array) return reprBytearray(value);
  if (isList(value)) return `[${value.map(printPythonRepr).join(", ")}]`;
  const members = Object.entries(value).map(([key, each]) => `${reprText(key)}: ${printPythonRepr(each)}`);
  return `{${members.join(", ")}}`;
}
