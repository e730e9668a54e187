/**
 * A feed in a process of its own, to be killed: `node feed-process.ts '<JSON of FeedProcess>'`. Its log goes to stderr.
 * Ends on SIGTERM, or by SIGKILL of its own at the step it was told.
 */
import files from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import * as v from "valibot";
import { readTokens } from "../../scripts/start/secrets.ts";
import { FeedSchema } from "../../tunnel/feeds/config.ts";
import type { Send } from "../../tunnel/feeds/edge.ts";
import { startFeed } from "../../tunnel/feeds/feed.ts";
import { stderrLog } from "../../tunnel/log.ts";
import { readOrMakeKey } from "../../tunnel/spool/key-file.ts";
import { edgeSend } from "./edge-send.ts";

export interface FeedProcess {
  /** State folder of the network. */
  readonly state: string;
  /** Whose token: `agent-tn-1`. */
  readonly agent: string;
  readonly spoolFolder: string;
  readonly feed: Readonly<Record<string, unknown>>;
  readonly dieAt?: Death;
}

/** Before the n-th file is opened, renamed or deleted; before or after the n-th request to the edge. */
export interface Death {
  readonly step: "file" | "request" | "answer";
  readonly count: number;
}

const { state, agent, spoolFolder, feed, dieAt } = JSON.parse(process.argv[2] ?? "{}") as FeedProcess;

let counts = { file: 0, request: 0, answer: 0 };
function step(name: Death["step"]): void {
  counts = { ...counts, [name]: counts[name] + 1 };
  if (dieAt?.step === name && dieAt.count === counts[name]) process.kill(process.pid, "SIGKILL");
}

for (const name of ["open", "rename", "unlink"] as const) {
  const original = files[name] as (...args: unknown[]) => Promise<unknown>;
  Object.assign(files, {
    [name]: async (...args: unknown[]) => {
      step("file");
      return await original(...args);
    },
  });
}
syncBuiltinESMExports();

const reach = edgeSend(join(state, "ports.json"), readTokens(join(state, "tokens.json"))[agent] ?? "");
const send: Send = async (request, signal) => {
  step("request");
  const answer = await reach(request, signal);
  step("answer");
  return answer;
};

const ending = new AbortController();
process.once("SIGTERM", () => ending.abort());
const spoolKey = await readOrMakeKey(join(spoolFolder, "key"));
const surroundings = { spoolFolder, spoolKey, send, log: stderrLog };
const running = await startFeed(v.parse(FeedSchema, feed), surroundings, ending.signal);
// From here on it ends as it is told.
stderrLog("info", "feed runs");
await running.ended;
