/** Requests to the edge on behalf of an SAE: with the token that came with the agent's tunnel, and the SAE's name beside it. */
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../../shared/limits.ts";
import { type Edge, type EdgeBytes, type EdgeRequest, Unreached } from "../../agent/link/edge.ts";
import type { Link } from "../../agent/link/link.ts";
import { type Log, throttled } from "../../log.ts";

/** For whom: an application, at the node it is attached to. */
export interface ActingFor {
  readonly sae: string;
  readonly node: string;
}

/** Rejects where the edge cannot be reached (Unreached: for certain), answers more than it should, or not before `signal`. */
export type Ask = (request: EdgeRequest, signal: AbortSignal) => Promise<EdgeBytes>;

/** A request that was never sent is sent again while there is hope; any other may have been served. */
export const askAs =
  (edge: Pick<Edge, "exchange">, owner: Pick<Link, "whenUp">, acting: ActingFor): Ask =>
  async (request, signal) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await askOnce(edge, owner, acting, request, signal);
      } catch (thrown) {
        const isHopeless = !(thrown instanceof Unreached) || attempt === LIMITS.localEdgeAttempts || signal.aborted;
        if (isHopeless) throw thrown;
        await sleep(LIMITS.localEdgePauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
  };

async function askOnce(
  edge: Pick<Edge, "exchange">,
  owner: Pick<Link, "whenUp">,
  { sae, node }: ActingFor,
  request: EdgeRequest,
  signal: AbortSignal,
): Promise<EdgeBytes> {
  // A tunnel that is down is waited for, as it is right after a start.
  const session = await owner.whenUp(LIMITS.localTunnelMs, signal);
  if (session === null) throw new Error("the tunnel is down");
  // Where another instance serves the site, it may be this one's turn in a moment.
  if (session.access === null) throw new Unreached("another instance serves the site");
  const headers = { ...request.headers, "QKD-SAE": encodeURIComponent(sae), "QKD-Node": node };
  return await edge.exchange({ ...request, headers, token: session.access.token }, signal);
}

/** Clients of the local bindings are not told why: the operator is. */
export function tellingRefusals(ask: Ask, { sae, node }: ActingFor, log: Log): Ask {
  const warn = throttled(log, LIMITS.localLogMs);
  const meaning = "it is not attached to this node, the node is of another site, or one of the two is revoked";
  return async (request, signal) => {
    const answer = await ask(request, signal);
    if (answer.status === 401)
      warn("warn", "the edge does not let this agent speak for the SAE", { sae, node, meaning });
    return answer;
  };
}
