import { describe, expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { isMeant, isOwnOrigin } from "./browsers.ts";
import { bearerOf, offeredProtocols } from "./subprotocols.ts";

const HOSTS = ["edge.test", "127.0.0.1:8787", "[::1]:8787"];

describe("an edge's own pages", () => {
  it.each([
    "https://edge.test",
    "http://edge.test",
    "https://127.0.0.1:8787",
    "http://127.0.0.1:8787",
    "http://[::1]:8787",
  ])("are those of its hosts: %s", (origin) => {
    expect(isOwnOrigin(origin, { hosts: HOSTS, isSecure: false })).toBe(true);
  });

  it.each([
    "null",
    "",
    "https://edge.test/",
    "https://edge.test:443",
    "https://edge.test:8787",
    "https://127.0.0.1",
    "https://edge.test.evil.example",
    "https://evil.example",
    "https://user@edge.test",
    "HTTPS://EDGE.TEST",
    "ws://edge.test",
    "file://edge.test",
    "https://edge.test, https://evil.example",
  ])("are not those of %s", (origin) => {
    expect(isOwnOrigin(origin, { hosts: HOSTS, isSecure: false })).toBe(false);
  });

  it("come by TLS where it speaks TLS: anybody on the way can make up others", () => {
    expect(isOwnOrigin("http://edge.test", { hosts: HOSTS, isSecure: true })).toBe(false);
    expect(isOwnOrigin("https://edge.test", { hosts: HOSTS, isSecure: true })).toBe(true);
  });
});

describe("a certificate", () => {
  const reached = { hosts: ["kme.test:9000"], isSecure: true };
  const own = "https://kme.test:9000";

  it.each<[string | null, string | null]>([
    [null, null],
    [null, "none"],
    [null, "same-origin"],
    [own, "same-origin"],
    [own, null],
  ])("is meant: Origin %s, Sec-Fetch-Site %s", (origin, fetchSite) => {
    expect(isMeant({ origin, fetchSite }, reached)).toBe(true);
  });

  it.each<[string | null, string | null]>([
    [null, "cross-site"],
    [null, "same-site"],
    [own, "cross-site"],
    [own, "same-site"],
    [null, "Same-Origin"],
    [null, ""],
    ["https://evil.example", null],
    ["https://evil.example", "same-origin"],
    ["http://kme.test:9000", null],
    ["null", null],
  ])("is not: Origin %s, Sec-Fetch-Site %s", (origin, fetchSite) => {
    expect(isMeant({ origin, fetchSite }, reached)).toBe(false);
  });
});

describe("a token among subprotocols", () => {
  it("is read, wherever it stands", () => {
    expect(bearerOf(null)).toBeNull();
    expect(bearerOf("qkdedge.room.v1")).toBeNull();
    expect(bearerOf("bearer.a-b_c.d~e")).toBe("a-b_c.d~e");
    expect(bearerOf("qkdedge.room.v1,  bearer.abc")).toBe("abc");
    expect(offeredProtocols("a, b ,c")).toEqual(["a", "b", "c"]);
  });

  it.each([
    "bearer.",
    "bearer.a b",
    "bearer.a, bearer.b",
    "bearer.a/b",
    "bearer.é",
    `bearer.${"a".repeat(LIMITS.authorizationChars)}`,
  ])("is not guessed: %s", (header) => {
    expect(bearerOf(header)).toBeUndefined();
  });
});
