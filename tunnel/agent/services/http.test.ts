import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { startAgent, startHub } from "../../../test/support/tunnel-agent.ts";

async function site(handle: http.RequestListener) {
  const device = http.createServer(handle);
  device.listen(0, "127.0.0.1");
  await once(device, "listening");
  onTestFinished(() => {
    device.closeAllConnections();
    device.close();
  });
  const hub = await startHub();
  const { port } = device.address() as AddressInfo;
  const { ready, lines } = await startAgent(hub, "site-a", {
    service: [{ name: "kme", host: "127.0.0.1", port, allow: ["@edge"] }],
  });
  await ready;
  const open = (): MuxStream => hub.openAsHub("site-a", "http/kme");
  return { device, open, lines, port };
}

/** As the hub writes it. */
const requestHead = (method: string, target: string, headers: readonly string[] = []): Buffer => {
  const text = Buffer.from(JSON.stringify({ method, target, headers }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
};

async function readAll(stream: MuxStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function answerOf(stream: MuxStream) {
  const all = await readAll(stream);
  const end = 4 + all.readUInt32BE(0);
  const head = JSON.parse(all.subarray(4, end).toString()) as { status: number; headers: string[] };
  return { ...head, body: all.subarray(end) };
}

test("a request, its answer, and one connection for many", async () => {
  const connections = new Set<number | undefined>();
  const { open, port } = await site((request, response) => {
    connections.add(request.socket.remotePort);
    response.writeHead(
      201,
      [
        ["x-seen", `${request.method} ${request.url} ${request.headers.host}`],
        ["set-cookie", "a"],
        ["set-cookie", "b"],
      ].flat(),
    );
    response.end("yes");
  });
  for (let count = 0; count < 5; count++) {
    const stream = open();
    await stream.write(requestHead("GET", "/api?x=1", ["accept", "*/*"]));
    await stream.end();
    const { status, headers, body } = await answerOf(stream);
    expect({ status, body: String(body) }).toEqual({ status: 201, body: "yes" });
    expect(headers[headers.indexOf("x-seen") + 1]).toBe(`GET /api?x=1 127.0.0.1:${port}`);
    expect(headers.filter((text) => text === "set-cookie")).toHaveLength(2);
    expect(headers.map((text) => text.toLowerCase())).not.toContain("transfer-encoding");
  }
  expect(connections.size).toBe(1);
});

test.each([
  ["with a length", true],
  ["without one", false],
])("a large body %s, both ways", async (_, withLength) => {
  const { open } = await site((request, response) => void request.pipe(response));
  const stream = open();
  const sent = Buffer.alloc(3_000_000, "0123456789");
  await stream.write(requestHead("POST", "/", withLength ? ["content-length", String(sent.length)] : []));
  const sending = (async () => {
    for (let at = 0; at < sent.length; at += 50_000) await stream.write(Buffer.from(sent.subarray(at, at + 50_000)));
    await stream.end();
  })();
  const { status, body } = await answerOf(stream);
  await sending;
  expect(status).toBe(200);
  expect(body.equals(sent)).toBe(true);
});

test("the head may come in pieces; hop-by-hop headers stay on their hop", async () => {
  const { open } = await site((request, response) => void response.end(JSON.stringify(request.rawHeaders)));
  const stream = open();
  const head = requestHead("GET", "/", [
    "connection",
    "close, x-private",
    "x-private",
    "1",
    "te",
    "trailers",
    "x-kept",
    "2",
  ]);
  for (const byte of head) await stream.write(Buffer.from([byte]));
  await stream.end();
  const names = (JSON.parse(String((await answerOf(stream)).body)) as string[]).filter((_, index) => index % 2 === 0);
  expect(names).toContain("x-kept");
  expect(names.map((name) => name.toLowerCase())).not.toContain("x-private");
  expect(names).not.toContain("te");
});

test("an answer may come before the body is over", async () => {
  const { open } = await site((_request, response) => void response.writeHead(413).end("too much"));
  const stream = open();
  await stream.write(requestHead("PUT", "/", ["content-length", "1000"]));
  const answer = answerOf(stream);
  expect(await answer).toMatchObject({ status: 413, body: Buffer.from("too much") });
  await stream.write(Buffer.alloc(1000));
  await stream.end();
  expect(await stream.closed).toEqual({ kind: "finished" });
});

test.each([
  ["no head", Buffer.from([0, 0, 0, 2, 0x7b, 0x7d])],
  ["a head without end", Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ["a target of another kind", requestHead("GET", "http://elsewhere/")],
  ["a method with a line break", requestHead("GET\r\nx: y", "/")],
])("%s is refused", async (_, bytes) => {
  const asked: string[] = [];
  const { open } = await site((request) => asked.push(request.url ?? ""));
  const stream = open();
  await stream.write(bytes);
  const end = await stream.closed;
  expect(end.kind === "reset" ? end.code : end).toBe("protocol-error");
  expect(asked).toEqual([]);
});

test.each([
  ["longer", "3", "abcGET /admin HTTP/1.1\r\nHost: x\r\nX-Swallow: "],
  ["shorter", "30", "abc"],
])("a body that is %s than its head says reaches nobody else's connection", async (_, length, body) => {
  const asked: string[] = [];
  const { open } = await site((request, response) => {
    asked.push(request.url ?? "");
    request.resume();
    // Over before the body is, where that is too long.
    response.end(`answer to ${request.url}`);
  });
  const ask = async (target: string) => {
    const stream = open();
    await stream.write(requestHead("GET", target));
    await stream.end();
    return String((await answerOf(stream)).body);
  };
  expect(await ask("/before")).toBe("answer to /before");
  const lying = open();
  await lying.write(requestHead("POST", "/lying", ["content-length", length]));
  await lying.write(Buffer.from(body));
  void lying.end();
  await readAll(lying).catch(() => null);
  await lying.closed;
  for (const target of ["/after", "/later"]) expect(await ask(target)).toBe(`answer to ${target}`);
  expect(asked.filter((target) => target !== "/lying")).toEqual(["/before", "/after", "/later"]);
});

test.each([
  ["two lengths", ["content-length", "3", "Content-Length", "30"]],
  ["a list of them", ["content-length", "3, 3"]],
  ["a sign", ["content-length", "+3"]],
])("%s are no length", async (_, headers) => {
  const { open } = await site((_request, response) => void response.end());
  const stream = open();
  await stream.write(requestHead("POST", "/", headers));
  expect(await stream.closed).toMatchObject({ kind: "reset", code: "protocol-error" });
});

test("a header that would break out of its line never reaches the device", async () => {
  const asked: string[] = [];
  const { open } = await site((request) => asked.push(request.url ?? ""));
  const stream = open();
  await stream.write(requestHead("GET", "/", ["x", "1\r\ny: 2"]));
  await stream.end();
  expect((await stream.closed).kind).toBe("reset");
  expect(asked).toEqual([]);
});

test("a device that is gone, and one that breaks off", async () => {
  const { open, device, lines } = await site((_request, response) => {
    response.write("half");
    setImmediate(() => response.destroy());
  });
  const broken = open();
  await broken.write(requestHead("GET", "/"));
  await broken.end();
  await expect(readAll(broken)).rejects.toMatchObject({ code: "service-failed" });
  device.closeAllConnections();
  await new Promise((resolve) => device.close(resolve));
  const gone = open();
  await gone.write(requestHead("GET", "/"));
  await gone.end();
  await expect(readAll(gone)).rejects.toMatchObject({ code: "dial-failed" });
  expect((await lines.seen("ECONNREFUSED")).message).toBe("HTTP exchange failed");
});

test("a caller that wants no more than the head is no fault of anybody's", async () => {
  const { open, lines } = await site((_request, response) => void response.end());
  const stream = open();
  await stream.write(requestHead("HEAD", "/"));
  await stream.end();
  await stream.read();
  stream.reset("cancelled");
  const next = open();
  await next.write(requestHead("GET", "/"));
  await next.end();
  expect((await answerOf(next)).status).toBe(200);
  expect(lines.count("HTTP exchange failed")).toBe(0);
});
