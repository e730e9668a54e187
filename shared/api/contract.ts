/**
 * Every route, once: a group of them a file. The Worker registers its routes from this table (workers/app.ts),
 * `scripts/generate.ts` writes the OpenAPI document from it, and a test holds the three equal.
 */
import type { ErrorCode } from "../errors/errors.ts";
import { ALARM_OPERATIONS } from "./alarm-operations.ts";
import { AUDIT } from "./audit-operations.ts";
import { EPOCHS } from "./epoch-operations.ts";
import { HAND_OVER } from "./hand-over-operations.ts";
import { IPSEC } from "./ipsec-operations.ts";
import { KEYS } from "./key-operations.ts";
import { KMAPI } from "./kmapi-operations.ts";
import { LEGACY } from "./legacy-operations.ts";
import { LINKS } from "./link-operations.ts";
import { MONITOR_OPERATIONS } from "./monitor-operations.ts";
import { NETWORK } from "./network-operations.ts";
import { NODES } from "./node-operations.ts";
import { OPEN_QKD_NETWORK } from "./open-qkd-network-operations.ts";
import type { Operation } from "./operation.ts";
import { PAGES } from "./page-operations.ts";
import { PEERS } from "./peer-operations.ts";
import { QKD_MODULE } from "./qkd-module-operations.ts";
import { ROOMS } from "./room-operations.ts";
import { SERVICE } from "./service-operations.ts";
import { SESSIONS } from "./session-operations.ts";
import { SITES } from "./site-operations.ts";
import { STREAMS } from "./stream-operations.ts";

/** What any route may answer, and any authenticated one besides. */
export const COMMON_ERRORS = {
  all: ["bad-request", "uri-too-long", "headers-too-large", "internal"],
  authenticated: ["unauthorised", "rate-limited", "directory-unavailable", "unavailable"],
} as const satisfies Record<string, readonly ErrorCode[]>;

export const CONTRACT = {
  ...KEYS,
  ...KMAPI,
  ...OPEN_QKD_NETWORK,
  ...STREAMS,
  ...ROOMS,
  ...QKD_MODULE,
  ...NETWORK,
  ...LINKS,
  ...HAND_OVER,
  ...SITES,
  ...NODES,
  ...PEERS,
  ...LEGACY,
  ...IPSEC,
  ...EPOCHS,
  ...MONITOR_OPERATIONS,
  ...ALARM_OPERATIONS,
  ...AUDIT,
  ...SESSIONS,
  ...SERVICE,
  ...PAGES,
} as const;
export type OperationId = keyof typeof CONTRACT;
export const OPERATION_IDS = Object.keys(CONTRACT) as OperationId[];
/** The same table with the details of each entry widened, for those who walk it. */
export const OPERATIONS: Readonly<Record<OperationId, Operation>> = CONTRACT;
/** Operations that answer by themselves. */
export type StreamingId = {
  [Id in OperationId]: (typeof CONTRACT)[Id] extends { readonly streams: true } ? Id : never;
}[OperationId];
