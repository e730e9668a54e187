/** Where a peer may want its acknowledgements: at hosts that the network document gives it, or we would fetch what it likes. */
import { fail, type Fault } from "../errors/errors.ts";
import { ok, type Result } from "../result.ts";

const bad = (message: string) =>
  fail("bad-request", `ack_callback_url: ${message}`, [{ pointer: "/ack_callback_url", message }]);
const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * @param hosts of the peer, as in `kms.example` or `kms.example:8443`; without a port the scheme's own is meant
 * @returns the URL as it will be fetched
 */
export function checkCallback(text: string, hosts: readonly string[]): Result<string, Fault> {
  if (!URL.canParse(text)) return bad("shall be a URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && LOOPBACK.has(url.hostname))) {
    return bad("shall begin with https://, or http:// on loopback");
  }
  if (url.username + url.password + url.hash !== "") return bad("shall have no user and no fragment");
  return hosts.includes(url.host) ? ok(url.href) : bad("its host is none of this KMS");
}

/** Is this how the host of a URL is written? */
export function isHost(text: string): boolean {
  const url = `https://${text}/`;
  return URL.canParse(url) && new URL(url).href === url && new URL(url).host === text;
}
