/** The TunnelHub objects, one a site, and what they say of access tokens. */
import type { AccessHolder, TunnelHubRpc } from "../../shared/tunnel/types.ts";
import type { Env } from "../env.ts";
import { TokenWords } from "./token-words.ts";

/** @param site of the network document: no stranger shall wake objects by making up names */
export const hubOf = (env: Env, site: string): TunnelHubRpc => env.TUNNEL_HUB.getByName(site);

/** This isolate's. */
export const accessWords = new TokenWords<AccessHolder>();
