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
/** An object that nobody has asked for as long falls asleep. */
const ASLEEP_AFTER_MS = 10_000;

type Namespace = DurableObjectNamespace;
type Asked = Map<Namespace, Set<string>>;
/** Of this isolate; setup files run anew for each file of tests. */
const files = globalThis as { filesBefore?: number; freshAtMs?: number; asked?: Asked };
const { DIRECTORY } = env as unknown as ObjectsEnv;
const asked = (files.asked ??= namesAsked(DIRECTORY.constructor.prototype as Namespace));

beforeAll(async () => {
  const before = (files.filesBefore = (files.filesBefore ?? -1) + 1);
  if (before > 0) await clear(before);
  asked.clear();
  files.freshAtMs = Date.now();
});

async function clear(before: number): Promise<void> {
  if (Date.now() - (files.freshAtMs ?? 0) >= ASLEEP_AFTER_MS) await wakeAll();
  await reset();
  await new Promise((resolve) => setTimeout(resolve, Math.max(LIMITS.forcedRefreshMs, LIMITS.snapshotMaxAgeMs) + 1));
  // Whatever was still under way may have called objects back to life.
  await reset();
  const directory = DIRECTORY.getByName(DIRECTORY_NAME);
  await runInDurableObject(directory as never, async (_: unknown, { storage }: DurableObjectState) => {
    storage.sql.exec("UPDATE directory SET sequence = ?", before * SEQUENCES_A_FILE);
  });
}

/** A reset passes over objects that are asleep: they would come back with all that they have stored. */
async function wakeAll(): Promise<void> {
  for (const [namespace, names] of asked) {
    const stubs = [...names].map((name) => namespace.getByName(name));
    // One that cannot be made has nothing.
    await Promise.allSettled(stubs.map(async (stub) => await runInDurableObject(stub, () => undefined)));
  }
}

/** @returns the names by which anybody asks for objects from now on: only by one can an object be made again */
function namesAsked(prototype: Namespace): Asked {
  const names: Asked = new Map();
  for (const method of ["getByName", "idFromName"] as const) {
    const original = prototype[method];
    Object.defineProperty(prototype, method, {
      value(this: Namespace, name: string, ...more: []) {
        names.set(this, (names.get(this) ?? new Set()).add(name));
        return Reflect.apply(original, this, [name, ...more]) as unknown;
      },
    });
  }
  return names;
}
