/** What webhooks are told of the deployment's alarms. */
import { describe, expect, test, vi } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import type { WebhookEntry } from "../../shared/network/document.ts";
import { ahead, told, within, type World } from "../../test/support/in-workerd-alarms.ts";

const taken = (): Response => new Response(null, { status: 204 });

const waiting = async (world: World) =>
  Object.fromEntries((await world.alarms.webhooks()).map(({ id, waiting: n }) => [id, n]));

const hook = (id: string, more: Partial<WebhookEntry> = {}): WebhookEntry => ({
  id,
  url: `http://127.0.0.1:9/${id}`,
  ...more,
});

describe("webhooks", () => {
  test("have what they want queued: by severity, by code, not of their own failing", async () => {
    await within(async (world) => {
      world.webhooks = [
        hook("all"),
        hook("grave", { min_severity: "critical" }),
        hook("one", { codes: ["clock-skew"] }),
      ];
      world.judge([told("agent-1"), told("agent-2", { code: "bad-signature" })], ahead(90_000));
      expect(await waiting(world)).toEqual({ all: 3, grave: 1, one: 1 });
      world.judge([], ahead(90_000));
      expect(await waiting(world)).toEqual({ all: 5, grave: 2, one: 1 });
      // What waits goes with the webhook.
      world.webhooks = [hook("one", { codes: ["clock-skew"] })];
      world.judge([], ahead(90_000));
      expect(await waiting(world)).toEqual({ one: 1 });
      expect(world.sql<{ n: number }>("SELECT count(*) AS n FROM webhook_message")).toEqual([{ n: 1 }]);
    });
  });

  test("are known after a look that fails, too", async () => {
    await within(async (world) => {
      world.webhooks = [hook("all")];
      expect(() => world.judge([told("agent-1", { count: undefined as unknown as number })])).toThrow();
      world.judge([told("agent-1")]);
      expect(await waiting(world)).toEqual({ all: 1 });
    });
  });

  test("that cannot be reached fail, wait ever longer, and are an alarm; the oldest messages make room", async () => {
    await within(async (world) => {
      world.webhooks = [hook("dead")];
      world.judge([told("agent-1")]);
      for (let attempt = 1; attempt <= LIMITS.webhookFailures; attempt++) {
        expect(world.alarms.dueMs()).toBeLessThanOrEqual(world.nowMs);
        await world.work();
        expect((await world.alarms.webhooks())[0]?.failing).toMatchObject({ attempts: attempt });
        const dueMs = world.alarms.dueMs();
        expect(dueMs - world.nowMs).toBeGreaterThanOrEqual(4000);
        world.nowMs = dueMs;
      }
      world.judge([told("agent-1")]);
      expect(world.alarms.standing()[0]).toMatchObject({
        code: "webhook-failing",
        subject: "dead",
        detail: "it cannot be reached",
      });
      expect(await waiting(world)).toEqual({ dead: 1 });
      world.judge(Array.from({ length: LIMITS.webhookQueue + 9 }, (_, n) => told(`other ${n}`)));
      expect(await world.alarms.webhooks()).toMatchObject([
        { id: "dead", waiting: LIMITS.webhookQueue, delivered: 0, given_up: 11 },
      ]);
      // Led elsewhere, what failed counts no more.
      world.webhooks = [hook("dead", { url: "http://127.0.0.1:9/elsewhere" })];
      world.judge();
      expect(await world.alarms.webhooks()).toMatchObject([{ failing: null }]);
    });
  });

  test("that do not answer hold up no other", async () => {
    await within(async (world) => {
      const { promise: answered, resolve: answer } = Promise.withResolvers<Response>();
      const send = vi.spyOn(globalThis, "fetch").mockImplementation(async (url) => {
        return typeof url === "string" && url.endsWith("silent") ? await answered : await Promise.resolve(taken());
      });
      try {
        world.webhooks = [hook("silent"), hook("quick")];
        world.judge([told("agent-1")]);
        const first = world.alarms.begin();
        await expect.poll(async () => await waiting(world)).toEqual({ quick: 0, silent: 1 });
        world.judge([told("agent-1"), told("agent-2")]);
        expect(world.alarms.dueMs()).toBeLessThanOrEqual(world.nowMs);
        await world.work();
        expect(await waiting(world)).toEqual({ quick: 0, silent: 2 });
        // It is at work: after that it is told the rest.
        expect(world.alarms.dueMs()).toBe(Infinity);
        answer(taken());
        await Promise.all(first);
        expect(await waiting(world)).toEqual({ quick: 0, silent: 0 });
      } finally {
        send.mockRestore();
      }
    });
  });

  test("have nothing sent that is too old, or that nobody can sign", async () => {
    await within(async (world) => {
      world.webhooks = [hook("w")];
      world.judge([told("agent-1")]);
      world.nowMs += LIMITS.webhookAgeMs;
      await world.work();
      expect(await world.alarms.webhooks()).toMatchObject([{ waiting: 0, given_up: 1, failing: null }]);
      world.restart("");
      world.judge([told("agent-2")]);
      expect(await world.alarms.webhooks()).toMatchObject([{ id: "w", public_key: null }]);
      expect(world.alarms.standing().map(({ code }) => code)).toContain("no-identity");
      await world.work();
      expect(world.alarms.dueMs()).toBe(Infinity);
    });
  });
});
