/** The site's agent, through the hub of its site: one errand, line by line. */
import type { Errand, ErrandLine } from "../../shared/ipsec/errand.ts";
import { ERRAND_PATH, IPSEC_SERVICE } from "../../shared/ipsec/errand.ts";
import { readErrandLine } from "../../shared/ipsec/errand-line.ts";
import { LIMITS } from "../../shared/limits.ts";
import { HTTP_CALL_HEADER, type HttpCall, type TunnelHubRpc } from "../../shared/tunnel/types.ts";

export type Hub = Pick<TunnelHubRpc, "fetch" | "status">;

/**
 * `none`: there is nobody to do it. `later`: not now. After either nothing has been done. `broken`: it is not known how
 * much has been.
 */
export type Answered = "done" | "unknown" | "none" | "later" | "broken";

const HTTP_OK = 200;
/** Of the hub or of the agent: the site has no such service, or the agent no IPsec host of this node. */
const REFUSED: ReadonlySet<number> = new Set([403, 404]);

/** Before an errand is sent: once sent, nobody could say that it was not begun. */
export async function presence(hub: Hub): Promise<"here" | "later" | "none"> {
  try {
    const { agents, services } = await hub.status();
    if (!agents.some(({ state }) => state === "active")) return "none";
    if (services.some(({ name }) => name === IPSEC_SERVICE)) return "here";
    // One that has just connected has not told yet what it exposes.
    return services.length === 0 ? "later" : "none";
  } catch {
    return "later";
  }
}

/** @param heard each line as it comes, but for the last */
export async function sendErrand(
  hub: Hub,
  errand: Errand,
  waitMs: number,
  heard: (line: Extract<ErrandLine, { readonly index: number }>) => void,
): Promise<Answered> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), waitMs);
  try {
    const response = await hub.fetch(requestOf(errand, abort.signal));
    if (response.status === HTTP_OK && response.body !== null)
      return await readLines(response.body, heard, abort.signal);
    await response.body?.cancel();
    if (REFUSED.has(response.status)) return "none";
    // The agent's own refusals are text, and of what it has not begun; the hub's may come in the middle of it.
    const isAgents = response.headers.get("Content-Type")?.startsWith("text/plain") === true;
    return isAgents ? "later" : "broken";
  } catch {
    return "broken";
  } finally {
    clearTimeout(timer);
  }
}

function requestOf(errand: Errand, signal: AbortSignal): Request {
  const wanted: HttpCall = { service: IPSEC_SERVICE, site: null };
  const body = new TextEncoder().encode(JSON.stringify(errand));
  return new Request(`http://hub${ERRAND_PATH}`, {
    method: "POST",
    headers: {
      [HTTP_CALL_HEADER]: JSON.stringify(wanted),
      "Content-Type": "application/json",
      "Content-Length": String(body.length),
    },
    body,
    redirect: "manual",
    signal,
  });
}

/** Empty lines say that the agent is still at it. */
async function readLines(
  body: ReadableStream<Uint8Array>,
  heard: (line: Extract<ErrandLine, { readonly index: number }>) => void,
  signal: AbortSignal,
): Promise<Answered> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  // Empty lines without end are an answer without end, however long the request may take.
  signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  let text = "";
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const lines = (text + chunk.value).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const read = line.trim() === "" ? null : readErrandLine(line);
        if (read !== null && "end" in read) return read.end;
        if (read !== null) heard(read);
        else if (line.trim() !== "") return "broken";
      }
      if (text.length > LIMITS.ipsecErrandLineChars) return "broken";
    }
    const last = readErrandLine(text);
    return last !== null && "end" in last ? last.end : "broken";
  } finally {
    await reader.cancel().catch(() => {});
  }
}
