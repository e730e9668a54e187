/**
 * Distinguished names in string form: RFC 4514, and RFC 2253 section 4's older spellings (`;` as separator, quoted
 * values, blanks around separators). Attributes come out unescaped, in the order written.
 */
import { err, ok, type Result } from "../result.ts";
import { LIMITS } from "../limits.ts";

export interface Attribute {
  /** As written, in upper case: `CN`, `2.5.4.3`. */
  readonly type: string;
  /** Null when given as BER (`#0c05...`), which nothing here decodes. */
  readonly value: string | null;
}

const COMMON_NAME_TYPES: ReadonlySet<string> = new Set(["CN", "COMMONNAME", "2.5.4.3", "OID.2.5.4.3"]);
// Around the signs only the blank is no part of a value; JavaScript's \s would eat others, such as a no-break space.
const TYPE = /^ *(?<type>[A-Za-z][A-Za-z0-9.-]*|\d+(?:\.\d+)*) *= */u;
const BER_VALUE = /^#(?:[0-9A-Fa-f]{2})+ *(?=[,;+]|$)/u;
const SPECIALS = ' "#+,;<=>\\';
const SEPARATORS = ",;+";
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();

/** Reads a name; the empty name has no attributes. The error says what is wrong and where. */
export function parseDn(text: string): Result<readonly Attribute[], string> {
  if (text.length > LIMITS.dnChars) return err(`the distinguished name is longer than ${LIMITS.dnChars} characters`);
  const attributes: Attribute[] = [];
  if (text.trim() === "") return ok(attributes);
  let at = 0;
  for (;;) {
    const type = TYPE.exec(text.slice(at));
    if (type?.groups?.["type"] === undefined) return err(`no attribute type at character ${at}`);
    at += type[0].length;
    const value = readValue(text, at);
    if (!value.ok) return value;
    attributes.push({ type: type.groups["type"].toUpperCase(), value: value.value.value });
    at = value.value.next;
    if (at === text.length) return ok(attributes);
    at += 1; // the separator
  }
}

/** The subject's one CN, or null without any. Two CNs are refused: which of them is meant would be a guess. */
export function commonName(text: string): Result<string | null, string> {
  const attributes = parseDn(text);
  if (!attributes.ok) return attributes;
  const names = attributes.value.filter(({ type }) => COMMON_NAME_TYPES.has(type));
  const [first] = names;
  if (first === undefined) return ok(null);
  if (names.length > 1) return err("the subject has more than one CN");
  return first.value === null || first.value === "" ? err("the subject's CN is no text") : ok(first.value);
}

type Value = Result<{ readonly value: string | null; readonly next: number }, string>;

function readValue(text: string, start: number): Value {
  const ber = BER_VALUE.exec(text.slice(start));
  if (ber !== null) return ok({ value: null, next: start + ber[0].length });
  return text[start] === '"' ? readQuoted(text, start + 1) : readPlain(text, start);
}

function readQuoted(text: string, start: number): Value {
  const bytes: number[] = [];
  let at = start;
  while (at < text.length && text[at] !== '"') {
    const piece = readPiece(text, at);
    if (!piece.ok) return piece;
    bytes.push(...piece.value.bytes);
    at = piece.value.next;
  }
  if (at === text.length) return err("a quoted value does not end");
  at += 1;
  while (text[at] === " ") at += 1;
  if (at < text.length && !SEPARATORS.includes(text.charAt(at))) return err(`unexpected text at character ${at}`);
  return decoded(bytes, at);
}

function readPlain(text: string, start: number): Value {
  const bytes: number[] = [];
  let at = start;
  // Blanks before a separator are no part of the value, unless escaped.
  let keep = 0;
  while (at < text.length && !SEPARATORS.includes(text.charAt(at))) {
    const char = text.charAt(at);
    if ('"<>'.includes(char) || (char === "#" && at === start))
      return err(`"${char}" needs an escape at character ${at}`);
    const piece = readPiece(text, at);
    if (!piece.ok) return piece;
    bytes.push(...piece.value.bytes);
    at = piece.value.next;
    if (char !== " ") keep = bytes.length;
  }
  return decoded(bytes.slice(0, keep), at);
}

/** One character or escape, as UTF-8 bytes. */
function readPiece(text: string, at: number): Result<{ bytes: readonly number[]; next: number }, string> {
  if (text[at] !== "\\") {
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
    return ok({ bytes: [...toUtf8.encode(char)], next: at + char.length });
  }
  const next = text.charAt(at + 1);
  if (next !== "" && SPECIALS.includes(next)) return ok({ bytes: [next.charCodeAt(0)], next: at + 2 });
  const pair = text.slice(at + 1, at + 3);
  if (!/^[0-9A-Fa-f]{2}$/u.test(pair)) return err(`a bad escape at character ${at}`);
  return ok({ bytes: [Number.parseInt(pair, 16)], next: at + 3 });
}

function decoded(bytes: readonly number[], next: number): Value {
  try {
    return ok({ value: utf8.decode(Uint8Array.from(bytes)), next });
  } catch {
    return err("a value is not UTF-8");
  }
}
