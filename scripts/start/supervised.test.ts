import { spawn } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { Supervised } from "./supervised.ts";

/** Supervises a program; `next` resolves with what is told next. */
function supervise(program: () => readonly [string, ...string[]]) {
  const told: string[] = [];
  const waiting: (() => void)[] = [];
  const tell = (what: string): void => {
    told.push(what);
    for (const wake of waiting.splice(0)) wake();
  };
  const child = new Supervised({
    name: "it",
    spawn: () => {
      const [file, ...args] = program();
      return spawn(file, args, { stdio: "ignore" });
    },
    say: tell,
    onStarted: () => tell("started"),
    onEnded: () => tell("ended"),
    onRestarted: () => tell("restarted"),
  });
  onTestFinished(() => child.stop(0));
  const until = async (count: number): Promise<readonly string[]> => {
    while (told.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return told;
  };
  return { child, until };
}

test("what ends by itself is started again, after a pause that grows", async () => {
  const { until } = supervise(() => ["sh", "-c", "exit 3"]);
  const note = "note: it ended (code 3): it is started again in";
  const first = ["started", "ended", `${note} 1 s`];
  expect(await until(7)).toEqual([...first, "started", "restarted", "ended", `${note} 2 s`]);
});

test("what is killed has another pid afterwards", async () => {
  const { child, until } = supervise(() => ["sleep", "1000"]);
  const before = child.pid;
  process.kill(before ?? expect.unreachable(), "SIGKILL");
  expect((await until(5)).slice(1)).toEqual([
    "ended",
    "note: it ended (SIGKILL): it is started again in 1 s",
    "started",
    "restarted",
  ]);
  expect(child.pid).not.toBe(before);
});

test("what cannot be run is said, and tried again", async () => {
  const { child, until } = supervise(() => ["/no/such/program"]);
  expect(child.pid).toBeNull();
  const [line] = await until(1);
  expect(line).toMatch(/^note: it ended \(.*ENOENT\): it is started again in 1 s$/);
});

test("what does not end when told is ended by force, and not started again", async () => {
  const { child, until } = supervise(() => ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]);
  await child.stop(100);
  expect(child.pid).toBeNull();
  expect(await until(2)).toEqual(["started", "ended"]);
});
