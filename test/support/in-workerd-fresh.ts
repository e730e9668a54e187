/**
 * Before each file: nothing of what another has stored is there. The code stays loaded, and with it the Worker's copy of
 * the Directory's snapshot, which has to be out of date by then.
 */
import { listDurableObjectIds, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";
import { DIRECTORY_NAME, type ObjectsEnv } from "../../durable-objects/env.ts";
import { LIMITS } from "../../shared/limits.ts";

const SEQUENCES_A_FILE = 1_000_000;
/** An object that nobody has asked for as long falls asleep. */
const ASLEEP_AFTER_MS = 10_000;
const files = globalThis as { filesBefore?: number; freshAtMs?: number };

beforeAll(async () => {
  const before = (files.filesBefore = (files.filesBefore ?? -1) + 1);
  if (before > 0) await clear(before);
  files.freshAtMs = Date.now();
});

async function clear(before: number): Promise<void> {
  if (Date.now() - (files.freshAtMs ?? 0) >= ASLEEP_AFTER_MS) await wakeAll();
  await reset();
  await new Promise((resolve) => setTimeout(resolve, Math.max(LIMITS.forcedRefreshMs, LIMITS.snapshotMaxAgeMs) + 1));
  // Whatever was still under way may have called objects back to life.
  await reset();
  const directory = (env as unknown as ObjectsEnv).DIRECTORY.getByName(DIRECTORY_NAME);
  await runInDurableObject(directory as never, async (_: unknown, { storage }: DurableObjectState) => {
    storage.sql.exec("UPDATE directory SET sequence = ?", before * SEQUENCES_A_FILE);
  });
}

/** A reset passes over objects that are asleep: they would come back with all that they have stored. */
async function wakeAll(): Promise<void> {
  const namespaces = Object.values(env).filter(
    (each): each is DurableObjectNamespace => each?.constructor?.name === "DurableObjectNamespace",
  );
  for (const namespace of namespaces) {
    const ids = await listDurableObjectIds(namespace);
    await Promise.all(ids.map(async (id) => await runInDurableObject(namespace.get(id), () => {})));
  }
}
