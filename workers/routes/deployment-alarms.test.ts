/** The deployment's alarms over HTTP, of a network inside workerd. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { MONITOR_NAME, type ObjectsEnv } from "../../durable-objects/env.ts";
import { Monitor } from "../../durable-objects/monitor/monitor.ts";
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import { call, errorOf, NETWORK, post, setUp } from "../../test/support/in-workerd-network.ts";

beforeAll(async () => await setUp(0));

const listed = async (query = "") => {
  const answer = await call(`/api/v1/alarms${query}`, { as: "op" });
  expect(answer.status).toBe(200);
  return (await answer.json<{ alarms: MonitorAlarm[] }>()).alarms;
};
const biased = async (offset = 0) =>
  await call(`/api/v1/links/n2-n3/blocks/bad.cor:${offset}?node=n2`, {
    as: "op",
    method: "PUT",
    body: new Uint8Array(4096).fill(0x11 + offset / 4096),
  });
const of = (alarms: MonitorAlarm[], code: string) => alarms.find((alarm) => alarm.code === code);

const put = async (webhooks: unknown) => {
  const current = (await call("/api/v1/network", { as: "op" })).headers.get("ETag") ?? "";
  const body = JSON.stringify({ ...NETWORK, webhooks });
  return await call("/api/v1/network", { as: "op", method: "PUT", headers: { "If-Match": current }, body });
};

test("of a pool stand in the list and in the view, until they are cleared where they stand", async () => {
  expect((await biased()).status).toBe(202);
  await expect.poll(async () => of(await listed(), "blocks-biased")).toBeDefined();
  const alarm = of(await listed("?state=standing"), "blocks-biased");
  expect(alarm).toMatchObject({
    severity: "critical",
    of: { kind: "link", id: "n2-n3" },
    subject: "n2",
    count: 1,
    cleared: null,
    acknowledged: null,
  });
  const view = await (
    await call("/api/v1/monitor", { as: "op" })
  ).json<{
    alarms: MonitorAlarm[];
    links: { id: string; alarms: number }[];
  }>();
  expect(of(view.alarms, "blocks-biased")).toEqual(alarm);
  expect(view.links.find(({ id }) => id === "n2-n3")?.alarms).toBeGreaterThan(0);
  const path = `/api/v1/alarms/${alarm?.id}/acknowledge`;
  const acknowledged = await post(path, "op", { note: "looking at the detectors" });
  expect([acknowledged.status, await acknowledged.json()]).toMatchObject([
    200,
    { acknowledged: { by: "operator:op", note: "looking at the detectors" } },
  ]);
  expect(of(await listed(), "blocks-biased")?.acknowledged?.note).toBe("looking at the detectors");
  expect(await (await call(path, { as: "op", method: "DELETE" })).json()).toMatchObject({ acknowledged: null });
  await call("/api/v1/links/n2-n3/alarms/blocks-biased", { as: "op", method: "DELETE" });
  await expect.poll(async () => of(await listed(), "blocks-biased")).toBeUndefined();
  expect(of(await listed("?state=cleared"), "blocks-biased")).toMatchObject({ id: alarm?.id });
  expect((await post(path, "op", {})).status).toBe(409);
});

test("say what is wrong with a request", async () => {
  for (const query of ["?state=old", "?state=", "?state=all&state=all"]) {
    const answer = await call(`/api/v1/alarms${query}`, { as: "op" });
    expect([answer.status, (await errorOf(answer)).message]).toEqual([
      400,
      "query state: shall be one of standing, cleared, all",
    ]);
  }
  const path = "/api/v1/alarms/1/acknowledge";
  expect((await post("/api/v1/alarms/999999/acknowledge", "op", {})).status).toBe(404);
  expect((await post(path, "op", { note: 7 })).status).toBe(400);
  const long = await post(path, "op", { note: "x".repeat(LIMITS.alarmNoteChars + 1) });
  expect([long.status, (await errorOf(long)).details]).toMatchObject([400, [{ pointer: "/note" }]]);
});

test("are for operators", async () => {
  for (const who of ["sae-a", "agent-1"]) {
    expect((await call("/api/v1/alarms", { as: who })).status).toBe(403);
    expect((await call("/api/v1/webhooks", { as: who })).status).toBe(403);
    expect((await post("/api/v1/alarms/1/acknowledge", who, {})).status).toBe(403);
  }
  expect((await call("/api/v1/alarms")).status).toBe(401);
});

test("webhooks of the network document: faults by name, and how they fare", async () => {
  const faults = async (webhooks: unknown) => (await errorOf(await put(webhooks))).details;
  const url = "https://pager.example/hook?team=qkd";
  expect(await faults([{ id: "a", url: "http://pager.example/" }])).toEqual([
    { pointer: "/webhooks/0/url", message: "shall begin with https://, or http:// on loopback" },
  ]);
  for (const bad of ["https://me:pw@pager.example/", "https://pager.example/#a", "https://pager.example/?a#b", "x"]) {
    expect(await faults([{ id: "a", url: bad }])).toMatchObject([{ pointer: "/webhooks/0/url" }]);
  }
  expect(await faults([{ id: "a", url, codes: ["pool-low", "pool-lo"] }])).toEqual([
    { pointer: "/webhooks/0/codes/1", message: "no alarm has this code" },
  ]);
  expect(await faults([{ id: "a", url, min_severity: "bad" }])).toMatchObject([
    { pointer: "/webhooks/0/min_severity" },
  ]);
  expect(
    await faults([
      { id: "a", url },
      { id: "a", url },
    ]),
  ).toEqual([{ pointer: "/webhooks/1/id", message: "the same id as /webhooks/0" }]);
  expect((await put([{ id: "a", url, min_severity: "critical", codes: ["audit-fault"] }])).status).toBe(200);
  await expect
    .poll(async () => {
      await listed();
      return await (await call("/api/v1/webhooks", { as: "op" })).json();
    })
    .toMatchObject({ webhooks: [{ id: "a", url, waiting: 0, delivered: 0, given_up: 0, failing: null }] });
});

const webhook = async () => {
  const answer = await call("/api/v1/webhooks", { as: "op" });
  return (await answer.json<{ webhooks: { id: string; waiting: number }[] }>()).webhooks[0];
};
const waiting = async () => (await webhook())?.waiting;

test("acknowledged in the moment in which the Monitor wakes, webhooks are told of it all the same", async () => {
  expect((await put([{ id: "dead", url: "http://127.0.0.1:9/x", codes: ["blocks-biased"] }])).status).toBe(200);
  const known = async () => {
    await listed();
    return (await webhook())?.id;
  };
  await expect.poll(known).toBe("dead");
  expect((await biased(4096)).status).toBe(202);
  await expect.poll(async () => of(await listed(), "blocks-biased")).toBeDefined();
  const alarm = of(await listed(), "blocks-biased");
  await expect.poll(waiting).toBe(1);
  const objects = env as unknown as ObjectsEnv;
  await runInDurableObject(
    objects.MONITOR.getByName(MONITOR_NAME) as never,
    async (_: unknown, ctx: DurableObjectState) => {
      const seen = { alarm: alarm?.id ?? "", principal: "operator:op", note: "seen" };
      expect(await new Monitor(ctx, objects).acknowledgeAlarm(seen)).toMatchObject({ ok: true });
    },
  );
  expect(await waiting()).toBe(2);
});
