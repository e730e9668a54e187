/** The answers to a batch, read as they arrive: see batch.ts. */
import { LIMITS } from "../limits.ts";
import { ALONE, type HeaderList, type PartHead } from "./batch.ts";

export interface ReadAnswer {
  /** Which request of the batch it answers. */
  readonly request: number;
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

interface Part extends PartHead {
  /** Where the bodies begin, and the part ends. */
  readonly bodiesAt: number;
  readonly end: number;
}

const LINE_FEED = 0x0a;
/** Nothing that would break out of a header line. */
const HEADER_TEXT = /^[\t -~]*$/;

export class AnswerReader {
  readonly #unanswered: Set<number>;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** There is nothing to read before so many bytes have come. */
  #neededBytes = 1;

  constructor(requests: number) {
    this.#unanswered = new Set(Array.from({ length: requests }, (_, request) => request));
  }

  /**
   * @returns what this chunk makes complete: answers whose bodies are copies, so that one that waits for a slow client
   *   does not keep all the others in memory
   * @throws Error where this is no answer to the batch
   */
  push(chunk: Uint8Array): ReadAnswer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#neededBytes) return [];
    const answers: ReadAnswer[] = [];
    let rest = joined(this.#chunks, this.#bytes);
    for (let part = partOf(rest); ; part = partOf(rest)) {
      this.#neededBytes = part?.end ?? rest.length + 1;
      if (part === null || part.end > rest.length) break;
      answers.push(...this.#answersOf(part, rest));
      rest = rest.subarray(part.end);
    }
    this.#chunks = [rest];
    this.#bytes = rest.length;
    return answers;
  }

  #answersOf({ headers, answers, bodiesAt }: Part, bytes: Uint8Array): ReadAnswer[] {
    let position = bodiesAt;
    return answers.map(([request, status, table, length]) => {
      const list = headers[table];
      const isStatus = status === ALONE || (status >= 200 && status <= 599);
      if (!isStatus || list === undefined || !this.#unanswered.delete(request)) throw wrong();
      const body = bytes.slice(position, position + length);
      position += length;
      return { request, status, headers: list, body };
    });
  }
}

/** The part that begins here; null while its first line is not there. */
function partOf(bytes: Uint8Array): Part | null {
  const lineEnd = bytes.subarray(0, LIMITS.batchHeadBytes).indexOf(LINE_FEED);
  if (lineEnd === -1) {
    if (bytes.length >= LIMITS.batchHeadBytes) throw wrong();
    return null;
  }
  const head: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(0, lineEnd)));
  if (!isHead(head)) throw wrong();
  const bodiesAt = lineEnd + 1;
  const end = head.answers.reduce((sum, [, , , length]) => sum + length, bodiesAt);
  if (end > LIMITS.batchPartBytes) throw wrong();
  return { ...head, bodiesAt, end };
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

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const parts = chunks.filter(({ length }) => length > 0);
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(bytes);
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

const wrong = (): Error => new Error("not the answer to this batch");
