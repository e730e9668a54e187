/** The deployment's alarms: raised, kept, acknowledged, audited, bounded. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { ahead, freshObject, SITE, START_MS, told, within } from "../../test/support/in-workerd-alarms.ts";

/** After which what agents and certificates told is believed to be over. */
const GONE_MS = 60_000;

const many = (n: number) => Array.from({ length: n }, (_, at) => told(`agent-${at}`));

describe("the deployment's alarms", () => {
  test("stand until their cause is gone, and are kept for a day after that; also across restarts", async () => {
    await within(async (world) => {
      world.judge([told("agent-1")]);
      const [alarm] = world.alarms.standing();
      expect(alarm).toEqual({
        id: "1",
        code: "too-much",
        severity: "warning",
        of: { kind: "site", id: "site-a" },
        subject: "agent-1",
        meaning: "an agent sent more than the other side had granted, and was closed",
        detail: "x",
        first: "2026-01-01T00:00:00.000Z",
        last: "2026-01-01T00:00:00.000Z",
        count: 1,
        cleared: null,
        acknowledged: null,
      });
      world.restart();
      expect(world.alarms.standing()).toEqual([alarm]);
      world.nowMs += 1000;
      world.judge();
      expect(world.alarms.standing()).toEqual([]);
      expect(await world.alarms.listAlarms("cleared")).toEqual([{ ...alarm, cleared: "2026-01-01T00:00:01.000Z" }]);
      // Raised again, it is another one.
      world.judge([told("agent-1", { count: 2 })]);
      expect((await world.alarms.listAlarms("all")).map(({ id, cleared }) => [id, cleared === null])).toEqual([
        ["2", true],
        ["1", false],
      ]);
      world.nowMs += LIMITS.alarmsClearedMs;
      world.judge([told("agent-1", { count: 2 })]);
      expect((await world.alarms.listAlarms("all")).map(({ id }) => id)).toEqual(["2"]);
    });
  });

  test("what the Monitor has seen is audited, as well as acknowledging; what an object has told, that object audits", async () => {
    await within(async (world) => {
      world.judge([told("agent-1")], ahead(90_000));
      world.judge([], ahead(0));
      world.nowMs += GONE_MS;
      world.judge([told("agent-2")]);
      const [standing] = world.alarms.standing();
      await world.alarms.acknowledgeAlarm({ alarm: standing?.id ?? "", principal: "operator:op", note: "seen" });
      await world.alarms.acknowledgeAlarm({ alarm: standing?.id ?? "", principal: "operator:op", note: null });
      expect(world.alarms.dueMs()).toBe(world.nowMs);
      await world.work();
      expect(world.alarms.dueMs()).toBe(Infinity);
      const skew = { code: "clock-skew", subject: "a", of: "site site-a" };
      expect(world.logged.map(({ act, who, detail }) => ({ act, who, ...detail }))).toEqual([
        { act: "alarm.raised", who: "system", ...skew, detail: "90 s ahead of the edge's when it connected" },
        { act: "alarm.cleared", who: "system", ...skew, detail: "90 s ahead of the edge's when it connected" },
        {
          act: "alarm.acknowledged",
          who: "operator:op",
          code: "too-much",
          subject: "agent-2",
          of: "site site-a",
          note: "seen",
        },
        {
          act: "alarm.unacknowledged",
          who: "operator:op",
          code: "too-much",
          subject: "agent-2",
          of: "site site-a",
        },
      ]);
    });
  });

  test("are acknowledged with a note while they stand, by number", async () => {
    await within(async (world) => {
      const acknowledge = async (alarm: string, note: string | null = "on my way") =>
        await world.alarms.acknowledgeAlarm({ alarm, principal: "operator:op", note });
      world.judge([told("agent-1")]);
      for (const unknown of ["2", "0", "-1", "1.0", "1 OR 1", "", "9".repeat(40)]) {
        expect(await acknowledge(unknown)).toMatchObject({ ok: false, error: { code: "not-found" } });
      }
      const at = "2026-01-01T00:00:00.000Z";
      const acknowledged = { by: "operator:op", at, note: "on my way" };
      expect(await acknowledge("1")).toMatchObject({ ok: true, value: { id: "1", acknowledged } });
      world.judge([told("agent-1", { count: 9, lastMs: START_MS + 5000 })]);
      expect(world.alarms.standing()).toMatchObject([{ count: 9, acknowledged }]);
      expect(await acknowledge("1", null)).toMatchObject({ ok: true, value: { acknowledged: null } });
      world.judge();
      expect(await acknowledge("1")).toMatchObject({ ok: false, error: { code: "conflict" } });
    });
  });

  test("are bounded: those that stand, and those that are cleared", async () => {
    await within(async (world) => {
      world.judge(many(LIMITS.alarmsStanding + 5));
      world.judge(many(LIMITS.alarmsStanding + 5));
      expect(world.alarms.standing()).toHaveLength(LIMITS.alarmsStanding);
      // The last place is for saying so.
      expect(world.alarms.standing()[0]).toMatchObject({ code: "alarms-dropped", of: { kind: "deployment" } });
      expect(await world.alarms.listAlarms("standing")).toHaveLength(LIMITS.alarmsListed);
      world.judge();
      world.judge();
      world.nowMs += GONE_MS;
      world.judge();
      expect(world.sql("SELECT n FROM alarm")).toHaveLength(LIMITS.alarmsCleared);
    });
  });

  test("that there is no room for more of is over once there is", async () => {
    await within(async (world) => {
      const isSaid = () => world.alarms.standing().some(({ code }) => code === "alarms-dropped");
      world.judge(many(LIMITS.alarmsStanding - 1));
      world.judge(many(LIMITS.alarmsStanding - 1));
      expect(isSaid()).toBe(false);
      world.judge(many(LIMITS.alarmsStanding));
      world.judge(many(LIMITS.alarmsStanding));
      expect(isSaid()).toBe(true);
      world.judge(many(1));
      world.judge(many(1));
      world.nowMs += GONE_MS;
      world.judge(many(1));
      expect(isSaid()).toBe(false);
    });
  });

  test("that there is no room for are told of where the object sleeps between two looks, too", async () => {
    await within(async (world) => {
      for (let look = 0; look < 4; look++) {
        world.judge(many(LIMITS.alarmsStanding));
        world.restart();
        world.nowMs += GONE_MS;
      }
      const dropped = (await world.alarms.listAlarms("all")).filter(({ code }) => code === "alarms-dropped");
      expect(dropped.map(({ cleared }) => cleared)).toEqual([null]);
    });
  });

  test("whose causes have to last or be gone for a while do not mind that the object sleeps in between", async () => {
    const monitor = freshObject();
    const EVERY_MS = 60_000;
    let nowMs = START_MS;
    /** Each look is the first one in a life of the object, as where nobody watches. */
    const look = async (health: "ok" | "unknown") => {
      let standing: string[] = [];
      await within(async (world) => {
        world.nowMs = nowMs;
        world.judge([], {
          ...ahead(health === "ok" ? 0 : 90_000),
          view: { nodes: [], links: [], pairs: [], sites: [{ ...SITE, health }] },
        });
        standing = world.alarms.standing().map(({ code }) => code);
      }, monitor);
      await evictDurableObject(monitor as never);
      nowMs += EVERY_MS;
      return standing;
    };
    // `no-answer` is raised after 30 s, `clock-skew` at once; the first goes at once, the other after 60 s.
    expect(await look("unknown")).toEqual(["clock-skew"]);
    expect(await look("unknown")).toEqual(["no-answer", "clock-skew"]);
    expect(await look("ok")).toEqual(["clock-skew"]);
    expect(await look("ok")).toEqual([]);
  });

  test("a certificate that ends is an alarm as long as it is shown, and until another is shown in its place", async () => {
    await within(async (world) => {
      const dayMs = 24 * 3600_000;
      const show = async (fingerprint: string, days: number) =>
        await world.alarms.certificatesSeen([
          {
            fingerprint: fingerprint.repeat(64),
            principal: "sae:sae-a",
            notBeforeMs: START_MS - 80 * dayMs,
            notAfterMs: START_MS + days * dayMs,
          },
        ]);
      const standing = () => world.alarms.standing().map(({ code, subject }) => `${code} ${subject}`);
      await show("a", 100);
      world.judge();
      expect(standing()).toEqual([]);
      world.nowMs += 90 * dayMs;
      await show("a", 100);
      world.judge();
      expect(standing()).toEqual([`certificate-expiring sae:sae-a, ${"a".repeat(16)}`]);
      // A second instance of the SAE has a new one already, and the first shows its own again.
      world.nowMs += LIMITS.certificateToldMs;
      await show("b", 300);
      await show("a", 100);
      world.judge();
      expect(standing()).toHaveLength(1);
      world.nowMs += LIMITS.certificateReplacedMs + 1;
      await show("b", 300);
      world.judge();
      world.nowMs += GONE_MS;
      world.judge();
      expect(standing()).toEqual([]);
    });
  });

  test("one that has ended is another alarm, and forgotten with who showed it", async () => {
    await within(async (world) => {
      const shown = { fingerprint: "c".repeat(64), principal: "sae:sae-c", notBeforeMs: 0, notAfterMs: START_MS + 1 };
      await world.alarms.certificatesSeen([shown]);
      world.judge();
      world.nowMs += 2;
      world.judge();
      world.nowMs += GONE_MS;
      world.judge();
      expect(world.alarms.standing().map(({ code }) => code)).toEqual(["certificate-expired"]);
      world.nowMs += LIMITS.certificatesSeenMs;
      await world.alarms.certificatesSeen([]);
      world.judge();
      world.nowMs += GONE_MS;
      world.judge();
      expect(world.alarms.standing()).toEqual([]);
    });
  });
});
