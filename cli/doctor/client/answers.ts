/** What the fake KME answers: Status, containers of random keys, right and wrong ones, and refusals. */
import { randomBytes, randomUUID } from "node:crypto";
import { MESSAGES } from "../etsi014/expect.ts";
import type { Ask } from "./ask.ts";

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text goes out as it is, anything else as JSON. */
  readonly body?: unknown;
}

/** A request as it came. */
export interface Asked {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  /** Parsed; undefined where it is no JSON. */
  readonly body: unknown;
  /** By a clock that begins anywhere. */
  readonly atMs: number;
}

/** A request, and what it came of. */
export interface Question {
  readonly ask: Ask;
  readonly asked: Asked;
  /** Which request of that call it is, from 0. */
  readonly at: number;
  /** The client's SAE ID. */
  readonly sae: string;
}

export type Answer = (question: Question) => Reply;

export interface Entry {
  readonly key_ID: string;
  /** Base64. */
  readonly key: string;
}

const SIZE_BITS = 256;

export const entry = (key_ID: string = randomUUID(), bytes = SIZE_BITS / 8): Entry => ({
  key_ID,
  key: randomBytes(bytes).toString("base64"),
});

/** Those that an ask wants. */
export const entriesFor = ({ keyIds, number = 1, sizeBits = SIZE_BITS }: Ask): readonly Entry[] =>
  (keyIds ?? Array.from({ length: number }, () => randomUUID())).map((id) => entry(id, sizeBits / 8));

export const container = (keys: readonly unknown[], more: object = {}): Reply => ({
  status: 200,
  body: { keys, ...more },
});

export const statusFor = ({ ask: { peer }, sae }: Pick<Question, "ask" | "sae">, more: object = {}): Reply => ({
  status: 200,
  body: {
    source_KME_ID: "fake-kme-1",
    target_KME_ID: "fake-kme-2",
    master_SAE_ID: sae,
    slave_SAE_ID: peer,
    key_size: SIZE_BITS,
    stored_key_count: 1000,
    max_key_count: 2000,
    max_key_per_request: 100,
    max_key_size: 1024,
    min_key_size: 64,
    max_SAE_ID_count: 3,
    ...more,
  },
});

/** As a right KME answers. A client may fetch several keys one by one. */
export const right =
  (more: object = {}): Answer =>
  (question) => {
    const { ask, asked } = question;
    if (ask.call === "status") return statusFor(question, more);
    const only = asked.query.getAll("key_ID");
    const entries = entriesFor(only.length === 1 ? { ...ask, keyIds: only } : ask);
    return container(
      entries.map((each) => ({ ...each, ...more })),
      more,
    );
  };

export const always =
  (reply: Reply): Answer =>
  () =>
    reply;

const HTML = { "Content-Type": "text/html" };
const PAGE = "<!doctype html><title>A proxy's page</title><p>Something is wrong.";

export const REFUSALS = {
  "400 with an Error object": { status: 400, body: { message: MESSAGES.size } },
  "401 without a body": { status: 401 },
  "404 with a page": { status: 404, headers: HTML, body: PAGE },
  "422 with other JSON": { status: 422, body: { detail: [{ loc: ["body", "size"], msg: "no" }] } },
  "500 with a page": { status: 500, headers: HTML, body: PAGE },
  "200 with a page": { status: 200, headers: HTML, body: PAGE },
} as const satisfies Readonly<Record<string, Reply>>;

export const NO_KEYS_NOW: Reply = { status: 503, body: { message: "not enough keys available" } };
export const NOT_FOUND: Reply = { status: 400, body: { message: MESSAGES.notFound } };
