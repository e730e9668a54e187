/**
 * GET_KEY over HTTP, the next chunk each. The ends' answers are compared as they come (one string comparison); they are
 * looked at for repeats after the clock has stopped.
 */
import { type Connection, connectToEdge } from "../../load/connection.ts";
import type { Step, Worker } from "../../load/workers.ts";
import { measure } from "../../tunnel/load/measure.ts";
import { checkStream, chunkOf } from "./chunks.ts";
import type { EdgeEnds, Jobs } from "./jobs.ts";

const NEXT = "{}";

interface Stream {
  /** Answers that both ends have got. */
  readonly answers: readonly string[];
  readonly step: Step;
  /** Lets the end that is behind catch up. */
  readonly finish: Step;
  readonly close: () => void;
}

export async function getKey(job: Jobs["get-key"]["takes"]): Promise<Jobs["get-key"]["gives"]> {
  const streams = job.ksids.map((ksid) => streamOf(job.ends, ksid));
  try {
    const rate = await measure(streams.map(workerOf), { warmUpMs: job.warmUpMs, measureMs: job.measureMs });
    for (const { finish } of streams) await finish();
    // Answers of streams that are none are kept like the others, so that the tool does the same work for both.
    const checked = job.chunksAreUnique ? streams.map(({ answers }) => checkStream(answers.map(chunkOf))) : [];
    return { ...rate, checkedChunks: checked.reduce((sum, count) => sum + count, 0) };
  } finally {
    for (const { close } of streams) close();
  }
}

const workerOf = ({ step }: Stream): Worker => ({
  // Making connections is not what is measured.
  prepare: async () => (await step()) ?? (await step()),
  step,
  close: () => undefined,
});

function streamOf(ends: EdgeEnds, ksid: string): Stream {
  const [opener, joiner] = [connectToEdge(ends.opener), connectToEdge(ends.joiner)];
  const answers: string[] = [];
  /** What the opener has got, and the joiner has not. */
  let ahead: string | null = null;
  const step = async (): Promise<null> => {
    if (ahead === null) {
      ahead = await nextChunk(opener, ksid);
      return null;
    }
    if ((await nextChunk(joiner, ksid)) !== ahead) throw new Error("the two ends got unequal chunks");
    answers.push(ahead);
    ahead = null;
    return null;
  };
  return {
    answers,
    step,
    finish: async () => (ahead === null ? null : await step()),
    close: () => [opener, joiner].forEach((connection) => connection.close()),
  };
}

/** @throws Error where there is none; of its answer nothing is told but its status */
export async function nextChunk(end: Connection, ksid: string): Promise<string> {
  const { status, body } = await end.request("POST", `/api/v1/streams/${ksid}/get_key`, NEXT);
  if (status !== 200) throw new Error(`GET_KEY answered ${status}`);
  return body;
}
