/** Bindings and settings of the Worker; the same on Cloudflare, workerd and wrangler dev. */
import type { ObjectsEnv } from "../durable-objects/env.ts";

export interface Env extends ObjectsEnv {
  /** How client certificates reach the Worker: see wrangler.toml. */
  readonly QKD_MTLS?: "cloudflare" | "front" | "off";
}
