import { expect, test } from "vitest";
import { type ListedSite, serviceOfPort, sitesOfPorts } from "./service-of-port.ts";

const site = (name: string, ...services: Partial<ListedSite["services"][number]>[]): ListedSite => ({
  site: name,
  services: services.map((service) => ({ service: "9000", allow: ["@gateway"], tls: false, port: 9000, ...service })),
});

const NOBODY = { ok: false, error: "no site exposes a service for port 9000 to @gateway" };

test("a port is the service's that wants it and names the gateway", () => {
  const sites = [site("site-a", { service: "kme" }), site("site-b", { port: 9001 }, { port: null })];
  expect(serviceOfPort(sites, 9000)).toEqual({ ok: true, value: { site: "site-a", service: "kme" } });
  expect(serviceOfPort(sites, 9001)).toEqual({ ok: true, value: { site: "site-b", service: "9000" } });
  expect([...sitesOfPorts(sites, [9000, 9002])]).toEqual(["site-a"]);
});

test.each([
  ["nobody exposes it", []],
  ["others may open it", [site("site-a", { allow: ["@linked", "@edge", "site-b"] })]],
  ["it is under TLS between agents", [site("site-a", { tls: true })]],
])("nobody's: %s", (_why, sites) => {
  expect(serviceOfPort(sites, 9000)).toEqual(NOBODY);
});

const wantedBy = (...names: string[]) => ({ ok: false, error: `more than one wants port 9000: ${names.join(", ")}` });

test("wanted by two it is nobody's, of two sites or of one", () => {
  expect(serviceOfPort([site("site-a", {}), site("site-b", {})], 9000)).toEqual(wantedBy("site-a/9000", "site-b/9000"));
  const one = site("site-a", { service: "x" }, { service: "y" });
  expect(serviceOfPort([one], 9000)).toEqual(wantedBy("site-a/x", "site-a/y"));
  expect(sitesOfPorts([one], [9000]).size).toBe(0);
});
