/** What the cases work with: a client, and the KME that it calls. */
import { setMaxListeners } from "node:events";
import { LIMITS } from "../../../shared/limits.ts";
import { isRecord } from "../../../shared/records.ts";
import type { Exchange, Stage } from "../case.ts";
import { Redactor } from "../redact.ts";
import { Transcript } from "../transcript.ts";
import { type Answer, type Asked, type Reply, statusFor } from "./answers.ts";
import { type Ask, type Drive, type Ended, wordsOf } from "./ask.ts";
import type { ServerName } from "./certificates.ts";
import type { FakeKme } from "./fake-kme.ts";

/** What came of one call that the client was told to make. */
export interface Attempt {
  readonly ask: Ask;
  /** Requests of that call, in order. A client may ask for Status, or something else, besides. */
  readonly asked: readonly Asked[];
  /** Of any kind. */
  readonly requests: number;
  readonly ended: Ended;
  /** Keys that it was given and that its output shows. */
  readonly shown: number;
}

export interface Trial {
  readonly kme: FakeKme;
  readonly drive: Drive;
  /** The client's SAE ID. */
  readonly sae: string;
  /** Of one call. */
  readonly timeoutMs: number;
}

const STATUS = /\/status$/;
const NOTHING_HERE: Reply = { status: 404, body: { message: "there is nothing here" } };

export class ClientStage implements Stage {
  readonly #trial: Trial;
  readonly #redactor: Redactor;
  readonly #transcript: Transcript;
  #signal = new AbortController().signal;
  /** Has it taken what is right, so that what it refuses says something? */
  isProven = false;

  constructor(trial: Trial) {
    this.#trial = trial;
    this.#redactor = new Redactor([trial.sae]);
    this.#transcript = new Transcript(this.#redactor);
  }

  lacks(): string | null {
    return null;
  }

  begin(signal: AbortSignal): void {
    setMaxListeners(0, signal);
    this.#signal = signal;
    this.#transcript.begin();
  }

  exchanges(): readonly Exchange[] {
    return this.#transcript.exchanges();
  }

  shown(words: string): string {
    return this.#redactor.text(words);
  }

  /** Has the client make a call, of a KME that shows itself so and answers so. */
  async attempt(ask: Ask, answer: Answer, server: ServerName): Promise<Attempt> {
    const { kme, drive, sae, timeoutMs } = this.#trial;
    const asked: Asked[] = [];
    const keys = new Set<string>();
    let requests = 0;
    const tooMany = new AbortController();
    const who = `the client -> the KME${server === "right" ? "" : `, whose certificate is ${server}`}`;
    const replyTo = (request: Asked): Reply => {
      if (++requests >= LIMITS.doctorClientRequests) tooMany.abort();
      if (!request.path.endsWith(`/${ask.call}`)) {
        return STATUS.test(request.path) ? statusFor({ ask, sae }) : NOTHING_HERE;
      }
      const reply = answer({ ask, asked: request, at: asked.length, sae });
      asked.push(request);
      for (const key of keysIn(reply)) {
        keys.add(key);
        this.#redactor.learn(key);
      }
      return reply;
    };
    kme.begin(server, {
      asked: replyTo,
      answered: (sent, received) => this.#transcript.add(who, sent, received),
      refused: (reason) => this.#transcript.add(who, "(a TLS handshake)", `(it fails: ${reason})`),
    });
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const told = await drive(ask, AbortSignal.any([this.#signal, late, tooMany.signal]));
      const ended = tooMany.signal.aborted
        ? lateWith(told, `it asks without end: ${requests} requests`)
        : late.aborted
          ? lateWith(told, `it has not ended after ${timeoutMs / 1000} s`)
          : told;
      const said = [ended.words, ended.output].join("\n").trimEnd();
      if (ended.how !== "cannot") this.#transcript.add("the client", wordsOf(ask), said);
      return { ask, asked, requests, ended, shown: shownIn(ended.output, keys) };
    } finally {
      kme.end();
    }
  }
}

const lateWith = (ended: Ended, words: string): Ended => ({ ...ended, how: "late", words });

/** Those that are base64. */
function keysIn({ body }: Reply): readonly string[] {
  const keys = isRecord(body) ? body["keys"] : undefined;
  const entries: readonly unknown[] = Array.isArray(keys) ? keys : [];
  const texts = entries.flatMap((each) => (isRecord(each) && typeof each["key"] === "string" ? [each["key"]] : []));
  return texts.filter((text) => Buffer.from(text, "base64").length > 0);
}

/** In base64 or hex. */
function shownIn(output: string, keys: ReadonlySet<string>): number {
  const lower = output.toLowerCase();
  return [...keys].filter(
    (key) => output.includes(key.replace(/=+$/, "")) || lower.includes(Buffer.from(key, "base64").toString("hex")),
  ).length;
}
