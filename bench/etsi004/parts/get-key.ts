/** GET_KEY over HTTP; of streams that are none; and the barest way to an object: in turns. */
import { progress } from "../../progress.ts";
import { turned } from "../../turned.ts";
import { BARE_PATH, CHUNK_BYTES, noopKsid } from "../noop.ts";
import { CONNECTIONS, type StreamOptions } from "../options.ts";
import type { GetKeyResult, GetKeyRound } from "../report/measures.ts";
import type { StreamRig } from "../rig.ts";

const WARM_UP_MS = 300;
/** So long after their start, engine and load tool have come to their full speed. */
const FIRST_WARM_UP_MS = 2500;
/** Above what any machine so far gives in a second. */
const CHUNKS_PER_S = 20_000;

export async function measureGetKey(rig: StreamRig, options: StreamOptions): Promise<GetKeyResult[]> {
  progress("warming up");
  const ksids = await rig.openStreams(Math.max(...CONNECTIONS));
  await rig.fill((CHUNKS_PER_S * CHUNK_BYTES * FIRST_WARM_UP_MS) / 1000);
  for (const kind of KINDS) await run(rig, kind, ksids, FIRST_WARM_UP_MS);
  const results: GetKeyResult[] = [];
  for (const connections of CONNECTIONS) {
    progress(`GET_KEY, ${connections} at once`);
    const rounds: GetKeyRound[] = [];
    for (let number = 0; number < options.rounds; number++) {
      rounds.push(await measureRound(rig, ksids.slice(0, connections), options.measureMs, number));
    }
    results.push({ connections, rounds });
  }
  await rig.closeStreams(ksids);
  return results;
}

const KINDS = ["bare", "noop", "stream"] as const;
type Kind = (typeof KINDS)[number];

async function run(rig: StreamRig, kind: Kind, streams: readonly string[], measureMs: number) {
  const isStream = kind === "stream";
  return await rig.load.run("get-key", {
    ends: kind === "bare" ? rig.endsAt(BARE_PATH) : rig.endsAt(""),
    ksids: isStream ? streams : streams.map((_, number) => noopKsid(number)),
    warmUpMs: WARM_UP_MS,
    measureMs,
    chunksAreUnique: isStream,
  });
}

/** Each kind is first in its turn. */
async function measureRound(rig: StreamRig, streams: readonly string[], measureMs: number, number: number) {
  await rig.fill((CHUNKS_PER_S * CHUNK_BYTES * (WARM_UP_MS + measureMs)) / 1000);
  const measured: Partial<Record<Kind, GetKeyRound[Kind]>> = {};
  for (const kind of turned(KINDS, number)) measured[kind] = await run(rig, kind, streams, measureMs);
  return measured as GetKeyRound;
}
