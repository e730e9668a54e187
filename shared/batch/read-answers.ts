/** The answers to a batch, read as they arrive: see batch.ts. */
import { joinBytes } from "../bytes/join.ts";
import { LIMITS } from "../limits.ts";
import { ALONE, type HeaderList, type PartHead } from "./batch.ts";

export interface ReadAnswer {
  /** Which request of the batch it answers. */
  readonly request: number;
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: string;
  /** Its length in UTF-8: that of `body` itself where it is ASCII, and only there. */
  readonly bodyBytes: number;
}

type Announced = Omit<ReadAnswer, "body">;

const LINE_FEED = 0x0a;
/** Nothing that would break out of a header line. */
const HEADER_TEXT = /^[\t -~]*$/;

export class AnswerReader {
  readonly #unanswered: Set<number>;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Those of the present part whose bodies are still to come, in order. */
  #announced: Announced[] = [];
  /** Pieces of the present line or body. */
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(requests: number) {
    this.#unanswered = new Set(Array.from({ length: requests }, (_, request) => request));
  }

  /**
   * @returns what this chunk makes complete
   * @throws Error where this is no answer to the batch
   */
  push(chunk: Uint8Array): ReadAnswer[] {
    const answers: ReadAnswer[] = [];
    for (let rest: Uint8Array | null = chunk; rest !== null;) {
      const next = this.#announced[0];
      if (next === undefined) {
        rest = this.#readHead(rest);
        continue;
      }
      const missing = next.bodyBytes - this.#heldBytes;
      this.#hold(rest.subarray(0, missing));
      if (rest.length < missing) break;
      answers.push({ ...next, body: this.#take() });
      this.#announced.shift();
      rest = rest.subarray(missing);
    }
    return answers;
  }

  /** @returns what follows the line; null where it has not come to its end */
  #readHead(bytes: Uint8Array): Uint8Array | null {
    const end = bytes.indexOf(LINE_FEED);
    this.#hold(end === -1 ? bytes : bytes.subarray(0, end));
    if (this.#heldBytes >= LIMITS.batchHeadBytes) throw wrong();
    if (end === -1) return null;
    this.#announced = this.#announcedBy(JSON.parse(this.#take()));
    return bytes.subarray(end + 1);
  }

  #announcedBy(head: unknown): Announced[] {
    if (!isHead(head)) throw wrong();
    let partBytes = 0;
    return head.answers.map(([request, status, table, bodyBytes]) => {
      const headers = head.headers[table];
      const isStatus = status === ALONE || (status >= 200 && status <= 599);
      partBytes += bodyBytes;
      if (!isStatus || headers === undefined || partBytes > LIMITS.batchPartBytes) throw wrong();
      if (!this.#unanswered.delete(request)) throw wrong();
      return { request, status, headers, bodyBytes };
    });
  }

  #hold(piece: Uint8Array): void {
    this.#heldBytes += piece.length;
    if (piece.length > 0) this.#pieces.push(piece);
  }

  /** What is held, as text: no chunk is kept for its sake. */
  #take(): string {
    const text = this.#decoder.decode(joinBytes(this.#pieces));
    this.#pieces = [];
    this.#heldBytes = 0;
    return text;
  }
}

function isHead(value: unknown): value is PartHead {
  const { headers, answers } = (value ?? {}) as { readonly [member: string]: unknown };
  return Array.isArray(headers) && headers.every(isHeaderList) && Array.isArray(answers) && answers.every(isAnswer);
}

const isHeaderList = (list: unknown): boolean =>
  Array.isArray(list) &&
  list.length % 2 === 0 &&
  list.every((text) => typeof text === "string" && HEADER_TEXT.test(text));

const isAnswer = (numbers: unknown): boolean =>
  Array.isArray(numbers) &&
  numbers.length === 4 &&
  numbers.every((number) => Number.isSafeInteger(number) && (number as number) >= 0);

const wrong = (): Error => new Error("not the answer to this batch");
