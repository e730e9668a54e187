/** Bindings and settings of the Worker; the same on Cloudflare, workerd and wrangler dev. */
import type { ObjectsEnv } from "../durable-objects/env.ts";
import type { Service } from "../durable-objects/storage/epoch-store.ts";

export interface Env extends ObjectsEnv {
  /** The files of the pages: `dist/web`. */
  readonly ASSETS: Service;
  /** How client certificates reach the Worker: see wrangler.toml. */
  readonly QKD_MTLS?: "cloudflare" | "front" | "off";
  /**
   * Of a self-hosted edge: the hosts (with ports that are not the scheme's own) by which agents know it, comma separated.
   * Not set where the platform passes on to this Worker what was sent to its own names only.
   */
  readonly QKD_HOSTS?: string;
  /** Of a self-hosted edge with a gateway: JSON of where that listens, from the starter. */
  readonly QKD_GATEWAY?: string;
}
