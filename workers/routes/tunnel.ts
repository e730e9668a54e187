/** The tunnel's own door, where nobody is known yet: agents prove themselves to the hub. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { AGENT_FACTS_HEADER } from "../../shared/tunnel/agent-facts.ts";
import { isOwnHost } from "../../shared/tunnel/hosts.ts";
import { HELLO_HEADER } from "../../shared/tunnel/messages.ts";
import { GATEWAY_HEADER } from "../../shared/tunnel/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { directoryCache, snapshotSourceOf } from "../clients/directory.ts";
import { answerOf } from "../clients/key-pool.ts";
import { hubOf } from "../clients/tunnel-hub.ts";
import { isGateway } from "../middleware/authenticate.ts";
import { respondJson } from "../middleware/respond.ts";
import type { Call, Reply, StreamReply } from "./handler.ts";

/** Somebody in between may have passed on what an agent sent to a name of theirs: its signature would hold here. */
const NOT_HERE = fail(
  "misdirected-request",
  "header Host: this edge is not known to agents by that name; its operator says with --public-host by which it is",
);

/** Only hubs of sites that there are are woken. */
async function knownSite({ env, context, path }: Call): Promise<Result<string, Fault>> {
  const source = snapshotSourceOf(env);
  const view = await directoryCache.lookup(source, context);
  if (!view.ok) return view;
  const site = path["site"] ?? "";
  // It may be newer than this copy of the network.
  const knows = view.value.sites.has(site) || (await directoryCache.afterMiss(source, view.value))?.sites.has(site);
  return knows === true ? ok(site) : fail("not-found", "no such site");
}

/** Nobody gets one to sign for a name that is not this edge's. */
export async function postNonces(call: Call): Reply {
  if (!isOwnHost(call.env.QKD_HOSTS, call.request.url)) return NOT_HERE;
  const site = await knownSite(call);
  if (!site.ok) return site;
  const nonce = await answerOf(async () => ok(await hubOf(call.env, site.value).nonce()));
  return nonce.ok ? ok(respondJson({ nonce: nonce.value }, 201)) : nonce;
}

export async function getTunnel(call: Call): StreamReply {
  const { request, env } = call;
  if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
    return fail("upgrade-required", "this is the WebSocket of site agents");
  }
  const vouched = isGateway(request, env);
  if (!vouched && !isOwnHost(env.QKD_HOSTS, request.url)) return NOT_HERE;
  const site = await knownSite(call);
  if (!site.ok) return site;
  const hello = request.headers.get(HELLO_HEADER);
  const facts = request.headers.get(AGENT_FACTS_HEADER);
  try {
    // Nothing of the client's but its hello and facts, and the address it dialled, which it has signed.
    const headers = {
      Upgrade: "websocket",
      ...(vouched ? { [GATEWAY_HEADER]: "1" } : {}),
      ...(hello === null ? {} : { [HELLO_HEADER]: hello }),
      ...(facts === null ? {} : { [AGENT_FACTS_HEADER]: facts }),
    };
    return ok(await hubOf(env, site.value).fetch(new Request(request.url, { headers })));
  } catch {
    return fail("unavailable", "the hub of the site does not answer, try again");
  }
}
