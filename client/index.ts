/**
 * `qkd-edge/client`: keys from a key management entity that speaks ETSI GS QKD 014 or the KMS API of Open-QKD-Network, or, as
 * qkd-edge does, ETSI GS QKD 004 over HTTP. By `fetch` alone: runs in Node (20 and later), Workers and browsers. See
 * docs/client.md.
 */
export type { ChunkMetadata } from "./chunk-metadata.ts";
export type { DeliveredKey } from "./container.ts";
export {
  AnswerError,
  NoKeyError,
  OAuthError,
  QkdError,
  RefusedError,
  type Refusal,
  StreamError,
  UnreachableError,
} from "./errors.ts";
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
export { KmsClient, type KmsOptions } from "./kms.ts";
export type { KmsKey } from "./kms-answers.ts";
export type { KmsGrant, KmsTokenOptions } from "./kms-tokens.ts";
export { kmsUrls, type KmsUrls, readKmsConf } from "./kms-urls.ts";
export type { CallOptions, ClientOptions, Fetch, RequestOptions, Secret } from "./options.ts";
export type { ConnectWebSocket, WebSocketLike } from "./web-socket.ts";
export type { Qos } from "../shared/etsi004/qos.ts";
export { STATUS as STREAM_STATUS } from "../shared/etsi004/status.ts";
