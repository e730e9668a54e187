/**
 * `qkd-edge/client`: keys from a key management entity that speaks ETSI GS QKD 014 or, as qkd-edge does, ETSI GS QKD 004
 * over HTTP. By `fetch` alone: runs in Node (20 and later), Workers and browsers. See docs/etsi004/client.md.
 */
export type { DeliveredKey } from "./container.ts";
export { AnswerError, QkdError, RefusedError, StreamError, UnreachableError } from "./errors.ts";
export {
  type Chunk,
  Etsi004Client,
  type Etsi004Options,
  type GetChunkOptions,
  type KeysOptions,
  type OpenConnectOptions,
  type OpenStream,
  type StreamRef,
} from "./etsi004.ts";
export { Etsi014Client, type GetKeyOptions, type GetKeyWithIdsOptions, type KmeStatus } from "./etsi014.ts";
export type { CallOptions, ClientOptions, Fetch } from "./http.ts";
export type { ConnectWebSocket, WebSocketLike } from "./pushed.ts";
export type { Qos } from "../shared/etsi004/qos.ts";
export { STATUS as STREAM_STATUS } from "../shared/etsi004/status.ts";
export type { ChunkMetadata } from "../shared/etsi004/types.ts";
