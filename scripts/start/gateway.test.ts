import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { checkGateway, gatewayNotes, gatewayPorts } from "./gateway.ts";
import { freePort } from "./ports.ts";

test("a gateway that other machines reach is pointed out, at every start", () => {
  expect(gatewayNotes({ bind: "127.0.0.1", ports: [9000] })).toEqual([]);
  expect(gatewayNotes({ bind: "0.0.0.0", ports: [9000, 9001] })).toEqual([
    expect.stringMatching(/^note: whoever reaches 0\.0\.0\.0:9000, 0\.0\.0\.0:9001 reaches /),
  ]);
});

test("its addresses are in ports.json, by port", () => {
  expect(gatewayPorts({ bind: "::1", ports: [9000] })).toEqual({ gateway: { 9000: "[::1]:9000" } });
  expect(gatewayPorts(null)).toEqual({});
});

test("a port of a KME's, or of somebody else's, is none for it", async () => {
  const port = await freePort();
  await checkGateway({ bind: "127.0.0.1", ports: [port] }, { "tn-1": 9000, "tn-2": 0 });
  await expect(checkGateway({ bind: "0.0.0.0", ports: [port] }, { "tn-1": port })).rejects.toThrow(
    `port ${port}, for the gateway, is that of the KME of tn-1`,
  );
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port: taken } = other.address() as AddressInfo;
  await expect(checkGateway({ bind: "127.0.0.1", ports: [taken] }, {})).rejects.toThrow(
    `port ${taken} on 127.0.0.1, for the gateway, is in use`,
  );
  other.close();
});
