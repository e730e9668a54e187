/**
 * By which names agents know an edge. They sign the one that they dialled, and that stops a man in the middle only if
 * the edge takes no hello that was signed for somebody else's name.
 */

/** The scheme's own, of an edge behind TLS: clients leave it out of their Host. */
const TLS_PORT = ":443";

/** `host` or `host:port` as URLs write it: lower case, IPv6 in brackets. Null: it is neither. */
export function parseHost(text: string): string | null {
  if (!/^[A-Za-z0-9._:[\]-]+$/.test(text) || !URL.canParse(`http://${text}`)) return null;
  const { host } = new URL(`http://${text}`);
  return host.endsWith(TLS_PORT) ? host.slice(0, -TLS_PORT.length) : host;
}

/** @param hosts comma separated; undefined: whoever routes requests here has looked already. @param url as requested */
export function isOwnHost(hosts: string | undefined, url: string): boolean {
  return hosts === undefined || hosts.split(",").map(parseHost).includes(new URL(url).host);
}
