import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { certificatesFor } from "./certificates.ts";
import { FakeKme } from "./fake-kme.ts";

const HOST = "127.0.0.1";

test("a connection without a handshake lasts no longer than the call, and holds up no end", async () => {
  const kme = await FakeKme.start({ certificates: await certificatesFor(HOST, "sae"), host: HOST, port: 0 });
  const socket = connect(Number(new URL(kme.url).port), HOST);
  await once(socket, "connect");
  // The server may have it a moment later.
  const isHungUp = (): boolean => {
    kme.end();
    return socket.destroyed;
  };
  await expect.poll(isHungUp).toBe(true);
  await kme.stop();
});
