/**
 * XML of a stranger, as the tree that JSON would be: elements become members, those of the same name an array, text stays
 * text. Namespace prefixes and attributes are passed over. What XML can do harm with is refused before it is parsed: DTDs,
 * entities, processing instructions; size, depth, elements and texts are bounded.
 */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { LIMITS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";

export type XmlValue = string | { readonly [name: string]: XmlValue | readonly XmlValue[] };

export interface XmlElement {
  /** Without its prefix. */
  readonly name: string;
  readonly value: XmlValue;
}

/** Of the whole; for what has to be one element, and for bodies that are several documents one after the other. */
const WRAPPER = "wrapper";
const PARSER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
  // The wrapper is one more.
  maxNestedTags: LIMITS.ipsecDepth + 1,
});

const DECLARATION = /<\?xml(?:\s[^<>?]*)?\?>/g;
/** Those of XML itself, and characters by number. */
const UNKNOWN_ENTITY = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});)/i;

const REFUSED: readonly (readonly [what: RegExp, words: string])[] = [
  [/<!(?!--)/, "shall have no DTD, no declarations and no CDATA"],
  [/<\?/, "shall have no processing instructions"],
  [UNKNOWN_ENTITY, "shall have no entities but those of XML itself"],
];

/** @returns the elements of the top level, of which there may be several; or a message that quotes nothing */
export function readXml(text: string): Result<readonly XmlElement[], string> {
  const bare = text.replaceAll(DECLARATION, "");
  const refused = REFUSED.find(([what]) => what.test(bare));
  if (refused !== undefined) return err(`the XML ${refused[1]}`);
  if (countOf("<", bare) - countOf("</", bare) > LIMITS.ipsecXmlElements) {
    return err(`the XML has more than ${LIMITS.ipsecXmlElements} elements`);
  }
  const whole = `<${WRAPPER}>${bare}</${WRAPPER}>`;
  try {
    const valid = XMLValidator.validate(whole);
    if (valid !== true) return err(`the body is not XML: line ${valid.err.line}`);
    return elementsOf(PARSER.parse(whole) as readonly Parsed[]);
  } catch {
    // It throws for names such as `__proto__`, and where elements are nested too deep.
    return err(`the body is not XML, or nested more than ${LIMITS.ipsecDepth} levels deep`);
  }
}

function countOf(sign: string, text: string): number {
  let count = 0;
  for (let at = text.indexOf(sign); at !== -1; at = text.indexOf(sign, at + 1)) count++;
  return count;
}

/** One member: an element's name with what is in it, or `#text`. */
type Parsed = Readonly<Record<string, readonly Parsed[] | string>>;

/** Inside the function below: no message of another origin comes out. */
class XmlFault extends Error {}

function elementsOf(parsed: readonly Parsed[]): Result<readonly XmlElement[], string> {
  try {
    const [wrapper] = parsed;
    const inner = wrapper?.[WRAPPER];
    return ok(Array.isArray(inner) ? inner.flatMap(topElement) : []);
  } catch (failure) {
    if (failure instanceof XmlFault) return err(failure.message);
    throw failure;
  }
}

/** Text between entries means nothing, as junk between JSON objects. */
function topElement(member: Parsed): readonly XmlElement[] {
  const [[name, value] = ["#text", ""]] = Object.entries(member);
  return typeof value === "string" ? [] : [{ name, value: valueOf(value) }];
}

function valueOf(members: readonly Parsed[]): XmlValue {
  const texts: string[] = [];
  const elements: [string, XmlValue][] = [];
  for (const member of members) {
    for (const [name, value] of Object.entries(member)) {
      if (typeof value === "string") texts.push(value);
      else elements.push([name, valueOf(value)]);
    }
  }
  const text = decoded(texts.join("").trim());
  if (elements.length === 0) return text;
  if (text !== "") throw new XmlFault("the XML has text between elements");
  return membersOf(elements);
}

function membersOf(elements: readonly (readonly [string, XmlValue])[]): XmlValue {
  const members = new Map<string, XmlValue[]>();
  for (const [name, value] of elements) {
    const before = members.get(name);
    if (before === undefined) members.set(name, [value]);
    else before.push(value);
  }
  return Object.fromEntries(
    [...members].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]),
  );
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decoded(text: string): string {
  if (text.length > LIMITS.ipsecTextChars) {
    throw new XmlFault(`the XML has a text of more than ${LIMITS.ipsecTextChars} characters`);
  }
  return text.replaceAll(/&(?<name>[^;]*);/g, (_whole, name: string) => NAMED[name.toLowerCase()] ?? character(name));
}

/** @param name `#38` or `#x26` */
function character(name: string): string {
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  const isOne = code <= 0x10_ff_ff && code > 0 && !(code >= 0xd8_00 && code <= 0xdf_ff);
  if (!isOne) throw new XmlFault("the XML names a character by a number that is none");
  return String.fromCodePoint(code);
}
