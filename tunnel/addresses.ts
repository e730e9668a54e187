/** Addresses that are listened on, as texts. */
const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::", "*"]);

export const isWildcard = (host: string): boolean => WILDCARDS.has(host);

/** `HOST:PORT`, an IPv6 address in brackets. */
export const hostAndPort = (host: string, port: number): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** By which programs of this machine reach who listens there. */
export const reachedAt = (host: string): string => (isWildcard(host) ? "127.0.0.1" : host);
