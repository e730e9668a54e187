import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { IncomingOpen, MuxStream } from "../../shared/mux/stream.ts";
import { encodeHead, HeadReader } from "../../shared/tunnel/head.ts";
import { type RequestHead, RequestHeadSchema } from "../../shared/tunnel/http.ts";
import { HTTP_CALL_HEADER } from "../../shared/tunnel/types.ts";
import { call } from "../../test/support/in-workerd-network.ts";
import { freshSites, hubStub, readAll, service, TestAgent, useSites } from "../../test/support/in-workerd-tunnel.ts";

useSites();

const MIB = 1024 * 1024;
type Device = (head: RequestHead, stream: MuxStream, first: Uint8Array) => Promise<void>;

/** What an agent does for a service that is a device's HTTP server. */
const served = (serving: Device) => (open: IncomingOpen) => {
  const stream = open.accept();
  void (async () => {
    const reader = new HeadReader(RequestHeadSchema);
    while (reader.head === null) {
      const chunk = await stream.read();
      if (chunk === null || !reader.push(chunk)) throw new Error("no head");
    }
    await serving(reader.head, stream, reader.rest);
  })().catch(() => stream.reset("service-failed"));
};

const answer = async (stream: MuxStream, status: number, headers: string[], body?: Uint8Array): Promise<void> => {
  const head = encodeHead({ status, headers });
  if (head !== null) await stream.write(head);
  if (body !== undefined && body.length > 0) await stream.write(body);
  await stream.end();
};

/** Tells what it got. */
const reflecting: Device = async (head, stream, first) => {
  const rest = await readAll(stream);
  const body = new TextEncoder().encode(JSON.stringify({ ...head, bodyBytes: first.length + rest.length }));
  await answer(stream, 200, ["content-type", "application/json", "content-length", String(body.length)], body);
};

async function device(serving: Device, allow = ["@edge"], more: { tls?: boolean } = {}) {
  const sites = freshSites();
  const agent = await TestAgent.enrolled(sites.a);
  const services = [service("kme", allow, more)];
  const session = await agent.connect({ services, onOpen: served(serving) });
  const base = `/api/v1/sites/${sites.a}/services/kme`;
  return { ...sites, agent, session, base, hub: hubStub(sites.a) };
}

interface Reflected extends RequestHead {
  readonly bodyBytes: number;
}

const headerOf = ({ headers }: RequestHead, name: string): string | undefined => {
  const at = headers.findIndex((each, index) => index % 2 === 0 && each === name);
  return at === -1 ? undefined : headers[at + 1];
};

describe("HTTP to a site's service", () => {
  it.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "%s comes to the device as it was sent",
    async (method) => {
      const { base } = await device(reflecting);
      const hasBody = method !== "GET" && method !== "OPTIONS";
      const response = await call(`${base}/api/v1/keys/s%2Fb/status?a=%20b&c`, {
        as: "op",
        method,
        headers: {
          "X-Device": "yes",
          Cookie: "a=b",
          "Client-Certificate-Like": "no",
          [HTTP_CALL_HEADER]: '{"site":null}',
        },
        ...(hasBody ? { body: "x".repeat(1000) } : {}),
      });
      expect([response.status, response.headers.get("Content-Security-Policy")]).toEqual([200, "sandbox"]);
      const got = await response.json<Reflected>();
      expect(got).toMatchObject({
        method,
        target: "/api/v1/keys/s%2Fb/status?a=%20b&c",
        bodyBytes: hasBody ? 1000 : 0,
      });
      expect(headerOf(got, "x-device")).toBe("yes");
      for (const name of ["authorization", "cookie", "host", "connection", HTTP_CALL_HEADER.toLowerCase()]) {
        expect(headerOf(got, name)).toBeUndefined();
      }
    },
  );

  it("HEAD is the device's to answer", async () => {
    const { base } = await device(async (head, stream) => {
      await readAll(stream);
      await answer(stream, head.method === "HEAD" ? 204 : 500, ["x-device", "here"]);
    });
    const response = await call(`${base}/`, { as: "op", method: "HEAD" });
    expect([response.status, response.headers.get("X-Device")]).toEqual([204, "here"]);
  });

  it.each(["GET", "HEAD"])("a %s with a body is the caller's fault, and never sent", async (method) => {
    const { base } = await device(reflecting);
    const withLength = async (length: string): Promise<Response> =>
      await call(`${base}/`, { as: "op", method, headers: { "Content-Length": length } });
    const refused = await withLength("3");
    expect(refused.status).toBe(400);
    if (method === "GET") expect(await refused.text()).toContain("a GET has no body");
    expect((await withLength("0")).status).toBe(200);
  });

  it("passes on the device's status, headers and redirects, but no cookies", async () => {
    const { base } = await device(async (_, stream) => {
      await readAll(stream);
      await answer(stream, 302, ["location", "/elsewhere", "set-cookie", "a=b", "connection", "x-hop", "x-hop", "1"]);
    });
    const response = await call(base.concat("/"), { as: "op", redirect: "manual" });
    expect([response.status, response.headers.get("Location")]).toEqual([302, "/elsewhere"]);
    expect([response.headers.get("Set-Cookie"), response.headers.get("X-Hop")]).toEqual([null, null]);
  });

  it("streams large bodies both ways, with and without their length said before", async () => {
    const { base, hub } = await device(async (head, stream, first) => {
      const length = headerOf(head, "x-say-length") === undefined ? [] : ["content-length", String(16 * MIB)];
      const out = encodeHead({ status: 200, headers: length });
      if (out !== null) await stream.write(out);
      if (first.length > 0) await stream.write(first.slice());
      for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read())
        await stream.write(chunk.slice());
      await stream.end();
    });
    for (const headers of [{}, { "X-Say-Length": "1" }]) {
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(new Uint8Array(MIB).fill(sent));
          sent += 1;
          if (sent === 16) controller.close();
        },
      });
      const response = await call(`${base}/`, { as: "op", method: "POST", body, headers });
      const reader: ReadableStreamDefaultReader<Uint8Array> = (response.body ?? new ReadableStream()).getReader();
      let at = 0;
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        const wrong = chunk.value.findIndex((byte, index) => byte !== Math.floor((at + index) / MIB));
        if (wrong !== -1) throw new Error(`wrong byte ${at + wrong}`);
        at += chunk.value.length;
      }
      expect(at).toBe(16 * MIB);
    }
    expect((await hub.status()).gauges.streams).toBe(0);
  });

  it("a client that reads nothing holds the device back, and one that leaves ends the stream", async () => {
    let sentBytes = 0;
    const ended = Promise.withResolvers<unknown>();
    const stalled = Promise.withResolvers<void>();
    const { base, session } = await device(async (_, stream) => {
      void stream.closed.then(ended.resolve);
      const head = encodeHead({ status: 200, headers: [] });
      if (head !== null) await stream.write(head);
      for (; sentBytes < 64 * MIB; sentBytes += 65_536) {
        const written = stream.write(new Uint8Array(65_536));
        if (session.mux.gauges.creditStalls > 0) stalled.resolve();
        await written;
      }
    });
    const response = await call(`${base}/`, { as: "op" });
    await stalled.promise;
    expect(sentBytes).toBeLessThan(8 * MIB);
    await response.body?.cancel();
    expect(await ended.promise).toMatchObject({ kind: "reset", by: "there" });
  });

  it("a device that goes in the middle breaks the answer off, or is 503", async () => {
    const asked = Promise.withResolvers<void>();
    const { base, session, agent } = await device(async (head, stream) => {
      if (head.target === "/begun") {
        const out = encodeHead({ status: 200, headers: ["content-length", "100000"] });
        if (out !== null) await stream.write(out);
        await stream.write(new Uint8Array(10));
      }
      if (head.target === "/reset") stream.reset("service-failed", "gone");
      else asked.resolve();
    });
    expect((await call(`${base}/reset`, { as: "op" })).status).toBe(503);
    const begun = await call(`${base}/begun`, { as: "op" });
    const silent = call(`${base}/silent`, { as: "op" });
    await asked.promise;
    session.socket.close(4003);
    await expect(begun.arrayBuffer()).rejects.toThrow();
    expect((await silent).status).toBe(503);
    expect((await call(`${base}/`, { as: "op" })).status).toBe(503);
    // And is back with the agent.
    await agent.connect({ services: [service("kme", ["@edge"])], onOpen: served(reflecting) });
    expect((await call(`${base}/`, { as: "op" })).status).toBe(200);
  });

  it("goes on when the hub has slept", async () => {
    const { base, hub } = await device(reflecting);
    for (let turn = 0; turn < 3; turn++) {
      for (let n = 0; n < 4; n++) {
        const response = await call(`${base}/`, { as: "op" });
        expect(response.status).toBe(200);
        await response.arrayBuffer();
      }
      await evictDurableObject(hub);
    }
    const many = await Promise.all(Array.from({ length: 50 }, async () => await call(`${base}/`, { as: "op" })));
    expect(many.map(({ status }) => status)).toEqual(many.map(() => 200));
    for (const response of many) await response.arrayBuffer();
  });

  it("an answer that makes no sense is 503", async () => {
    const { base } = await device(async (_, stream) => {
      await stream.write(Uint8Array.of(255, 255, 255, 255, 1));
    });
    expect((await call(`${base}/`, { as: "op" })).status).toBe(503);
    const short = await device(
      async (_, stream) => await answer(stream, 200, ["content-length", "9"], new Uint8Array(3)),
    );
    expect((await call(`${short.base}/`, { as: "op" })).status).toBe(503);
  });

  it("is for whom the service allows", async () => {
    const status = async (
      allow: (sites: { b: string }) => string[],
      as: (sites: { b: string; c: string }) => string,
    ) => {
      const sites = freshSites();
      const agent = await TestAgent.enrolled(sites.a);
      await agent.connect({ services: [service("kme", allow(sites))], onOpen: served(reflecting) });
      return (await call(`/api/v1/sites/${sites.a}/services/kme/`, { as: as(sites) })).status;
    };
    expect(
      await status(
        () => ["@edge"],
        () => "op",
      ),
    ).toBe(200);
    expect(
      await status(
        () => ["@linked"],
        () => "op",
      ),
    ).toBe(403);
    expect(
      await status(
        () => ["@edge", "@linked"],
        ({ b }) => `agent-${b}`,
      ),
    ).toBe(200);
    expect(
      await status(
        () => ["@edge", "@linked"],
        ({ c }) => `agent-${c}`,
      ),
    ).toBe(403);
    expect(
      await status(
        ({ b }) => [b],
        ({ b }) => `agent-${b}`,
      ),
    ).toBe(403);
    expect(
      await status(
        () => ["@edge"],
        () => "nobody",
      ),
    ).toBe(401);
    const { base } = await device(reflecting, ["@edge"], { tls: true });
    expect((await call(`${base}/`, { as: "op" })).status).toBe(403);
    expect((await call(`${base.replace("kme", "other")}/`, { as: "op" })).status).toBe(404);
    expect((await call("/api/v1/sites/nowhere/services/kme/", { as: "op" })).status).toBe(404);
  });
});
