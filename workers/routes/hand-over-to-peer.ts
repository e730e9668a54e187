/**
 * Keys for an SAE behind another KMS (ETSI GS QKD 020): the master gets them only once that KMS has acknowledged them.
 * They leave their pool before: whatever becomes of the hand-over, nobody gets those bits again.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import { shardOfKeyId } from "../../shared/keypool/key-id.ts";
import { expandGrant, firstId, type KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import { nodeId } from "../../shared/network/lookup.ts";
import { ok, type Result } from "../../shared/result.ts";
import { answerOf } from "../clients/key-pool.ts";
import type { AuthenticatedCall } from "./handler.ts";
import type { SaeCaller, SlaveRoute } from "./sae.ts";

/**
 * @param grant of keys that wait for the slave
 * @returns the grant as it is where the slave is served here; else `unavailable` where its KMS has not taken the keys
 */
export async function handedOver(
  { env, pools }: AuthenticatedCall,
  caller: SaeCaller,
  { slave, peer, pair }: SlaveRoute,
  grant: KeyGrant<KeyIdRun>,
): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
  const [first] = grant.keyIds;
  if (peer === undefined || first === undefined) return ok(grant);
  const taken = await pools.decKeys(
    { pair, shard: shardOfKeyId(firstId(first)) ?? 0 },
    {
      configVersion: caller.lookup.sequence,
      principal: `kms:${peer.id}`,
      sae: slave,
      master: caller.sae,
      keyIds: grant.keyIds,
    },
  );
  if (!taken.ok) return taken;
  const handed = { initiator: caller.sae, target: slave, ...expandGrant(taken.value) };
  const { url = "", ack_url: ackUrl = null, via = null, form } = peer;
  const reach = { url, ackUrl, via, form };
  const outcome = await answerOf(
    async () => await env.KMS_PEER.getByName(peer.id).handOver({ node: nodeId(peer.node), reach, handed }),
  );
  handed.bytes.fill(0);
  return outcome.ok ? ok(grant) : outcome;
}
