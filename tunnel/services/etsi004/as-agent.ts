/**
 * Requests to the edge with the token that came with the agent's tunnel: on behalf of an SAE, whose name then stands beside
 * it, or in the agent's own name. And those of applications that the edge itself knows.
 */
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

type Headers = Readonly<Record<string, string>>;

export const askAs = (edge: Pick<Edge, "exchange">, owner: Pick<Link, "whenUp">, { sae, node }: ActingFor): Ask =>
  asking(edge, owner, { "QKD-SAE": encodeURIComponent(sae), "QKD-Node": node });

export const askAsAgent = (edge: Pick<Edge, "exchange">, owner: Pick<Link, "whenUp">): Ask => asking(edge, owner, {});

/** With what the request itself shows, and without the agent's tunnel. */
export const askAsCaller = (edge: Pick<Edge, "exchange">): Ask => untilSent(edge.exchange.bind(edge));

const asking = (edge: Pick<Edge, "exchange">, owner: Pick<Link, "whenUp">, acting: Headers): Ask =>
  untilSent(async (request, signal) => await askOnce(edge, owner, acting, request, signal));

/** A request that was never sent is sent again while there is hope; any other may have been served. */
const untilSent =
  (ask: Ask): Ask =>
  async (request, signal) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(request, signal);
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
  acting: Headers,
  request: EdgeRequest,
  signal: AbortSignal,
): Promise<EdgeBytes> {
  // A tunnel that is down is waited for, as it is right after a start.
  const session = await owner.whenUp(LIMITS.localTunnelMs, signal);
  if (session === null) throw new Error("the tunnel is down");
  // Where another instance serves the site, it may be this one's turn in a moment.
  if (session.access === null) throw new Unreached("another instance serves the site");
  const headers = { ...request.headers, ...acting };
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
