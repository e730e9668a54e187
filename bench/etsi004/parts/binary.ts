/** GET_KEY by the binary binding: through a site agent, over mutual TLS. */
import { progress } from "../../progress.ts";
import { startAgent } from "../agent.ts";
import { CHUNK_BYTES } from "../noop.ts";
import type { StreamOptions } from "../options.ts";
import type { BinaryResult } from "../report/measures.ts";
import { JOINER, OPENER, type StreamRig } from "../rig.ts";

const WARM_UP_CALLS = 300;

export async function measureBinary(rig: StreamRig, { binaryCalls: count }: StreamOptions): Promise<BinaryResult> {
  progress("GET_KEY, binary over TLS");
  await rig.fill(2 * CHUNK_BYTES * (WARM_UP_CALLS + count));
  const agent = await startAgent(rig.edge, OPENER.sae, OPENER.node);
  try {
    const [ksid = ""] = await rig.openStreams(1);
    const joiner = rig.endpointOf(JOINER.sae);
    const { port, client: tls } = agent;
    const measured = await rig.load.run("binary", { port, tls, joiner, ksid, count, warmUp: WARM_UP_CALLS });
    await rig.closeStreams([ksid]);
    return measured;
  } finally {
    await agent.stop();
  }
}
