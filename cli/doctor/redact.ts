/** Takes key material out of what a report shows, wherever in a text it stands, and leaves how much there was of it. */
import { LIMITS } from "../../shared/limits.ts";

/** Base64 of any alphabet and hex, also as JSON and URLs may write it: `\/`, `\u002B`, `%2B`. */
const RUN = /(?:[A-Za-z0-9+/_-]|\\\/|\\u00[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}){10,}={0,2}/g;
/** As in a key container: whatever it holds. A text may end within it. */
const KEY_MEMBER = /("key"\s*:\s*")((?:[^"\\]|\\.)*)/g;
/** Bytes as numbers, as JSON of ETSI GS QKD 004 has them. */
const NUMBERS = /\[\s*\d{1,3}(?:\s*,\s*\d{1,3}){7,}\s*(?:\]|$)/g;
const UUID = /(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])/gi;
/** What stands around SAE IDs in paths of ETSI GS QKD 014. */
const PATH = /(\/api\/v1\/keys\/|\/(?:status|enc_keys|dec_keys)$)/;
/** Words and numbers: text of words has few such pieces for its length, random text many. */
const PIECES = /[A-Z]?[a-z]+|[A-Z]+|[0-9]+/g;
const RANDOM_CHARS = 16;
const RANDOM_PIECES_EACH = 0.28;

export class Redactor {
  readonly #known = new Set<string>();
  readonly #plain: ReadonlySet<string>;

  /** @param plain names that look like keys, and are none */
  constructor(plain: Iterable<string> = []) {
    this.#plain = new Set(plain);
  }

  /** A key that was given out: from now on no text shows it, as base64 or hex. */
  learn(base64: string): void {
    if (this.#known.size >= 2 * LIMITS.doctorKnownKeys) return;
    this.#known.add(canonical(base64)).add(Buffer.from(base64, "base64").toString("hex"));
  }

  /** The text with `[n bytes]` in place of every key that is known, or that looks like one. */
  text(text: string): string {
    return text
      .replaceAll(KEY_MEMBER, (_all, open: string, value: string) => `${open}${sizeOf(unescaped(value))}`)
      .replaceAll(NUMBERS, (all) => `["[${all.split(",").length} bytes]"]`)
      .replaceAll(RUN, (run) =>
        run
          .split(PATH)
          .map((part, at) => (at % 2 === 1 ? part : this.#part(part)))
          .join(""),
      );
  }

  #part(part: string): string {
    const plain = unescaped(part);
    return this.#isKey(plain) ? sizeOf(plain) : part;
  }

  #isKey(run: string): boolean {
    if (this.#known.has(canonical(run)) || this.#known.has(run.toLowerCase())) return true;
    const rest = run.replaceAll(UUID, "");
    if (rest.length < RANDOM_CHARS || this.#plain.has(run)) return false;
    return (rest.match(PIECES)?.length ?? 0) > rest.length * RANDOM_PIECES_EACH;
  }
}

/** Standard base64 without padding. */
const canonical = (text: string): string => text.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", "");

const unescaped = (text: string): string =>
  text
    .replaceAll("\\/", "/")
    .replaceAll(/(?:\\u00|%)([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

function sizeOf(text: string): string {
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(text) && text.length % 2 === 0;
  return `[${isHex ? text.length / 2 : Math.floor((text.replaceAll("=", "").length * 3) / 4)} bytes]`;
}
