/** A request as routes see it, whichever way it came: alone (a `Request`), or in a KME front's batch. */
export interface Incoming {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  /** Text where it came in a batch. */
  readonly body: ReadableStream<Uint8Array> | string | null;
  /** What the platform or a KME front says of the connection; never the client's word. */
  readonly cf?: unknown;
}
