/** The bundle's entry: the Worker and the classes of its Durable Objects. */
export { AuditLog } from "../durable-objects/audit-log/audit-log.ts";
export { Directory } from "../durable-objects/directory/directory.ts";
export { KeyPool } from "../durable-objects/key-pool/key-pool.ts";
export { KeyStream } from "../durable-objects/key-stream/key-stream.ts";
export { KmsPeer } from "../durable-objects/kms-peer/kms-peer.ts";
export { LegacyNode } from "../durable-objects/legacy-node/legacy-node.ts";
export { ProxyAgent } from "../durable-objects/proxy-agent/proxy-agent.ts";
export { QkdModule } from "../durable-objects/qkd-module/qkd-module.ts";
export { Room } from "../durable-objects/room/room.ts";
export { TokenIssuer } from "../durable-objects/token-issuer/token-issuer.ts";
export { TrustedNode } from "../durable-objects/trusted-node/trusted-node.ts";
export { TunnelHub } from "../durable-objects/tunnel-hub/tunnel-hub.ts";
export { default } from "./app.ts";
