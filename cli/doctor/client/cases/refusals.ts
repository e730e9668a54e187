/** C01 and C05: answers that say no, and how often they are asked for. */
import { must } from "../../case.ts";
import { always, type Answer, NO_KEYS_NOW, NOT_FOUND, REFUSALS, type Reply, right } from "../answers.ts";
import type { Ask } from "../ask.ts";
import { clientCase, type Step } from "../case.ts";
import { mustRefuse } from "./judge.ts";

const ENC: Ask = { call: "enc_keys", peer: "sae-b" };
const DEC: Ask = { call: "dec_keys", peer: "sae-a", keyIds: ["bc490419-7d60-487f-adc1-4ddcc177c139"] };
const RETRY_AFTER_SECONDS = 1;
/** Clocks of two machines, and timers that come early. */
const TOLERANCE_MS = 50;
/** Between requests: less is no back-off. */
const LEAST_PAUSE_MS = 100;

const refused = (what: string, ask: Ask, reply: Reply): Step => ({
  what,
  ask,
  answer: always(reply),
  judge: mustRefuse,
});

export const REFUSED = clientCase({
  id: "C01",
  level: "M",
  clause: "5.3, 5.4, 6.5",
  title: "400, 401 without a body, 404, 422, 500, 503, a page of HTML: an error, no crash, no key",
  isOfRefusals: true,
  steps: [
    ...Object.entries(REFUSALS).map(([what, reply]) => refused(what, ENC, reply)),
    refused("503 for ever", ENC, NO_KEYS_NOW),
    refused("dec_keys: 400 for an unknown key_ID", DEC, NOT_FOUND),
    refused("dec_keys: 401 without a body", DEC, { status: 401 }),
    refused("status: 500 with a page", { call: "status", peer: "sae-b" }, REFUSALS["500 with a page"]),
  ],
});

/** These, one after the other, and then what is right. */
const first =
  (...replies: readonly Reply[]): Answer =>
  (question) =>
    replies[question.at] ?? right()(question);

const once = (reply: Reply): Step => ({
  what: `${reply.status}`,
  ask: ENC,
  answer: always(reply),
  judge({ asked }) {
    must(asked.length === 1, `it is asked for ${asked.length} times, and each answer is the same`, "R");
  },
});

const LATER: Step = {
  what: "503",
  ask: ENC,
  // The first says when to ask again, the others do not.
  answer: first({ ...NO_KEYS_NOW, headers: { "Retry-After": `${RETRY_AFTER_SECONDS}` } }, NO_KEYS_NOW, NO_KEYS_NOW),
  judge({ asked, ended }, tell) {
    must(ended.how !== "late" && ended.how !== "crash", ended.words, "M");
    must(asked.length > 1, "it is not asked again", "R");
    const pausesMs = asked.slice(1).map(({ atMs }, at) => atMs - (asked[at]?.atMs ?? 0));
    const [firstMs = 0, ...othersMs] = pausesMs;
    const askedMs = RETRY_AFTER_SECONDS * 1000;
    must(
      firstMs >= askedMs - TOLERANCE_MS,
      `Retry-After says ${askedMs} ms, it is asked again after ${ms(firstMs)}`,
      "R",
    );
    const leastMs = Math.min(...othersMs, Number.POSITIVE_INFINITY);
    must(leastMs >= LEAST_PAUSE_MS, `it is asked again after ${ms(leastMs)}: that is no back-off`, "R");
    tell.remark(
      `${ended.how === "done" ? "taken" : "given up"} after ${asked.length} requests, with pauses of ${pausesMs.map(ms).join(", ")}`,
    );
  },
};

const ms = (value: number): string => `${Math.round(value)} ms`;

export const ASKED_AGAIN = clientCase({
  id: "C05",
  level: "R",
  clause: "",
  title: "503: asked again with back-off, not before Retry-After; 400 and 401: not asked again",
  steps: [LATER, once(REFUSALS["400 with an Error object"]), once({ status: 401 })],
});
