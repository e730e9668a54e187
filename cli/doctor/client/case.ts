/** A case of a client under test: calls that it is told to make, each of them judged. */
import { Breach, type Case, type Level, must, NotRun, type Tell } from "../case.ts";
import { type Answer, right } from "./answers.ts";
import { type Ask, wordsOf } from "./ask.ts";
import type { ServerName } from "./certificates.ts";
import type { Attempt, ClientStage } from "./stage.ts";

export type ClientCase = Case<ClientStage, never>;

export interface Step {
  /** What is tried on it: `401 without a body`. */
  readonly what: string;
  readonly ask: Ask;
  readonly answer: Answer;
  /** As whom the KME shows itself; as it should, unless told. */
  readonly server?: ServerName;
  /** @throws Breach */
  readonly judge: (attempt: Attempt, tell: Tell) => void;
}

const NO_SUCH_CALL = "the client says that it has no such call";
/** Each call is bounded by itself, and by hand they take as long as it takes. */
const DAY_MS = 24 * 3600 * 1000;

interface Spec extends Pick<ClientCase, "id" | "level" | "clause" | "title"> {
  readonly steps: readonly Step[];
  /** What it refuses says something only of a client that takes what is right. */
  readonly isOfRefusals?: boolean;
}

export const clientCase = ({ steps, isOfRefusals = false, ...rest }: Spec): ClientCase => ({
  ...rest,
  timeoutMs: DAY_MS,
  async run(stage, tell) {
    if (isOfRefusals) await mustBeProven(stage);
    const breaches: Breach[] = [];
    const untried: string[] = [];
    for (const { what, ask, answer, server = "right", judge } of steps) {
      const attempt = await stage.attempt(ask, answer, server);
      if (attempt.ended.how === "cannot") {
        untried.push(what);
        continue;
      }
      try {
        judge(attempt, {
          note: (words) => tell.note(`${what}: ${words}`),
          remark: (words) => tell.remark(`${what}: ${words}`),
        });
      } catch (thrown) {
        if (!(thrown instanceof Breach)) throw thrown;
        breaches.push(new Breach(`${what}: ${thrown.message}`, thrown.level));
      }
    }
    if (untried.length === steps.length) throw new NotRun(NO_SUCH_CALL);
    for (const what of untried) tell.remark(`${what}: not tried, as ${NO_SUCH_CALL}`);
    const [worst, ...others] = breaches.toSorted(
      (one, other) => rank(one.level ?? rest.level) - rank(other.level ?? rest.level),
    );
    if (worst === undefined) return;
    for (const { message } of others) tell.remark(message);
    throw worst;
  },
});

const rank = (level: Level): number => (level === "R" ? 1 : 0);

const PLAIN: Ask = { call: "enc_keys", peer: "sae-b" };

/** @throws Breach where a right answer of a right KME is not taken; NotRun where the client has no such call */
async function mustBeProven(stage: ClientStage): Promise<void> {
  if (stage.isProven) return;
  const { ended, asked } = await stage.attempt(PLAIN, right(), "right");
  if (ended.how === "cannot") throw new NotRun(NO_SUCH_CALL);
  must(asked.length > 0, `no request comes of ${wordsOf(PLAIN)}: ${ended.words}`, "M");
  must(ended.how === "done", `a right answer is not taken (${wordsOf(PLAIN)}): ${ended.words}`, "M");
  stage.isProven = true;
}
