import { expect, test } from "vitest";
import { GroupCommit } from "./group-commit.ts";

function make(limits = { commitQueue: 8, commitBatch: 4 }) {
  const log: string[] = [];
  const commits = new GroupCommit(
    {
      durable: async () => await Promise.resolve(),
      transaction: (work) => {
        log.push("begin");
        work();
      },
      flush: () => log.push("flush"),
      rollback: () => log.push("rollback"),
      committed: () => log.push("committed"),
    },
    limits,
  );
  return { commits, log };
}

test("callers of one turn share a transaction, up to the batch bound, in order", async () => {
  const { commits, log } = make();
  const answers = await Promise.all([1, 2, 3, 4, 5].map(async (n) => await commits.run(() => (log.push(`w${n}`), n))));
  expect(answers).toEqual([1, 2, 3, 4, 5]);
  expect(log.join(" ")).toBe("begin w1 w2 w3 w4 flush committed begin w5 flush committed");
});

test("a defect fails its group and nobody else", async () => {
  const { commits, log } = make({ commitQueue: 8, commitBatch: 2 });
  const results = await Promise.allSettled([
    commits.run(() => 1),
    commits.run(() => {
      throw new Error("defect");
    }),
    commits.run(() => 3),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(log.join(" ")).toBe("begin rollback begin flush committed");
});

test("the queue is bounded", async () => {
  const { commits } = make({ commitQueue: 1, commitBatch: 1 });
  const first = commits.run(() => 1);
  expect(commits.full).toBe(true);
  await expect(commits.run(() => 2)).rejects.toThrow("commit queue full");
  expect(await first).toBe(1);
});
