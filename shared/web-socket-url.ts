/** @param page address of the page that asks: its host, and TLS where it came over TLS */
export function webSocketUrl(path: string, page: string): URL {
  const url = new URL(path, page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
