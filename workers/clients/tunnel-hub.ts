/** The TunnelHub objects, one a site, and what they say of access tokens. */
import { LIMITS } from "../../shared/limits.ts";
import type { AccessHolder, TunnelHubRpc } from "../../shared/tunnel/types.ts";
import type { Env } from "../env.ts";

/** @param site of the network document: no stranger shall wake objects by making up names */
export const hubOf = (env: Env, site: string): TunnelHubRpc => env.TUNNEL_HUB.getByName(site);

interface Word {
  readonly holder: AccessHolder | null;
  readonly askedAtMs: number;
}

/**
 * This isolate's copy of what hubs said of access tokens, each at most LIMITS.accessMaxAgeMs old. Of finished answers
 * only: requests may not wait for each other's I/O.
 */
class AccessCache {
  readonly #nowMs: () => number;
  readonly #words = new Map<string, Word>();

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** Who holds this token; null: nobody. @throws where the hub does not answer */
  async holder(hub: Pick<TunnelHubRpc, "accessOf">, tokenSha256: string): Promise<AccessHolder | null> {
    const askedAtMs = this.#nowMs();
    const known = this.#words.get(tokenSha256);
    if (known !== undefined && askedAtMs - known.askedAtMs <= LIMITS.accessMaxAgeMs) return known.holder;
    const holder = await hub.accessOf(tokenSha256);
    this.#words.delete(tokenSha256);
    const oldest = this.#words.size >= LIMITS.cachedAccesses ? this.#words.keys().next().value : undefined;
    if (oldest !== undefined) this.#words.delete(oldest);
    this.#words.set(tokenSha256, { holder, askedAtMs });
    return holder;
  }
}

/** This isolate's. */
export const accessCache = new AccessCache();
