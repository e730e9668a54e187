import { expect, test } from "vitest";
import type { MonitorUpdate } from "../../shared/api/monitor-schemas.ts";
import { ordered, updated } from "./view.ts";
import { alarmOf, AT, auditOf, chainView, linkOf, nodeAt, relayOf } from "./testing/view.ts";

const update = (more: Partial<MonitorUpdate>): MonitorUpdate => ({
  type: "update",
  n: 2,
  at: "2026-11-22T12:00:01.000Z",
  sequence: 13,
  document_version: 4,
  name: "renamed",
  period_ms: 1000,
  set: {},
  gone: {},
  ...more,
});

test("an update puts entities in the place of those of the same id, adds others, and takes away what is gone", () => {
  const view = ordered(chainView());
  const changed = linkOf("tn-2", "tn-3", { health: "down" });
  const next = updated(
    view,
    update({ set: { links: [changed, linkOf("tn-1", "tn-4")] }, gone: { links: ["tn-1-tn-2"], nodes: ["nobody"] } }),
  );
  expect(next.links.map(({ id, health }) => [id, health])).toEqual([
    ["tn-1-tn-4", "ok"],
    ["tn-2-tn-3", "down"],
    ["tn-3-tn-4", "ok"],
  ]);
  expect(next).toMatchObject({ name: "renamed", document_version: 4, at: "2026-11-22T12:00:01.000Z" });
  expect(next.nodes).toEqual(view.nodes);
  // Nothing is sorted, nor drawn, that has not changed.
  expect(next.links[2]).toBe(view.links[2]);
  expect(updated(view, update({ set: { links: [changed] } })).nodes).toBe(view.nodes);
  expect(view.links).toHaveLength(3);
});

test("what is both gone and set is there: it came back", () => {
  const next = updated(ordered(chainView()), update({ set: { nodes: [nodeAt("tn-1")] }, gone: { nodes: ["tn-1"] } }));
  expect(next.nodes.map(({ id }) => id)).toContain("tn-1");
});

test("names are in the order people count in, relays the newest first, records the newest last", () => {
  const later = "2026-11-22T12:00:09.000Z";
  const view = ordered(
    chainView({
      nodes: ["tn-10", "tn-2"].map((id) => nodeAt(id)),
      relays: [relayOf("old", ["a", "b"]), relayOf("new", ["a", "b"], { at: later })],
      audit: [auditOf("tn-1", 10, "x", { at: later }), auditOf("tn-1", 9, "x", { at: later }), auditOf("tn-2", 3, "x")],
    }),
  );
  expect(view.nodes.map(({ id }) => id)).toEqual(["tn-2", "tn-10"]);
  expect(view.relays.map(({ id }) => id)).toEqual(["new", "old"]);
  expect(view.audit.map(({ index }) => index)).toEqual([3, 9, 10]);
});

const at = (n: number): string => new Date(Date.parse(AT) + n).toISOString();

test("the newest 64 relays and 100 records are kept", () => {
  const next = updated(
    ordered(chainView()),
    update({
      set: {
        relays: Array.from({ length: 70 }, (_, n) => relayOf(`r${n}`, ["a", "b"], { at: at(n) })),
        audit: Array.from({ length: 120 }, (_, n) => auditOf("tn-1", n, "x", { at: at(n) })),
      },
    }),
  );
  expect([next.relays.length, next.relays[0]?.id]).toEqual([64, "r69"]);
  expect([next.audit.length, next.audit[0]?.index, next.audit.at(-1)?.index]).toEqual([100, 20, 119]);
});

test("alarms: those that stand, then those nobody has seen, then the gravest", () => {
  const seen = { by: "operator", at: AT, note: "" };
  const of = { kind: "link", id: "l" } as const;
  const alarms = [
    alarmOf("cleared", of, { severity: "critical", cleared: AT }),
    alarmOf("seen", of, { severity: "critical", acknowledged: seen }),
    alarmOf("warning", of),
    alarmOf("critical", of, { severity: "critical" }),
  ];
  expect(ordered(chainView({ alarms })).alarms.map(({ code }) => code)).toEqual([
    "critical",
    "warning",
    "seen",
    "cleared",
  ]);
});
