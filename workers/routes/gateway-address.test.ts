import { expect, it } from "vitest";
import { service } from "../../test/support/in-workerd-tunnel.ts";
import { gatewayAddresses } from "./gateway-address.ts";

const URL_OF_EDGE = "https://edge.example:8443/api/v1/sites";
const at = (bind: string) => gatewayAddresses({ QKD_GATEWAY: JSON.stringify({ bind, ports: [9000] }) }, URL_OF_EDGE);

it.each([
  ["127.0.0.1", "127.0.0.1:9000"],
  ["::1", "[::1]:9000"],
  ["0.0.0.0", "edge.example:9000"],
  ["*", "edge.example:9000"],
])("of a gateway on %s: %s", (bind, address) => {
  expect(at(bind)(service("kme", ["@gateway"], { port: 9000 }))).toBe(address);
});

it("there is none for other ports, for who does not name it, under TLS, or without a gateway", () => {
  const tcp = { port: 9000 };
  const others = [
    service("kme", ["@gateway"], { port: 9001 }),
    service("kme", ["@gateway"]),
    service("kme", ["@linked", "@edge"], tcp),
    service("kme", ["@gateway"], { ...tcp, tls: true }),
  ];
  expect(others.map(at("127.0.0.1"))).toEqual([null, null, null, null]);
  expect(gatewayAddresses({}, URL_OF_EDGE)(service("kme", ["@gateway"], tcp))).toBeNull();
});
