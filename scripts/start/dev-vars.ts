/** `.dev.vars`: where wrangler dev takes secrets from. Private, and ignored by git. */
import { join } from "node:path";
import { readIfThere, writeAtomic } from "./files.ts";
import { PROJECT } from "./paths.ts";
import type { EpochSecrets } from "./epoch-keys.ts";
import type { Secrets } from "./secrets.ts";

/** Writes our names where they are missing or differ (another state folder); lines of the user's own stay. */
export function ensureDevVars(secrets: Secrets, epochKeys: EpochSecrets, file = join(PROJECT, ".dev.vars")): void {
  const ours: Readonly<Record<string, string>> = {
    QKD_MTLS: "off",
    QKD_DEMO: "1",
    QKD_BOOTSTRAP_SHA256: secrets.bootstrapSha256,
    QKD_IDENTITY_SEED: secrets.identitySeed,
    ...epochKeys,
  };
  const now = readIfThere(file) ?? "";
  const others = now
    .split("\n")
    .filter((line) => line.trim() !== "" && !((line.split("=", 1)[0] ?? "").trim() in ours));
  const lines = [...others, ...Object.entries(ours).map(([name, value]) => `${name}="${value}"`)];
  const text = `${lines.join("\n")}\n`;
  if (text !== now) writeAtomic(file, text);
}
