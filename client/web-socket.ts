/** WebSockets as the caller brings them: each platform has its own way to open one. */

/** The part of a WebSocket that is used: that of browsers, Node, Workers and the package `ws`. */
export interface WebSocketLike {
  readonly readyState: number;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "error", listener: () => void): void;
  send(text: string): void;
  close(code?: number): void;
}

/**
 * Opens one at `url`. Who asks is told by `headers`, or, where a WebSocket can set none, as in browsers, by `protocols`: the
 * subprotocols that it offers. One of the two is enough.
 */
export type ConnectWebSocket = (
  url: string,
  headers: Readonly<Record<string, string>>,
  protocols: readonly string[],
) => WebSocketLike | Promise<WebSocketLike>;
