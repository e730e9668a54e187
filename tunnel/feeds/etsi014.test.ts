/** Both ends of an `etsi014-device` feed before the demo device, and each before devices that misbehave. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type DemoDevice, startDemoDevice } from "../../examples/demo-device/demo-device.ts";
import { answer } from "../../test/support/fake-edge.ts";
import { deviceCertificates } from "../../test/support/device-tls.ts";
import { type FeedBench, feedBench, type StartedFeed } from "../../test/support/feed-bench.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
const KEYS = 4;
let bench: FeedBench;
const stops: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  bench = await feedBench();
  bench.edge.twoEnded = true;
});
afterEach(async () => {
  await bench.stop();
  for (const stop of stops.splice(0)) await stop();
});

async function demoDevice(more: Partial<Parameters<typeof startDemoDevice>[0]> = {}): Promise<DemoDevice> {
  const device = await startDemoDevice({ a: LOOPBACK, b: LOOPBACK, ...more });
  stops.push(async () => await device.stop());
  return device;
}

const feed = async (role: "enc" | "dec", url: string, more: Readonly<Record<string, unknown>> = {}) =>
  await bench.start({
    type: "etsi014-device",
    name: role,
    node: role === "enc" ? "n" : "m",
    role,
    url,
    peer_sae: role === "enc" ? "agent-b" : "agent-a",
    keys_per_block: KEYS,
    poll_ms: 5,
    max_rate_bps: 50_000,
    timeout_ms: 200,
    ...more,
  });

const states = () => [...bench.edge.blocks.values()].map(({ state }) => state);
const matched = () => states().filter((state) => state === "matched").length;
const raised = () => bench.logged.filter(({ event }) => event === "feed alarm").map(({ fields }) => fields["code"]);

describe("a pair of devices", () => {
  test("feeds both ends with equal blocks", async () => {
    const device = await demoDevice();
    await feed("enc", device.urls.a);
    await feed("dec", device.urls.b);
    await vi.waitFor(() => expect(matched()).toBeGreaterThanOrEqual(5), 20_000);
    expect(states()).not.toContain("quarantined");
    expect(raised()).toEqual([]);
    const [id, block] = [...bench.edge.blocks][0]!;
    expect([block.keyIds?.[0], block.keyIds?.length, block.bytes.length]).toEqual([id, KEYS, KEYS * 32]);
  });

  test("is asked for no more than may wait for the other end", async () => {
    const device = await demoDevice();
    bench.edge.highBits = 3 * KEYS * 256;
    const enc = await feed("enc", device.urls.a, { max_rate_bps: 0 });
    await vi.waitFor(() => expect(enc.feed.gauges.heldBack).toBe(true), 10_000);
    const made = enc.feed.gauges.blocksRead;
    expect(made).toBe(3);
    const dec = await feed("dec", device.urls.b);
    await vi.waitFor(() => expect(dec.feed.gauges.blocksDelivered).toBeGreaterThanOrEqual(made), 10_000);
    await vi.waitFor(() => expect(enc.feed.gauges.blocksRead).toBeGreaterThan(made), 10_000);
  });

  test("whose keys have run out before the other end came: an alarm a block, until the pool gives it up", async () => {
    let nowMs = 0;
    const device = await demoDevice({ ttlMs: 1000, now: () => nowMs });
    const enc = await feed("enc", device.urls.a);
    await vi.waitFor(() => expect(enc.feed.gauges.blocksDelivered).toBeGreaterThanOrEqual(1), 10_000);
    await enc.stop();
    const late = [...bench.edge.blocks.keys()];
    nowMs = 2000;
    const dec = await feed("dec", device.urls.b);
    await vi.waitFor(() => expect(dec.alarms()).toContain("keys-not-had"), 10_000);
    expect(dec.feed.alarms[0]?.detail).toBe("one or more keys specified are not found on KME (HTTP 400)");
    await feed("enc", device.urls.a);
    await vi.waitFor(() => expect(matched()).toBeGreaterThanOrEqual(1), 10_000);
    await vi.waitFor(() => {
      // As the pool does after its TTL; a block may have come late from the spool of the enc end.
      for (const { subject } of dec.feed.alarms) bench.edge.blocks.delete(subject);
      expect(dec.alarms()).toEqual([]);
    }, 10_000);
    expect(late.every((id) => bench.edge.blocks.get(id) === undefined)).toBe(true);
  });

  test("leaves an edge alone for as long as it asks", async () => {
    const device = await demoDevice();
    const askedMs: number[] = [];
    bench.edge.intercept = ({ path }) => {
      if (!path.includes("awaiting")) return null;
      askedMs.push(performance.now());
      return { ...answer(429, { message: "slower" }), retryAfterSeconds: 1 };
    };
    const dec = await feed("dec", device.urls.b);
    await vi.waitFor(() => expect(askedMs.length).toBe(2), 20_000);
    const [first = 0, second = 0] = askedMs;
    expect(second - first).toBeGreaterThan(990);
    expect(dec.feed.alarms).toMatchObject([{ code: "edge-refuses", detail: "slower (429)" }]);
  });

  test("is spoken to over mutual TLS, and not without a certificate", async () => {
    const { ca, device: server, agent } = await deviceCertificates();
    const folder = mkdtempSync(join(tmpdir(), "qkd-device-tls-"));
    stops.push(async () => rmSync(folder, { recursive: true }));
    const write = (name: string, pem: string) => {
      writeFileSync(join(folder, name), pem);
      return join(folder, name);
    };
    const device = await demoDevice({ tls: { cert: server.certificate, key: server.key, ca } });
    const tls = {
      ca: write("ca.crt", ca),
      cert: write("a.crt", agent.certificate),
      key: write("a.key", agent.key),
      timeout_ms: 5000,
    };
    const enc = await feed("enc", device.urls.a, tls);
    await vi.waitFor(() => expect(enc.feed.gauges.blocksDelivered).toBeGreaterThanOrEqual(1), 10_000);
    await enc.stop();
    const nobody = await feed("enc", device.urls.a, { ca: tls.ca, timeout_ms: 5000 });
    await vi.waitFor(() => expect(nobody.alarms()).toContain("device-silent"), 10_000);
  });
});

/** A device that answers as the script says, request by request; the last line for ever. */
async function scripted(...script: readonly ((response: http.ServerResponse, body: string) => void)[]) {
  let count = 0;
  const repeats: string[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => null);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      repeats.push(String(request.headers["idempotency-key"]));
      const line = script[Math.min(count++, script.length - 1)];
      line?.(response, Buffer.concat(chunks).toString());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(
    async () =>
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, repeats };
}

const SECRET = Buffer.alloc(32, "never in a log! ");
const key = (id: string = randomUUID(), bytes: Buffer = SECRET) => ({ key_ID: id, key: bytes.toString("base64") });
const says =
  (json: unknown, status = 200) =>
  (response: http.ServerResponse) => {
    response.writeHead(status).end(typeof json === "string" ? json : JSON.stringify(json));
  };
const container = (count: number) => ({ keys: Array.from({ length: count }, () => key()) });
const good = (response: http.ServerResponse) => says(container(KEYS))(response);

const delivers = async (started: StartedFeed) =>
  await vi.waitFor(() => expect(started.feed.gauges.blocksDelivered).toBeGreaterThanOrEqual(1), 20_000);

describe("a device that misbehaves at the enc end", () => {
  const SAME = randomUUID();
  test.each([
    ["hangs", () => undefined, "device-silent", /^no answer within 200 ms$/],
    ["hangs up", (r: http.ServerResponse) => r.destroy(), "device-silent", /hang up|ECONNRESET/],
    ["answers half", (r: http.ServerResponse) => void r.write('{"keys":['), "device-silent", /no answer within/],
    ["answers 401 without a body", says("", 401), "device-refuses", /^HTTP 401$/],
    ["answers 503", says({ message: "not enough\nkeys" }, 503), "device-refuses", /^not enough keys \(HTTP 503\)$/],
    ["redirects", says("", 302), "device-refuses", /^HTTP 302$/],
    ["answers no JSON", says(`<html>${SECRET.toString()}`), "device-garbage", /is not JSON/],
    ["answers deep JSON", says("[".repeat(100_000)), "device-garbage", /nested/],
    ["answers no container", says({ Keys: [key()] }), "device-garbage", /no key container: keys/],
    ["gives an ID that is no UUID", says({ keys: [key("../../x")] }), "device-garbage", /keys\.0\.key_ID/],
    ["gives too few keys", says(container(KEYS - 1)), "device-garbage", /^3 keys instead of 4$/],
    ["gives too many keys", says(container(KEYS + 1)), "device-garbage", /^5 keys instead of 4$/],
    ["gives no base64", says({ keys: [{ ...key(), key: "*".repeat(44) }] }), "device-garbage", /not base64/],
    [
      "gives keys of another size",
      says({ keys: Array.from({ length: KEYS }, () => key(undefined, SECRET.subarray(0, 31))) }),
      "device-garbage",
      /has 31 bytes instead of 32/,
    ],
    ["gives an ID twice", says({ keys: Array.from({ length: KEYS }, () => key(SAME)) }), "device-garbage", /twice/],
    ["floods", says(`"${"x".repeat(5 * 1024 * 1024)}"`), "device-silent", /longer than/],
  ])("%s: an alarm with the reason, and on with the next", async (_what, bad, alarm, reason) => {
    const device = await scripted(bad, good);
    // Whoever answers at all is not to be late because the machine is busy.
    const timeout_ms = String(reason).includes("no answer") ? 200 : 10_000;
    const enc = await feed("enc", device.url, { timeout_ms });
    await delivers(enc);
    const first = bench.logged.find(({ event }) => event === "feed alarm")?.fields;
    expect(first).toMatchObject({ code: alarm, detail: expect.stringMatching(reason) });
    await vi.waitFor(() => expect(enc.alarms()).toEqual([]));
    // What may have been given is asked for again by the same name; what was no good is not.
    expect(device.repeats[1] === device.repeats[0]).toBe(alarm === "device-silent");
    expect(JSON.stringify(bench.logged)).not.toMatch(/never in a log|bmV2ZXIg/);
  });

  test("repeats key IDs: an alarm, and the keys are not used", async () => {
    const again = container(KEYS);
    const device = await scripted(says(again), says(again), good);
    const enc = await feed("enc", device.url);
    await vi.waitFor(() => expect(enc.feed.gauges.blocksDelivered).toBeGreaterThanOrEqual(2), 20_000);
    expect(raised()[0]).toBe("device-repeats");
    expect(new Set(bench.edge.pushes).size).toBe(bench.edge.pushes.length);
  });

  test("is not there: an alarm, longer and longer pauses, no end", async () => {
    const enc = await feed("enc", "http://127.0.0.1:1");
    await vi.waitFor(() => expect(enc.feed.alarms[0]).toMatchObject({ code: "device-silent", count: 2 }), 10_000);
    expect(enc.feed.alarms[0]?.detail).toMatch(/ECONNREFUSED/);
    expect(enc.feed.gauges.spoolBytes).toBeLessThan(10_000);
  });
});

/** A block that waits for the dec end; its keys tell their IDs. */
async function awaited(): Promise<readonly string[]> {
  const keyIds = Array.from({ length: KEYS }, () => randomUUID() as string);
  const bytes = Buffer.concat(keyIds.map((id) => Buffer.from(id.slice(0, 32))));
  bench.edge.blocks.set(keyIds[0]!, { node: "n", bytes, state: "unmatched", keyIds });
  return keyIds;
}
const rightly = (keyIds: readonly string[]) => keyIds.map((id) => key(id, Buffer.from(id.slice(0, 32))));

describe("a device that misbehaves at the dec end", () => {
  test.each([
    ["gives the keys in another order", (ids: readonly string[]) => rightly(ids).toReversed(), null],
    ["gives too few", (ids: readonly string[]) => rightly(ids).slice(1), "3 keys instead of 4"],
    ["gives another one", (ids: readonly string[]) => [...rightly(ids).slice(1), key()], /is not among/],
    ["gives one twice", (ids: readonly string[]) => [...rightly(ids).slice(1), rightly(ids)[1]], /twice/],
  ])("%s", async (_what, keysOf, reason) => {
    const keyIds = await awaited();
    const device = await scripted(says({ keys: keysOf(keyIds) }), says({ keys: rightly(keyIds) }));
    const dec = await feed("dec", device.url);
    await vi.waitFor(() => expect(states()).toEqual(["matched"]), 20_000);
    const said = bench.logged.filter(({ event }) => event === "feed alarm").map(({ fields }) => fields["detail"]);
    if (reason === null) expect(said).toEqual([]);
    else expect(said[0]).toEqual(expect.stringMatching(reason));
    await vi.waitFor(() => expect(dec.alarms()).toEqual([]), 10_000);
  });

  test("a block that it refuses does not hold up the others", async () => {
    const [refused, given] = [await awaited(), await awaited()];
    const device = await scripted((response, body) =>
      body.includes(refused[0]!) ? says({ message: "no" }, 400)(response) : says({ keys: rightly(given) })(response),
    );
    const dec = await feed("dec", device.url);
    await vi.waitFor(() => expect(states()).toEqual(["unmatched", "matched"]), 10_000);
    expect(dec.feed.alarms).toMatchObject([{ code: "keys-not-had", subject: refused[0], detail: "no (HTTP 400)" }]);
  });

  test("an edge that cannot list what waits is an alarm until it can", async () => {
    bench.edge.intercept = () => "unreachable";
    const device = await scripted(good);
    const dec = await feed("dec", device.url);
    await vi.waitFor(() => expect(dec.alarms()).toEqual(["edge-refuses"]));
    bench.edge.intercept = () => null;
    await vi.waitFor(() => expect(dec.alarms()).toEqual([]));
  });
});
