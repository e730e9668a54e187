/** A load tool: a process of its own that does jobs, one at a time. */
import { fork } from "node:child_process";
import { ask, end } from "./child.ts";

/** Each job by its name: what it takes, what it gives. */
type JobTable<Jobs> = { readonly [Name in keyof Jobs]: { readonly takes: object; readonly gives: unknown } };

type Answer =
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "failed"; readonly problem: string };

type Work<Jobs extends JobTable<Jobs>> = {
  readonly [Name in keyof Jobs]: (takes: Jobs[Name]["takes"]) => Promise<Jobs[Name]["gives"]>;
};

/** In the process of the tool: does what comes as messages, until whoever asks is gone. */
export function serveJobs<Jobs extends JobTable<Jobs>>(work: Work<Jobs>): void {
  const answerTo = async (message: { readonly job: keyof Jobs }): Promise<Answer> => {
    try {
      return { type: "done", result: await work[message.job](message) };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return { type: "failed", problem: `${String(message.job)}: ${problem}` };
    }
  };
  process.on("message", (message: { readonly job: keyof Jobs }) => {
    void answerTo(message).then((answer) => process.send?.(answer));
  });
  process.on("disconnect", () => process.exit(0));
}

export interface LoadTool<Jobs extends JobTable<Jobs>> {
  /** @throws Error when anything went wrong */
  run<Name extends keyof Jobs>(job: Name, takes: Jobs[Name]["takes"]): Promise<Jobs[Name]["gives"]>;
  stop(): Promise<void>;
}

/** @param main file that calls `serveJobs` */
export function startJobs<Jobs extends JobTable<Jobs>>(main: string): LoadTool<Jobs> {
  const child = fork(main);
  const run: LoadTool<Jobs>["run"] = async (job, takes) => {
    const answer = await ask<Answer>(child, { job, ...takes });
    if (answer.type === "failed") throw new Error(answer.problem);
    // The tool answers each job with what Jobs says it gives.
    return answer.result;
  };
  return { run, stop: () => end(child) };
}
