/** Where the gateway of a self-hosted edge listens, as its clients name it. */
import * as v from "valibot";
import { parseJson } from "../../shared/bytes/json.ts";
import { mayOpen, ALLOW_WORDS, type Service } from "../../shared/tunnel/services.ts";
import type { Env } from "../env.ts";

const SettingSchema = v.object({ bind: v.string(), ports: v.array(v.number()) });
const SETTING_DEPTH = 3;
const GATEWAY = { site: ALLOW_WORDS.gateway, linked: false } as const;
/** Of every address of the machine: then it is the one that the caller knows this edge by. */
const EVERYWHERE: ReadonlySet<string> = new Set(["*", "0.0.0.0", "::"]);

export type AddressOf = (service: Service) => string | null;

/** @param url of the request. @returns host and port of a service's, null where the gateway does not serve it */
export function gatewayAddresses({ QKD_GATEWAY: setting }: Pick<Env, "QKD_GATEWAY">, url: string): AddressOf {
  const json = parseJson(setting ?? "", SETTING_DEPTH);
  const parsed = json.ok ? v.safeParse(SettingSchema, json.value) : null;
  if (parsed?.success !== true) return () => null;
  const { bind, ports } = parsed.output;
  const host = EVERYWHERE.has(bind) ? new URL(url).hostname : bind.includes(":") ? `[${bind}]` : bind;
  return (service) => {
    const { port } = service;
    return port !== null && ports.includes(port) && mayOpen(service, GATEWAY) ? `${host}:${port}` : null;
  };
}
