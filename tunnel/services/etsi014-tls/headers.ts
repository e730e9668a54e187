/** Which headers cross the front. Both directions work on Node's flat `rawHeaders`: name, value, name, value ... */
import { offeredProtocols } from "../../../shared/auth/subprotocols.ts";
import { HOP_BY_HOP } from "../../../shared/tunnel/http.ts";

/** Besides what is of one hop, `Expect`: Node has answered it by now. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([...HOP_BY_HOP, "expect"]);

/**
 * A client of a front is who its certificate says; all that could claim otherwise, or pass as the word of Cloudflare or
 * of an agent, stays outside. What a request is called the front says itself.
 */
const FORGEABLE =
  /^(?:cf-|x-cf-|mf-|qkd-|x-qkd-|client-cert|authorization$|cookie$|forwarded$|x-forwarded-|x-real-ip$|true-client-ip$|x-request-id$)/;

/** Named in `Connection` or not, these frame the message and go on. */
const FRAMING: ReadonlySet<string> = new Set(["host", "content-length"]);

/** Of a WebSocket's handshake, said anew by each hop. */
export const UPGRADED: readonly string[] = ["Connection", "Upgrade", "Upgrade", "websocket"];

/** Headers for the edge. `host`: what to call it instead of what the client wrote; null leaves that. */
export function towardsEdge(rawHeaders: readonly string[], host: string | null): string[] {
  const listed = connectionOptions(rawHeaders);
  const kept: string[] = [];
  let chunked = false;
  for (const [name, value, lower] of pairs(rawHeaders)) {
    if (lower === "transfer-encoding") chunked = true;
    if (NOT_PASSED_ON.has(lower) || FORGEABLE.test(lower) || (listed.has(lower) && !FRAMING.has(lower))) continue;
    if (lower === "host" && host !== null) continue;
    kept.push(name, value);
  }
  if (host !== null) kept.push("Host", host);
  // Said again because Node would send a GET with a body of unknown length without any framing.
  if (chunked) kept.push("Transfer-Encoding", "chunked");
  return kept;
}

/** What the client asked for: the last of them, should there be several. */
export const hostOf = (rawHeaders: readonly string[]): string | null =>
  [...pairs(rawHeaders)].findLast(([, , lower]) => lower === "host")?.[1] ?? null;

/** Of a WebSocket's subprotocols, none that says who the client is: its certificate does. See shared/auth/subprotocols.ts. */
export const withoutTokens = (rawHeaders: readonly string[]): string[] =>
  [...pairs(rawHeaders)].flatMap(([name, value, lower]) => {
    if (lower !== "sec-websocket-protocol") return [name, value];
    const kept = offeredProtocols(value).filter((protocol) => !protocol.startsWith("bearer."));
    return kept.length === 0 ? [] : [name, kept.join(", ")];
  });

/** Headers for the client. */
export function towardsClient(rawHeaders: readonly string[]): string[] {
  const listed = connectionOptions(rawHeaders);
  const kept: string[] = [];
  for (const [name, value, lower] of pairs(rawHeaders)) {
    if (!NOT_PASSED_ON.has(lower) && (!listed.has(lower) || FRAMING.has(lower))) kept.push(name, value);
  }
  return kept;
}

function connectionOptions(rawHeaders: readonly string[]): ReadonlySet<string> {
  const options = new Set<string>();
  for (const [, value, lower] of pairs(rawHeaders)) {
    if (lower === "connection") for (const option of value.split(",")) options.add(option.trim().toLowerCase());
  }
  return options;
}

function* pairs(rawHeaders: readonly string[]): Generator<readonly [name: string, value: string, lower: string]> {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    yield [name, rawHeaders[i + 1] ?? "", name.toLowerCase()];
  }
}
