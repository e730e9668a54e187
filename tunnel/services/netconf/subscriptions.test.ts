import { expect, onTestFinished, test } from "vitest";
import { sa } from "../../../test/support/netconf-changes.ts";
import { capability, error, RUNNING, type Script, ScriptedServer } from "../../../test/support/netconf-scripted.ts";
import { makeNetconfHost } from "./make-netconf-host.ts";
import type { SubscriptionEvent } from "./netconf-host.ts";

const NOTIFYING = [...RUNNING, capability("notification:1.0")];
const INTERLEAVED = [...NOTIFYING, capability("interleave:1.0")];
const EVENT =
  '<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><eventTime>2026-01-01T00:00:00Z</eventTime>' +
  '<sadb-expire xmlns="urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless"><ipsec-sa-name>a</ipsec-sa-name></sadb-expire></notification>';

async function rig(script: Script) {
  const server = await ScriptedServer.start(script);
  const host = makeNetconfHost(server.config);
  onTestFinished(() => host.close());
  const events: SubscriptionEvent[] = [];
  let changed = Promise.withResolvers<void>();
  const subscription = host.subscribe((event) => {
    events.push(event);
    changed.resolve();
  });
  const until = async (count: number): Promise<readonly SubscriptionEvent[]> => {
    while (events.length < count) {
      await changed.promise;
      changed = Promise.withResolvers<void>();
    }
    return events;
  };
  return { server, host, subscription, events, until };
}

test.each([
  { what: "beside others", capabilities: INTERLEAVED, sessions: 1 },
  { what: "in a session of its own", capabilities: NOTIFYING, sessions: 2 },
])("$what: notifications come as they are", async ({ capabilities, sessions }) => {
  const { server, host, until } = await rig({ capabilities });
  expect(await until(1)).toEqual([{ type: "subscribed" }]);
  expect(await host.installAll([sa("a")])).toEqual({ ok: true, value: null });
  server.sessions.at(-1)!.say(EVENT);
  expect((await until(2))[1]).toEqual({ type: "notification", xml: EVENT });
  expect(server.sessions).toHaveLength(sessions);
  expect(server.sessions.at(-1)!.asked[0]).toBe("create-subscription");
});

test("a session that is lost is told, and subscribed to anew", async () => {
  const { server, until } = await rig({ capabilities: INTERLEAVED });
  await until(1);
  server.sessions[0]!.cut();
  expect(await until(3)).toMatchObject([
    { type: "subscribed" },
    { type: "lost", failure: { code: "closed" } },
    { type: "subscribed" },
  ]);
  server.sessions[1]!.say(EVENT);
  expect(await until(4)).toHaveLength(4);
});

test.each<[string, Script]>([
  ["has none", { capabilities: RUNNING }],
  [
    "refuses",
    {
      capabilities: NOTIFYING,
      answer: ({ what }) => (what === "create-subscription" ? error("access-denied") : undefined),
    },
  ],
])("a host that %s is told once", async (_, script) => {
  const { until, subscription } = await rig(script);
  expect(await until(1)).toMatchObject([{ type: "lost" }]);
  subscription.close();
});

test("nobody listens any more: nothing is heard, edits go on, and the next one hears again", async () => {
  const { server, host, until, events, subscription } = await rig({ capabilities: INTERLEAVED });
  await until(1);
  subscription.close();
  server.sessions[0]!.say(EVENT);
  expect(await host.installAll([sa("a")])).toEqual({ ok: true, value: null });
  expect(events).toHaveLength(1);
  const heard = Promise.withResolvers<SubscriptionEvent>();
  host.subscribe((event) => (event.type === "subscribed" ? server.sessions[0]!.say(EVENT) : heard.resolve(event)));
  expect(await heard.promise).toEqual({ type: "notification", xml: EVENT });
  expect(server.operations.filter((what) => what === "create-subscription")).toHaveLength(1);
});
