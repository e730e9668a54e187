import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { readBounded } from "./read-bounded.ts";

let server: http.Server;

/** The head of what `answer` writes; its body is still to come. */
async function asked(answer: (response: http.ServerResponse) => void): Promise<http.IncomingMessage> {
  server = http.createServer((_, response) => answer(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const request = http.get({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, agent: false });
  const [message] = (await once(request, "response")) as [http.IncomingMessage];
  request.on("error", () => undefined);
  return message;
}

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const BODY = "x".repeat(300_000);

describe("a body", () => {
  it("of as many bytes as allowed comes whole", async () => {
    const message = await asked((response) => response.end(BODY));
    expect((await readBounded(message, BODY.length, "too long")).toString()).toBe(BODY);
  });

  it("of a byte more is refused in the caller's words", async () => {
    const message = await asked((response) => response.end(BODY));
    await expect(readBounded(message, BODY.length - 1, "too long for us")).rejects.toThrow("too long for us");
  });

  it("without an end is refused as soon as it is too long, and its connection closed", async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const message = await asked((response) => {
      closed = once(response, "close");
      const more = (): void => void (response.destroyed || (response.write(BODY), setImmediate(more)));
      more();
    });
    await expect(readBounded(message, 1_000_000, "too long")).rejects.toThrow("too long");
    await closed;
  });

  it("that breaks off is none", async () => {
    const message = await asked((response) => {
      response.writeHead(200, { "content-length": "10" });
      response.write("12345", () => response.destroy());
    });
    await expect(readBounded(message, 10, "too long")).rejects.toThrow("aborted");
  });

  it("leaves nothing in the pieces it came in", async () => {
    const message = await asked((response) => response.end(BODY));
    const pieces: Buffer[] = [];
    const push = message.push.bind(message);
    message.push = (piece: Buffer | null) => {
      if (piece !== null) pieces.push(piece);
      return push(piece);
    };
    await readBounded(message, BODY.length, "too long");
    expect(pieces.length).toBeGreaterThan(0);
    expect(pieces.every((piece) => piece.every((byte) => byte === 0))).toBe(true);
  });
});
