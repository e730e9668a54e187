/**
 * What the starter asks on its own behalf, over the engine's unix socket: there it may look at the network and its
 * links, whatever became of the operators' tokens. Who reaches that socket could pass for any client of a front anyway.
 */
import { once } from "node:events";
import http from "node:http";
import { text } from "node:stream/consumers";
import { type Answer, CALL_MS, parsed } from "./edge-client.ts";
import { messageOf, StartFailure } from "./failure.ts";

/** workerd makes `request.cf` of it. */
const AS_STARTER = { Host: "edge", "X-Cf-Blob": JSON.stringify({ qkd: { starter: true } }) };

/** A GET. @throws StartFailure when the engine does not answer */
export async function askAsStarter(socketPath: string, path: string, signal: AbortSignal): Promise<Answer> {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
    const request = http.get({ socketPath, path, headers: AS_STARTER, signal: within, agent: false });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const body = parsed(await text(response));
    return { status: response.statusCode ?? 0, body, etag: response.headers.etag ?? null };
  } catch (thrown) {
    throw new StartFailure(`the edge does not answer ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
