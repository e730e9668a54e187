/** Whose a session is, in a real object. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { BeginSession } from "../../shared/auth/session.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { SessionStore } from "./store.ts";

let count = 0;
const newObject = () => (env as unknown as ObjectsEnv).OPERATOR_SESSIONS.getByName(`sessions-${(count += 1)}`);
const session = (sessionSha256: string, more: Partial<BeginSession> = {}): BeginSession => ({
  sessionSha256,
  operator: "op",
  tokenSha256: "token",
  expiresMs: Date.now() + 60_000,
  replacesSha256: null,
  auditOverflow: "refuse",
  ...more,
});
const rowsOf = (ctx: DurableObjectState) => [...ctx.storage.sql.exec("SELECT sha256 FROM session")].length;

test("what is over is nobody's, and swept away", async () => {
  const object = newObject();
  await object.begin(session("a", { expiresMs: Date.now() - 1 }));
  expect(await object.holderOf("a")).toBeNull();
  await object.begin(session("b"));
  await runDurableObjectAlarm(object as never);
  await runInDurableObject(object as never, (_: unknown, ctx: DurableObjectState) => expect(rowsOf(ctx)).toBe(1));
  expect(await object.holderOf("b")).toMatchObject({ operator: "op", tokenSha256: "token" });
  await object.end("b");
  expect(await object.holderOf("b")).toBeNull();
});

test("of all operators together no more are kept than the bound, the latest", async () => {
  const object = newObject();
  await object.begin(session("first"));
  await runInDurableObject(object as never, (_: unknown, ctx: DurableObjectState) => {
    const store = new SessionStore(new Database(ctx.storage));
    for (let each = 0; each < LIMITS.sessions; each++)
      store.transaction(() => store.put(session(`s-${each}`, { operator: `op-${each}` })));
    expect(rowsOf(ctx)).toBe(LIMITS.sessions);
  });
  expect(await object.holderOf("first")).toBeNull();
  expect(await object.holderOf("s-0")).not.toBeNull();
});

test("where the audit log cannot take it no session begins, unless the policy lets events be dropped; to end one is always possible", async () => {
  const object = newObject();
  await runInDurableObject(object as never, (_: unknown, ctx: DurableObjectState) => {
    const db = new Database(ctx.storage);
    new SessionStore(db).put(session("a"));
    const event = { atMs: 0, act: "x", who: "system", node: "deployment", detail: {} };
    new AuditOutbox(db, "operator-sessions", LIMITS).record(Array.from({ length: LIMITS.outboxEvents }, () => event));
  });
  // It counts what is there when it starts.
  await evictDurableObject(object as never);
  expect(await object.begin(session("b"))).toMatchObject({ ok: false, error: { code: "audit-full" } });
  expect(await object.holderOf("b")).toBeNull();
  expect(await object.begin(session("c", { auditOverflow: "drop" }))).toMatchObject({ ok: true });
  await object.end("a");
  expect(await object.holderOf("a")).toBeNull();
});
