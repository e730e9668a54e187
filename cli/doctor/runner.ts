/** Runs cases one after the other, in their order. Whatever a case does, the next one runs. */
import { LIMITS } from "../../shared/limits.ts";
import { Breach, type Case, type Level, NotRun, type Outcome, type Result, type Stage } from "./case.ts";

/** Never throws: what a case throws is its outcome. */
export async function runCases<S extends Stage>(
  cases: readonly Case<S>[],
  stage: S,
  done: (outcome: Outcome) => void = () => undefined,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const each of cases) {
    const outcome = await runCase(each, stage);
    outcomes.push(outcome);
    done(outcome);
  }
  return outcomes;
}

/** Never throws. */
export async function runCase<S extends Stage>(each: Case<S>, stage: S): Promise<Outcome> {
  const { id, level, clause, title, needs = [], timeoutMs = LIMITS.doctorCaseMs } = each;
  const outcome = (result: Result, why: readonly string[], startedMs = performance.now()): Outcome => ({
    id,
    level,
    clause,
    title,
    result,
    why: result === "skip" ? why : why.map((words) => stage.shown(words)),
    exchanges: result === "skip" ? [] : stage.exchanges(),
    ms: performance.now() - startedMs,
  });
  const lacking = [...new Set(needs.flatMap((need) => stage.lacks(need) ?? []))];
  if (lacking.length > 0) return outcome("skip", lacking);

  const startedMs = performance.now();
  const [notes, remarks]: [string[], string[]] = [[], []];
  const tell = { note: (words: string) => void notes.push(words), remark: (words: string) => void remarks.push(words) };
  const ending = new AbortController();
  stage.begin(ending.signal);
  const work = each.run(stage, tell);
  try {
    await within(timeoutMs, work);
    return outcome(notes.length > 0 ? "note" : "pass", [...notes, ...remarks], startedMs);
  } catch (thrown) {
    const { result, words } = judged(thrown, level);
    return outcome(result, [words, ...notes, ...remarks], startedMs);
  } finally {
    ending.abort();
    // What it still does, as to undo what it did, is not for the next case to meet.
    await within(LIMITS.doctorEndMs, work).catch(() => undefined);
  }
}

function judged(thrown: unknown, level: Level): { readonly result: Result; readonly words: string } {
  if (thrown instanceof NotRun) return { result: "skip", words: thrown.message };
  const isHard = thrown instanceof Breach ? (thrown.level ?? level) !== "R" : true;
  return { result: isHard ? "fail" : "note", words: thrown instanceof Error ? wordsOf(thrown) : String(thrown) };
}

/** Connections fail with a code, sometimes with nothing else. */
function wordsOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
