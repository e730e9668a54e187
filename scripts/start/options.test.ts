import { describe, expect, it } from "vitest";
import { parseDevOptions } from "./dev-options.ts";
import { StartFailure } from "./failure.ts";
import { parseOptions } from "./options.ts";

const MIB = 1024 * 1024;

describe("npm start's options", () => {
  it("has the documented defaults", () => {
    expect(parseOptions([], {})).toEqual({
      state: ".qkd",
      randomPorts: false,
      demo: true,
      agents: true,
      config: null,
      tokenFile: null,
      prefill: { bytes: MIB, explicit: false },
      publicHosts: [],
      edgeBind: "127.0.0.1",
      kmeBind: "127.0.0.1",
      gateway: null,
      ipsecHosts: null,
      restored: false,
      help: false,
    });
  });

  it("lets the KMEs listen anywhere, and the edge on loopback or in a container", () => {
    const args = ["--edge-bind", "0.0.0.0", "--kme-bind", "192.0.2.1"];
    expect(parseOptions(args, {})).toMatchObject({ edgeBind: "0.0.0.0", kmeBind: "192.0.2.1" });
    expect(parseOptions(["--edge-bind", "::1"], {})).toMatchObject({ edgeBind: "::1" });
    for (const bind of ["192.0.2.1", "*", "edge.example"])
      expect(() => parseOptions(["--edge-bind", bind], {})).toThrow(/^--edge-bind takes .*plain HTTP/);
    expect(() => parseOptions(["--kme-bind", "kme.example"], {})).toThrow(/^--kme-bind takes an address/);
  });

  it.each([
    ["0", 0],
    ["1", MIB],
    ["0.5", MIB / 2],
    ["0.0000001", 1],
    ["4096", 4096 * MIB],
  ])("reads --prefill %s", (text, bytes) => {
    expect(parseOptions(["--prefill", text], {}).prefill).toEqual({ bytes, explicit: true });
  });

  it.each([["-1"], ["1e3"], ["4097"], ["x"], ["Infinity"], [""]])("refuses --prefill %s", (text) => {
    expect(() => parseOptions([`--prefill=${text}`], {})).toThrow(StartFailure);
  });

  it.each([
    [parseOptions, ["--prefill", "-1"], "--prefill"],
    [parseDevOptions, ["--port", "-1"], "--port"],
  ] as const)("says what is wrong with %s %j in one line", (parse, args, name) => {
    expect(() => parse([...args], {})).toThrow(
      new RegExp(`^${name} takes no value that begins with "-" \\(npm .*\\)$`),
    );
  });

  it.each([
    [["--gateway-ports", "9000"], { bind: "127.0.0.1", ports: [9000] }],
    [["--gateway-ports", "9000,9001,9000", "--gateway-bind", "0.0.0.0"], { bind: "0.0.0.0", ports: [9000, 9001] }],
    [["--gateway-ports", "1", "--gateway-bind", "*"], { bind: "*", ports: [1] }],
  ])("reads %j", (args, gateway) => {
    expect(parseOptions(args, {}).gateway).toEqual(gateway);
  });

  it.each([
    [["--gateway-ports", ""]],
    [["--gateway-ports", "0"]],
    [["--gateway-ports", "65536"]],
    [["--gateway-ports", "1,"]],
    [["--gateway-ports", Array.from({ length: 65 }, (_, index) => index + 1).join(",")]],
    [["--gateway-ports", "1", "--gateway-bind", "edge.example"]],
    [["--gateway-bind", "::"]],
  ])("refuses %j", (args) => {
    expect(() => parseOptions(args, {})).toThrow(/^--gateway-[^\n]+$/);
  });

  it("reads each --public-host", () => {
    const args = ["--public-host", "Edge.example:443", "--public-host", "[::1]:8443"];
    expect(parseOptions(args, {}).publicHosts).toEqual(["edge.example", "[::1]:8443"]);
  });

  it.each(["", "https://edge.example", "edge.example/", "a,b"])("refuses --public-host %j", (host) => {
    expect(() => parseOptions(["--public-host", host], {})).toThrow(/^--public-host takes a host[^\n]+$/);
  });

  it("takes the token file from the option before the environment", () => {
    expect(parseOptions([], { QKD_TOKEN_FILE: "a" }).tokenFile).toBe("a");
    expect(parseOptions(["--token-file", "b"], { QKD_TOKEN_FILE: "a" }).tokenFile).toBe("b");
  });

  it.each([[["--nope"]], [["surplus"]], [["--state"]], [["--state="]], [["--random-ports=1"]]])(
    "refuses %j in one line",
    (args) => {
      expect(() => parseOptions(args, {})).toThrow(/^[^\n]+$/);
    },
  );
});

describe("npm run dev's options", () => {
  it("passes on what comes after --", () => {
    expect(parseDevOptions(["--port", "1234", "--", "--log-level", "debug"])).toEqual({
      port: 1234,
      state: ".qkd",
      help: false,
      args: ["--log-level", "debug"],
    });
  });

  it.each([["0"], ["65536"], ["x"], ["-1"]])("refuses --port %s", (port) => {
    expect(() => parseDevOptions([`--port=${port}`])).toThrow(/--port takes a port/);
  });
});
