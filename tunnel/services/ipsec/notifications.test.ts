import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { MemoryHost } from "../../../test/support/ipsec-hosts.ts";
import { Lines } from "../../../test/support/tunnel-agent.ts";
import type { Send } from "../../feeds/edge.ts";
import { failure } from "../netconf/failure.ts";
import { Notifications } from "./notifications.ts";

const badSpi = (spi: number): string =>
  `<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><eventTime>2026-01-01T00:00:00Z</eventTime>` +
  `<sadb-bad-spi xmlns="urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless"><spi>${spi}</spi></sadb-bad-spi></notification>`;
const at = (spi: number) => ({ kind: "sadb-bad-spi", spi, eventTime: "2026-01-01T00:00:00Z" });

/** Told in the order in which it asks. */
function edge(statuses: readonly (number | Error)[] = []) {
  const left = [...statuses];
  const told: { readonly path: string; readonly spis: readonly number[] }[] = [];
  const waiting: (() => void)[] = [];
  const send: Send = ({ path, body }) => {
    const { notifications } = JSON.parse(new TextDecoder().decode(body?.bytes)) as { notifications: { spi: number }[] };
    told.push({ path, spis: notifications.map(({ spi }) => spi) });
    waiting.splice(0).forEach((resolve) => resolve());
    const status = left.shift() ?? 200;
    if (status instanceof Error) return Promise.reject(status);
    return Promise.resolve({ status, retryAfterSeconds: null, json: { message: "words" } });
  };
  const toldTimes = async (times: number): Promise<typeof told> => {
    while (told.length < times) await new Promise<void>((resolve) => waiting.push(resolve));
    return told;
  };
  return { send, told, toldTimes };
}

function start(send: Send, callback: string | null = null) {
  const host = new MemoryHost();
  const lines = new Lines();
  const notifications = new Notifications({ node: "tn-1", host, send, callback, log: lines.log });
  onTestFinished(() => notifications.close());
  return { host, lines, notifications, tell: (xml: string) => host.tell({ type: "notification", xml }) };
}

test("the edge is told, again until it has heard, and in order", async () => {
  const { send, toldTimes } = edge([new Error("the tunnel is down"), 503]);
  const { tell } = start(send);
  tell(badSpi(1));
  tell(badSpi(2));
  tell(badSpi(3));
  const told = await toldTimes(4);
  expect(told[0]?.path).toBe("/api/v1/nodes/tn-1/ipsec/notifications");
  expect(told.map(({ spis }) => spis)).toEqual([[1], [1], [1], [2, 3]]);
});

test("what it refuses, and what makes no sense, is let go", async () => {
  const { send, toldTimes } = edge([400]);
  const { tell, lines } = start(send);
  tell("<nothing/>");
  tell("<");
  tell(badSpi(1));
  await toldTimes(1);
  tell(badSpi(2));
  expect((await toldTimes(2)).map(({ spis }) => spis)).toEqual([[1], [2]]);
  await lines.seen("cannot be read");
  await lines.seen("the edge takes no notifications");
});

test("of too many the oldest are left out", async () => {
  const first = Promise.withResolvers<void>();
  const { send, toldTimes } = edge();
  const { tell, lines } = start(async (...asked) => {
    await first.promise;
    return await send(...asked);
  });
  const most = LIMITS.ipsecNotificationsHeld;
  for (let spi = 0; spi < most + 3; spi++) tell(badSpi(spi));
  first.resolve();
  const told = await toldTimes(1 + Math.ceil(most / LIMITS.ipsecNotificationsAtOnce));
  const spis = told.flatMap((each) => each.spis);
  // The first was on its way already.
  expect(spis).toEqual([0, ...Array.from({ length: most }, (_, index) => index + 3)]);
  await lines.seen("not told");
  // Whoever sends packets to the host makes it tell of them, and does not fill the disk by it.
  expect(lines.count('"IPsec host"')).toBeLessThan(most);
});

test("a host that is not heard, and is again, is said once", () => {
  const { host, lines } = start(edge().send);
  const lost = { type: "lost", failure: failure("host-unreachable", "words") } as const;
  host.tell(lost);
  host.tell(lost);
  host.tell({ type: "subscribed" });
  expect(lines.count("are not heard")).toBe(1);
  expect(lines.count("heard again")).toBe(1);
});

test("the controller's callback is told too, and given up after some attempts", async () => {
  const heard: unknown[] = [];
  const done = Promise.withResolvers<void>();
  const server = http.createServer((request, response) => {
    void (async () => {
      let text = "";
      for await (const piece of request) text += String(piece);
      heard.push(JSON.parse(text));
      response.writeHead(heard.length === 1 ? 500 : 204).end();
      if (heard.length === 3) done.resolve();
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const { tell, lines } = start(edge().send, `http://127.0.0.1:${port}/notify`);
  tell(badSpi(1));
  tell(badSpi(2));
  await done.promise;
  expect(heard).toEqual([1, 1, 2].map((spi) => ({ node: "tn-1", ...at(spi) })));
  expect(lines.count("callback refuses")).toBe(1);
});
