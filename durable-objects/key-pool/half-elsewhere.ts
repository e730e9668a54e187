/** The other half of a pool whose other node another deployment hosts: reached over HTTPS, as the configuration says. */
import type { PoolConfig } from "../../shared/keypool/types.ts";
import type { IdentityEnv } from "../peers/identities.ts";
import { peerNode } from "../peers/peer-node.ts";
import type { RemoteOptions } from "./half-remote.ts";

/**
 * @param config looked at for each message: where the other half is asked may change
 * @param generation see RemoteOptions
 * @returns undefined where both nodes are hosted here
 */
export function halfElsewhere(
  env: IdentityEnv,
  config: () => PoolConfig | undefined,
  generation: () => number,
): RemoteOptions | undefined {
  const remote = config()?.remote;
  if (remote === undefined) return undefined;
  const { ownNode, otherNode } = remote;
  const view = { remoteOf: (node: string) => (node === otherNode ? config()?.remote?.peer : undefined) };
  return { ownNode, other: peerNode(env, view, otherNode), generation };
}
