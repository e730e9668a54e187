/** Streams opened and closed over HTTP, one after the other: each call timed by itself. */
import { type Connection, connectToEdge } from "../../load/connection.ts";
import { summarise } from "../../statistics.ts";
import type { Jobs } from "./jobs.ts";

const STREAMS = "/api/v1/streams";
/** Statuses of ETSI GS QKD 004: opened with the other end, or before it. */
const SUCCESS = 0;
const PEER_NOT_CONNECTED = 1;

type Call = "open" | "join" | "close";

export async function opens(job: Jobs["opens"]["takes"]): Promise<Jobs["opens"]["gives"]> {
  const { ends, destination, chunkBytes, count, warmUp } = job;
  const [opener, joiner] = [connectToEdge(ends.opener), connectToEdge(ends.joiner)];
  const timesMs: Record<Call, number[]> = { open: [], join: [], close: [] };
  const wish = { destination, QOS: { Key_chunk_size: chunkBytes } };
  const once = async (keep: boolean): Promise<void> => {
    const timed = async (call: Call, end: Connection, path: string, body: object, expected: number) => {
      const startMs = performance.now();
      const answer = await end.request("POST", path, JSON.stringify(body));
      if (keep) timesMs[call].push(performance.now() - startMs);
      const { status, key_stream_ID: ksid = "" } = JSON.parse(answer.body) as {
        status: number;
        key_stream_ID?: string;
      };
      if (status !== expected) throw new Error(`${call} answered ${answer.status} with status ${status}`);
      return ksid;
    };
    const ksid = await timed("open", opener, STREAMS, wish, PEER_NOT_CONNECTED);
    await timed("join", joiner, STREAMS, { ...wish, destination: job.source, key_stream_ID: ksid }, SUCCESS);
    for (const end of [opener, joiner]) await timed("close", end, `${STREAMS}/${ksid}/close`, {}, SUCCESS);
  };
  try {
    for (let number = 0; number < warmUp + count; number++) await once(number >= warmUp);
  } finally {
    for (const connection of [opener, joiner]) connection.close();
  }
  const { open, join, close } = timesMs;
  return { open: summarise(open), join: summarise(join), close: summarise(close) };
}
