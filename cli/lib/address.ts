/** A listener's address as users write it. */

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:65430`, `[::1]:65430`, `agent.lan:65430`; null for anything else. */
export function parseAddress(text: string): Address | null {
  const parts = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^:/\s[\]]+)):(?<port>[0-9]{1,5})$/i.exec(text)?.groups;
  if (parts === undefined) return null;
  const port = Number(parts["port"]);
  return port >= 1 && port <= 65_535 ? { host: parts["v6"] ?? parts["name"] ?? "", port } : null;
}
