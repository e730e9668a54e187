/** Part 3, last of all cases, as they leave no key: what happens when a pool runs dry. */
import { LIMITS } from "../../../shared/limits.ts";
import { must, NotRun, type Tell } from "../case.ts";
import type { Answer } from "../exchange.ts";
import { casesOf, type Etsi014Case } from "./etsi014-case.ts";
import { entriesIn, idsOf, type Key, keysOf, mustBeDistinct, mustBeError, mustBeSame } from "./expect.ts";
import type { Etsi014Stage } from "./stage.ts";

export const DRAINING: readonly Etsi014Case[] = casesOf([
  {
    id: "014-E23",
    level: "M",
    clause: "5.3",
    title: "two clients drain the pool at once: no key_ID and no value twice, and the slave gets the same keys",
    needs: ["drain"],
    keys: 2,
    timeoutMs: 600_000,
    async run(stage) {
      const keys = (await Promise.all([drain(stage), drain(stage)])).flatMap((drained) => drained.keys);
      must(keys.length > 0, "there was no key");
      mustBeDistinct(keys);
      const most = await stage.atMost(LIMITS.doctorManyKeys);
      for (let at = 0; at < keys.length; at += most) {
        const batch = keys.slice(at, at + most);
        mustBeSame(keysOf(await stage.fetch(stage.B, idsOf(batch)), batch.length), batch);
      }
    },
  },
  {
    id: "014-E22",
    level: "R",
    clause: "5.3",
    title: "more keys than are stored: 503 or 400 with a message; no part of them, none consumed (M)",
    needs: ["drain"],
    timeoutMs: 600_000,
    async run(stage, tell) {
      const { refusal } = await drain(stage);
      mustBeRefusedWhole(refusal, tell);
      if (!stage.given.isPaused) {
        tell.remark("whether the refused request took some is not known: key may have come in meanwhile (--paused)");
        return;
      }
      const before = await stage.stored();
      mustBeRefusedWhole(await stage.enc({ body: { number: before + 1 } }), tell);
      const after = await stage.stored();
      must(after === before, `${before} keys stored before, ${after} after`, "M");
      if (before > 0) keysOf(await stage.enc({ body: { number: before } }), before);
    },
  },
]);

function mustBeRefusedWhole(answer: Answer, tell: Tell): void {
  mustBeError(answer, { status: answer.status === 400 ? 400 : 503 });
  if (answer.status === 400) tell.note("status 400; 503 would say that a later try may succeed");
}

interface Drained {
  readonly keys: readonly Key[];
  readonly refusal: Answer;
}

/** Takes keys until the KME says that it has not so many. */
async function drain(stage: Etsi014Stage): Promise<Drained> {
  const number = await stage.atMost(LIMITS.doctorManyKeys);
  const keys: Key[] = [];
  for (let calls = 0; calls < LIMITS.doctorDrainCalls; calls++) {
    const answer = await stage.enc({ body: { number } });
    if (answer.status !== 200) return { keys, refusal: answer };
    must(entriesIn(answer) === number, `${entriesIn(answer)} keys, where ${number} were asked for`, "M");
    keys.push(...keysOf(answer, number));
  }
  throw new NotRun(`the pool is not empty after ${LIMITS.doctorDrainCalls * number} keys`);
}
