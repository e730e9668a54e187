/** A pool's configuration as this version reads it: who told or stored it may be of the version before. */
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { DEFAULT_POLICY } from "../../shared/network/document.ts";
import { storedJson } from "../storage/database.ts";

/** Members of the policy that did not exist then get their defaults. */
export const completed = (config: PoolConfig): PoolConfig => ({
  ...config,
  policy: { ...DEFAULT_POLICY, ...config.policy },
});

/** One that knows no epochs is asked for again, by the first request that names any version. */
export function storedConfig(text: string): PoolConfig {
  const config = completed(storedJson<PoolConfig>(text));
  return config.epoch === undefined ? { ...config, version: 0 } : config;
}
