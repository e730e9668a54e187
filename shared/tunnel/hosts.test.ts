import { expect, it } from "vitest";
import { isOwnHost, parseHost } from "./hosts.ts";

it.each([
  ["edge.example", "edge.example"],
  ["Edge.Example:8443", "edge.example:8443"],
  ["edge.example:443", "edge.example"],
  ["127.0.0.1:8787", "127.0.0.1:8787"],
  ["[::1]:8787", "[::1]:8787"],
])("reads %s", (text, host) => {
  expect(parseHost(text)).toBe(host);
});

it.each(["", "https://edge.example", "edge.example/x", "a@edge.example", "::1", "edge.example:99999", "a b", "a,b"])(
  "does not read %j",
  (text) => {
    expect(parseHost(text)).toBeNull();
  },
);

it("knows its own names, with their ports, and no others", () => {
  const hosts = "127.0.0.1:8787,edge.example:443";
  for (const own of ["http://127.0.0.1:8787/x", "http://edge.example/x", "https://EDGE.example/x"]) {
    expect(isOwnHost(hosts, own)).toBe(true);
  }
  for (const other of ["http://127.0.0.1:8788/x", "http://evil.example/x", "http://edge.example.evil/x"]) {
    expect(isOwnHost(hosts, other)).toBe(false);
  }
  expect(isOwnHost("", "http://edge.example/")).toBe(false);
  expect(isOwnHost(undefined, "http://anybody.example/")).toBe(true);
});
