/** The bundle's entry: the Worker and the classes of its Durable Objects. */
export { AuditLog } from "../durable-objects/audit-log/audit-log.ts";
export { Directory } from "../durable-objects/directory/directory.ts";
export { KeyPool } from "../durable-objects/key-pool/key-pool.ts";
export { KeyStream } from "../durable-objects/key-stream/key-stream.ts";
export { QkdModule } from "../durable-objects/qkd-module/qkd-module.ts";
export { TunnelHub } from "../durable-objects/tunnel-hub/tunnel-hub.ts";
export { default } from "./app.ts";
