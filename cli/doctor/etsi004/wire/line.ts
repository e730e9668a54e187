/** A conversation with a key manager, as the transcript has it: what was sent, and the answer that came. */
import { LIMITS } from "../../../../shared/limits.ts";
import type { Reach } from "../reach.ts";
import { type Codec, Conversation } from "./conversation.ts";

export interface LineCodec<Answer> extends Codec<Answer> {
  /** Without keys. */
  shown(answer: Answer): string;
}

const SHOWN_BYTES = 400;
const GROUP = /.{1,8}/g;

export class Line<Answer> {
  readonly #reach: Reach;
  readonly #codec: LineCodec<Answer>;
  readonly #conversation: Conversation<Answer>;
  #unanswered: string[] = [];

  /** @throws what the connection failed with */
  static async open<Answer>(reach: Reach, codec: LineCodec<Answer>): Promise<Line<Answer>> {
    return new Line(reach, codec, new Conversation(await reach.tcp(), codec));
  }

  private constructor(reach: Reach, codec: LineCodec<Answer>, conversation: Conversation<Answer>) {
    this.#reach = reach;
    this.#codec = codec;
    this.#conversation = conversation;
  }

  send(bytes: string | Uint8Array): void {
    this.#unanswered.push(typeof bytes === "string" ? bytes : hexOf(bytes));
    this.#conversation.send(bytes);
  }

  /** Null at the end of the connection. @throws Error for what is no answer */
  async next(): Promise<Answer | null> {
    const sent = this.#unanswered.join("\n");
    this.#unanswered = [];
    try {
      const answer = await inTime(this.#conversation.next());
      this.#reach.told(sent, answer === null ? "(the connection ends)" : this.#codec.shown(answer));
      return answer;
    } catch (thrown) {
      this.#reach.told(sent, `(${thrown instanceof Error ? thrown.message : String(thrown)})`);
      throw thrown;
    }
  }

  /** @throws Error where the connection ends without an answer */
  async ask(bytes: string | Uint8Array): Promise<Answer> {
    this.send(bytes);
    const answer = await this.next();
    if (answer === null) throw new Error("the connection ends without an answer");
    return answer;
  }

  /** In the middle of whatever it was. */
  breakOff(): void {
    this.#conversation.socket.resetAndDestroy();
  }

  end(): void {
    this.#conversation.end();
  }
}

/** @throws Error where nothing comes for too long */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${LIMITS.doctorCallMs / 1000} s`)),
      LIMITS.doctorCallMs,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** In groups: no key is that short. */
const hexOf = (bytes: Uint8Array): string => {
  const groups = Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString("hex").match(GROUP) ?? [];
  return `${groups.join(" ")}${bytes.length > SHOWN_BYTES ? ` ... (${bytes.length} bytes)` : ""}`;
};
