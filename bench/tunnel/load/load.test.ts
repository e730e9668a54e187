/** Load tool and device as the bench runs them: directly, and through a proxy that bends what passes. */
import { createServer, connect, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HTTP_PATH, SERVICES } from "../device/services.ts";
import { type Device, type LoadTool, startDevice, startLoadTool } from "../processes.ts";
import type { DevicePorts } from "../paths/path.ts";

let device: Device;
let load: LoadTool;
let ports: DevicePorts;
let proxies: Server[] = [];

beforeAll(async () => {
  device = await startDevice(SERVICES);
  ports = device.ports as DevicePorts;
  load = startLoadTool();
});

afterAll(async () => {
  await load.stop();
  await device.stop();
  for (const proxy of proxies) proxy.close();
});

/** Forwards to the device, and does something with what comes back once. */
function proxyTo(port: number, bend: (chunk: Buffer) => Buffer | null): Promise<number> {
  let bent = false;
  const proxy = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    client.on("data", (chunk) => server.write(chunk));
    server.on("data", (chunk) => {
      const passed = bent ? chunk : bend(chunk);
      bent = true;
      if (passed === null) client.destroy();
      else client.write(passed);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("close", () => other.destroy()).on("error", () => other.destroy());
    }
  });
  proxies.push(proxy);
  return new Promise((resolve) => proxy.listen(0, "127.0.0.1", () => resolve((proxy.address() as AddressInfo).port)));
}
const flipped = (chunk: Buffer): Buffer => {
  const copy = Buffer.from(chunk);
  copy.writeUInt8(copy.readUInt8(0) ^ 1, 0);
  return copy;
};

describe("bulk", () => {
  const bulk = { bytes: 5_000_001, verified: true };

  test.each(["up", "down"] as const)("%s: every byte arrives", async (direction) => {
    const verified = await load.run("bulk", { port: ports.bulk, direction, ...bulk });
    expect(verified.mbPerS).toBeGreaterThan(0);
    const timed = await load.run("bulk", { port: ports.bulk, direction, ...bulk, verified: false });
    expect(timed.mbPerS).toBeGreaterThan(0);
  });

  test.each(["up", "down"] as const)("%s: a bit that is not what it was is found", async (direction) => {
    const port = await proxyTo(ports.bulk, flipped);
    await expect(load.run("bulk", { port, direction, ...bulk })).rejects.toThrow("other bytes arrived");
  });

  test.each(["up", "down"] as const)("%s: an end before the end is found", async (direction) => {
    const port = await proxyTo(ports.bulk, () => null);
    await expect(load.run("bulk", { port, direction, ...bulk })).rejects.toThrow("ended");
  });

  test.each(["up", "down"] as const)("%s in the background, beside pings", async (direction) => {
    await load.run("start-bulk", { port: ports.bulk, direction });
    expect((await load.run("ping", { port: ports.echo, measureMs: 50 })).count).toBeGreaterThan(0);
    expect((await load.run("stop-bulk", {})).mbPerS).toBeGreaterThan(0);
    await expect(load.run("stop-bulk", {})).rejects.toThrow("nothing is under way");
  });
});

describe("answers", () => {
  test("set-ups are as many as asked for", async () => {
    expect((await load.run("setup", { port: ports.echo, count: 20 })).count).toBe(20);
  });

  test("another byte than the one sent is found", async () => {
    const port = await proxyTo(ports.echo, flipped);
    await expect(load.run("ping", { port, measureMs: 50 })).rejects.toThrow("another byte");
  });

  test.each([1, 16])("h2c, %i at once", async (atOnce) => {
    const { count, perS } = await load.run("h2c", { port: ports.h2c, atOnce, measureMs: 100 });
    expect(count).toBeGreaterThan(0);
    expect(perS).toBeGreaterThan(0);
  });

  test("HTTP, 32 at once", async () => {
    const url = `http://127.0.0.1:${ports.http}${HTTP_PATH}`;
    expect((await load.run("http", { url, token: null, atOnce: 32, measureMs: 100 })).count).toBeGreaterThan(0);
  });

  test("HTTP from somebody who serves other things", async () => {
    const url = `http://127.0.0.1:${ports.echo}${HTTP_PATH}`;
    await expect(load.run("http", { url, token: null, atOnce: 2, measureMs: 100 })).rejects.toThrow("http:");
  });
});

test("many streams that flow are let go too", async () => {
  await load.run("flow", { port: ports.bulk, streams: 20 });
  await load.run("thaw", { port: ports.bulk });
  expect((await load.run("setup", { port: ports.echo, count: 5 })).count).toBe(5);
});

describe("streams whose receiver reads nothing", () => {
  test.each(["down", "frozen"] as const)("%s: they fill up, stay, and are let go", async (direction) => {
    const { movedBytes } = await load.run("freeze", { port: ports.bulk, direction, streams: 20, maxMs: 60_000 });
    expect(movedBytes).toBeGreaterThan(0);
    await load.run("thaw", { port: ports.bulk });
    expect((await load.run("setup", { port: ports.echo, count: 5 })).count).toBe(5);
  });
});
