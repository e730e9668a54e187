/**
 * The Worker and its objects as they are deployed; and at a path of its own the question that pools of relayed key ask of
 * a node, so that relays are measured without those who want keys.
 */
import type { PairName } from "../../../shared/ids.ts";
import { FIRST_RELAY_SHARD } from "../../../shared/keypool/relay-shard.ts";
import type { Env } from "../../../workers/env.ts";
import app from "../../../workers/index.ts";
import { BRING_PATH, type BringAnswer, type BringOrder } from "../bring.ts";

export * from "../../../workers/index.ts";

async function bring(order: BringOrder, env: Env): Promise<BringAnswer> {
  const { from, bytes: wanted, isUrgent } = order;
  const node = env.TRUSTED_NODE.getByName(from);
  const call = { configVersion: 0, pair: order.pair as PairName, shard: FIRST_RELAY_SHARD, bytes: wanted, isUrgent };
  const startMs = Date.now();
  let [bytes, calls] = [0, 0];
  const told = (problem: string | null): BringAnswer => ({ bytes, calls, ms: Date.now() - startMs, problem });
  for (; calls < order.calls && Date.now() - startMs < order.forMs; calls++) {
    // As pools do: the next one when this one is done.
    // oxlint-disable-next-line no-await-in-loop
    const brought = await node.bringKey(call);
    if (!brought.ok) return told(`${brought.error.code}: ${brought.error.message}`);
    bytes += brought.value.bytes;
  }
  return told(null);
}

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== BRING_PATH) return await app.fetch(request, env, context);
    return Response.json(await bring(await request.json<BringOrder>(), env));
  },
} satisfies ExportedHandler<Env>;
