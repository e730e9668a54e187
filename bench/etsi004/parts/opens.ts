/** OPEN_CONNECT and CLOSE over HTTP. */
import { progress } from "../../progress.ts";
import { CHUNK_BYTES } from "../noop.ts";
import type { StreamOptions } from "../options.ts";
import type { OpensResult } from "../report/measures.ts";
import { JOINER, OPENER, type StreamRig } from "../rig.ts";

const WARM_UP_OPENS = 100;

export async function measureOpens(rig: StreamRig, { opens: count }: StreamOptions): Promise<OpensResult> {
  progress("OPEN and CLOSE");
  return await rig.load.run("opens", {
    ends: rig.endsAt(""),
    source: OPENER.sae,
    destination: JOINER.sae,
    chunkBytes: CHUNK_BYTES,
    count,
    warmUp: WARM_UP_OPENS,
  });
}
