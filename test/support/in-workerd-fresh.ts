/**
 * Before each file: nothing of what another has stored is there. The code stays loaded, and with it the Worker's copy of
 * the Directory's snapshot, which has to be out of date by then.
 */
import { reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";
import { DIRECTORY_NAME, type ObjectsEnv } from "../../durable-objects/env.ts";
import { LIMITS } from "../../shared/limits.ts";

const SEQUENCES_A_FILE = 1_000_000;
const files = globalThis as { filesBefore?: number };

beforeAll(async () => {
  const before = (files.filesBefore = (files.filesBefore ?? -1) + 1);
  if (before === 0) return;
  await reset();
  await new Promise((resolve) => setTimeout(resolve, Math.max(LIMITS.forcedRefreshMs, LIMITS.snapshotMaxAgeMs) + 1));
  // Whatever was still under way may have called objects back to life.
  await reset();
  const directory = (env as unknown as ObjectsEnv).DIRECTORY.getByName(DIRECTORY_NAME);
  await runInDurableObject(directory as never, async (_: unknown, { storage }: DurableObjectState) => {
    storage.sql.exec("UPDATE directory SET sequence = ?", before * SEQUENCES_A_FILE);
  });
});
