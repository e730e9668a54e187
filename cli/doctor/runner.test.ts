import { afterEach, expect, test, vi } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { Breach, type Case, type Level, must, NotRun, type Stage } from "./case.ts";
import { runCase, runCases } from "./runner.ts";

afterEach(() => void vi.useRealTimers());

class EmptyStage implements Stage {
  readonly begun: AbortSignal[] = [];

  lacks(need: string): string | null {
    return need === "there" ? null : `--${need}`;
  }
  begin(signal: AbortSignal): void {
    this.begun.push(signal);
  }
  exchanges() {
    return [{ who: "a", sent: "b", received: "c" }];
  }
  shown(words: string): string {
    return words.replaceAll("SECRET", "[6 bytes]");
  }
}

const one = (id: string, run: Case["run"], more: Partial<Case> = {}): Case => ({
  id,
  level: "M",
  clause: "",
  title: id,
  run,
  ...more,
});
/** A case that throws this. */
const thrower = (id: string, error: Error, level: Level = "M"): Case => ({
  ...one(id, async () => undefined),
  level,
  run: async () => {
    throw error;
  },
});

const ended = async (signal: AbortSignal | undefined): Promise<void> =>
  await new Promise((resolve) => signal?.addEventListener("abort", () => resolve()));

test("what a case does is its outcome, and the next one runs", async () => {
  const stage = new EmptyStage();
  const cases = [
    one("good", async (_stage, tell) => tell.remark("seen")),
    one("noted", async (_stage, tell) => tell.note("odd")),
    one("required", async () => must(false, "wrong")),
    one("recommended", async () => must(false, "wrong"), { level: "R" }),
    one("required part", async () => must(false, "wrong", "M"), { level: "R" }),
    thrower("recommended part", new Breach("wrong", "R")),
    one("robust", async () => must(false, "wrong"), { level: "X" }),
    thrower("connection", Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }), "R"),
    thrower("nothing to say", new NotRun("no multicast")),
    one("lacking", async () => must(false, "was run"), { needs: ["there", "third"] }),
    one("met", async () => undefined, { needs: ["there"] }),
    one("endless", async (at) => await ended((at as EmptyStage).begun.at(-1)), { timeoutMs: 1 }),
  ];
  const seen: string[] = [];
  const outcomes = await runCases(cases, stage, ({ id }) => void seen.push(id));
  expect(outcomes.map(({ id, result, why }) => [id, result, why])).toEqual([
    ["good", "pass", ["seen"]],
    ["noted", "note", ["odd"]],
    ["required", "fail", ["wrong"]],
    ["recommended", "note", ["wrong"]],
    ["required part", "fail", ["wrong"]],
    ["recommended part", "note", ["wrong"]],
    ["robust", "fail", ["wrong"]],
    ["connection", "fail", ["socket hang up (ECONNRESET)"]],
    ["nothing to say", "skip", ["no multicast"]],
    ["lacking", "skip", ["--third"]],
    ["met", "pass", []],
    ["endless", "fail", ["no end after 0.001 s"]],
  ]);
  expect(seen).toEqual(cases.map(({ id }) => id));
  expect(stage.begun.every(({ aborted }) => aborted)).toBe(true);
  expect(stage.begun).toHaveLength(cases.length - 1);
});

test("a case that takes too long is over once it has ended what it does, or has had the time to", async () => {
  let isUndone = false;
  const undoes = one("undoes", async (stage) => {
    await ended((stage as EmptyStage).begun.at(-1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    isUndone = true;
  });
  expect(await runCase({ ...undoes, timeoutMs: 1 }, new EmptyStage())).toMatchObject({ result: "fail" });
  expect(isUndone).toBe(true);

  vi.useFakeTimers();
  const deaf = one("deaf", async () => await new Promise(() => undefined), { timeoutMs: 1000 });
  const over = vi.fn<() => void>();
  const outcome = runCase(deaf, new EmptyStage()).finally(over);
  await vi.advanceTimersByTimeAsync(1000 + LIMITS.doctorEndMs - 1);
  expect(over).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(await outcome).toMatchObject({ result: "fail", why: ["no end after 1 s"] });
});

test("what an answer said is shown without keys", async () => {
  const cases = [
    one("failed", async (_stage, tell) => {
      tell.remark("it has SECRET");
      must(false, "it says SECRET");
    }),
    one("noted", async (_stage, tell) => tell.note("it says SECRET")),
  ];
  const outcomes = await runCases(cases, new EmptyStage());
  expect(outcomes.map(({ why }) => why)).toEqual([["it says [6 bytes]", "it has [6 bytes]"], ["it says [6 bytes]"]]);
});
