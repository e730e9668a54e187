/** A client that a command of the user's runs, once for each call. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../../shared/limits.ts";
import { killGroup, runByShell, type ShellEnd } from "../run-by-shell.ts";
import { type Drive, type Ended, type How, type Place, variablesOf } from "./ask.ts";

/** As others have it for a test that cannot be run: the client has no such call. */
const CANNOT_CODE = 77;
/** What a shell adds to the number of the signal that ended a command; some programs end with 255 for any error. */
const SIGNALS = { after: 128, last: 192 } as const;

/** @param env of this program, for the command */
export const clientByShell =
  (command: string, place: Place, cwd: string, env: NodeJS.ProcessEnv): Drive =>
  async (ask, signal) => {
    let output = "";
    let closed: Promise<unknown> = Promise.resolve();
    const streams: Readable[] = [];
    const started = (child: ChildProcess): void => {
      // Not where it could not be started: that is told already.
      closed = once(child, "close").catch(() => undefined);
      for (const stream of [child.stdout, child.stderr]) {
        if (stream === null) continue;
        streams.push(stream);
        stream.setEncoding("utf8").on("data", (text: string) => {
          output = (output + text).slice(0, LIMITS.doctorClientOutputChars);
        });
      }
    };
    const ended = await runByShell(command, {
      cwd,
      env: { ...env, ...variablesOf(ask, place) },
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      started: (child) => {
        started(child);
        // What it has left running would ask in the next one's time.
        child.once("exit", () => killGroup(child, "SIGKILL"));
      },
    });
    await Promise.race([closed, sleep(LIMITS.doctorKillMs, null, { ref: false })]);
    // What has left the group may hold them open, and this program with them.
    for (const stream of streams) stream.destroy();
    return judged(ended, output);
  };

function judged({ code, signal }: ShellEnd, output: string): Ended {
  const how = howBy(code);
  const words = code === null ? `ended by ${signal ?? "a signal"}` : `exit code ${code}`;
  return { how, words, output };
}

function howBy(code: number | null): How {
  if (code === 0) return "done";
  if (code === CANNOT_CODE) return "cannot";
  return code === null || (code > SIGNALS.after && code <= SIGNALS.last) ? "crash" : "error";
}
