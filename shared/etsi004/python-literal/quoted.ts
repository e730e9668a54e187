/** Python's quoted literals, str and bytes: Language Reference 2.4.1, String and Bytes literals. */

/** Why a literal cannot be read. Never leaves `parseLiteral`. */
export class Unreadable extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** What is read, by kind. */
export interface Quoted {
  readonly str: { readonly text: string };
  readonly bytes: { readonly bytes: Uint8Array };
}

const SIMPLE: Readonly<Record<string, string>> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\n": "",
};
/** Letter -> number of hexadecimal digits. In bytes only x is an escape. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const OCTAL = /[0-7]{1,3}/y;
/** A run of characters that stand for themselves. */
const PLAIN = /[^\\'"\r\n\0]+/y;

interface Escape {
  readonly value: string;
  readonly end: number;
}

function hexEscape(text: string, at: number, digits: number): Escape {
  const hex = text.slice(at + 2, at + 2 + digits);
  if (hex.length < digits || !/^[0-9a-fA-F]+$/.test(hex)) throw new Unreadable("an escape cut short", at);
  const code = Number.parseInt(hex, 16);
  if (code > 0x10_ffff) throw new Unreadable("an escape beyond Unicode", at);
  // Python would make one character of each; here two would become one, and one alone cannot be written as UTF-8.
  if (code >= 0xd800 && code <= 0xdfff) throw new Unreadable("an escape that names a surrogate", at);
  return { value: String.fromCodePoint(code), end: at + 2 + digits };
}

function octalEscape(text: string, at: number, isBytes: boolean): Escape {
  OCTAL.lastIndex = at + 1;
  const octal = OCTAL.exec(text)?.[0] ?? "";
  const code = Number.parseInt(octal, 8);
  if (isBytes && code > 0xff) throw new Unreadable("an escape beyond a byte", at);
  return { value: String.fromCodePoint(code), end: at + 1 + octal.length };
}

/** @param at where the backslash stands */
function readEscape(text: string, at: number, isBytes: boolean): Escape {
  const letter = text[at + 1];
  if (letter === undefined) throw new Unreadable("an escape cut short", at);
  const simple = SIMPLE[letter];
  if (simple !== undefined) return { value: simple, end: at + 2 };
  if (letter >= "0" && letter <= "7") return octalEscape(text, at, isBytes);
  const digits = isBytes && letter !== "x" ? undefined : HEX_DIGITS[letter];
  if (digits !== undefined) return hexEscape(text, at, digits);
  if (letter === "N" && !isBytes) throw new Unreadable("an escape by name, which is not read", at);
  // What is no escape stands for itself, its backslash too.
  return { value: "\\", end: at + 1 };
}

/**
 * @param start where the quote stands
 * @throws Unreadable
 */
export function readQuoted<Kind extends keyof Quoted>(
  text: string,
  start: number,
  kind: Kind,
): { readonly value: Quoted[Kind]; readonly end: number } {
  const isBytes = kind === "bytes";
  const quote = text[start];
  let value = "";
  let at = start + 1;
  for (;;) {
    const char = text[at];
    if (char === quote) break;
    if (char === "\\") {
      const escape = readEscape(text, at, isBytes);
      value += escape.value;
      at = escape.end;
    } else if (char === undefined || char === "\n" || char === "\r") {
      throw new Unreadable("a string without an end", start);
    } else if (char === "\0") {
      throw new Unreadable("a NUL", at);
    } else {
      PLAIN.lastIndex = at;
      const plain = PLAIN.exec(text)?.[0] ?? char;
      if (isBytes && /\P{ASCII}/u.test(plain)) throw new Unreadable("bytes that hold more than ASCII", at);
      value += plain;
      at += plain.length;
    }
  }
  const read = isBytes ? { bytes: Uint8Array.from(value, (char) => char.charCodeAt(0)) } : { text: value };
  return { value: read as Quoted[Kind], end: at + 1 };
}
