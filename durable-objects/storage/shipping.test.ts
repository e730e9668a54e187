import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { AuditBatch, AuditEvent } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "./database.ts";
import { AuditOutbox } from "./outbox.ts";
import { Shipping } from "./shipping.ts";

const EVENT: AuditEvent = { atMs: 1, act: "keys.enc", who: "sae:a", node: "tn-1", detail: {} };

const TAKEN = async (): Promise<void> => await Promise.resolve();

test("events go at once, or when they may; again after a while where a log failed; and not twice at a time", async () => {
  const object = (env as unknown as ObjectsEnv).MONITOR.getByName("shipping of a test");
  await object.webhooks();
  await runInDurableObject(object as never, async (_: unknown, { storage }: DurableObjectState) => {
    const outbox = new AuditOutbox(new Database(storage), "test", LIMITS);
    const taken: AuditBatch[] = [];
    let nowMs = 1_000_000;
    let answer = TAKEN;
    const append = async (batch: AuditBatch) => {
      await answer();
      taken.push(batch);
      return { storedSeq: batch.firstSeq };
    };
    const shipping = new Shipping(
      outbox,
      () => ({ append }),
      () => nowMs,
    );
    expect(shipping.dueMs()).toBe(Infinity);
    outbox.record([EVENT]);
    expect(shipping.dueMs()).toBe(nowMs);
    shipping.holdUntil(nowMs + 500);
    await shipping.ship();
    expect(taken).toEqual([]);
    nowMs += 500;
    answer = async () => await Promise.reject(new Error("away"));
    await shipping.ship();
    expect(shipping.dueMs()).toBe(nowMs + 5000);
    nowMs += 5000;
    const gate = Promise.withResolvers<void>();
    answer = async () => await gate.promise;
    const under = shipping.ship();
    expect(shipping.dueMs()).toBe(Infinity);
    await shipping.ship();
    gate.resolve();
    await under;
    expect(taken).toHaveLength(1);
    expect(shipping.dueMs()).toBe(Infinity);
  });
});
