import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { accessToken, siteOfAccessToken } from "./access-token.ts";
import { encodeHead, HeadReader } from "./head.ts";
import { endToEnd, NOT_FOR_CLIENTS, NOT_FOR_SERVICES, type RequestHead, RequestHeadSchema } from "./http.ts";
import { mayOpen, serviceOf } from "./services.ts";
import { GATEWAY_HEADER, HTTP_CALL_HEADER } from "./types.ts";

const HEAD: RequestHead = { method: "GET", target: "/a?b", headers: ["x-a", "ü"] };

test("a head is read however it is cut, and what follows is the body's", () => {
  const bytes = new Uint8Array([...(encodeHead(HEAD) ?? []), 1, 2, 3]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 })), (cuts) => {
      const reader = new HeadReader(RequestHeadSchema);
      let at = 0;
      for (const size of [...cuts, bytes.length]) {
        if (reader.head !== null || at >= bytes.length) break;
        expect(reader.push(bytes.slice(at, at + size))).toBe(true);
        at += size;
      }
      expect(reader.head).toEqual(HEAD);
      expect([...reader.rest, ...bytes.slice(at)]).toEqual([1, 2, 3]);
    }),
  );
});

test.each<[string, Uint8Array]>([
  ["longer than may be", Uint8Array.of(0, 1, 0, 1)],
  ["no JSON", Uint8Array.of(0, 0, 0, 1, 0x7b)],
  ["no UTF-8", Uint8Array.of(0, 0, 0, 1, 0xff)],
  ["another object", Uint8Array.of(0, 0, 0, 2, 0x7b, 0x7d)],
])("no head: %s", (_, bytes) => {
  expect(new HeadReader(RequestHeadSchema).push(bytes)).toBe(false);
});

test("a head that is too large is not sent", () => {
  expect(encodeHead({ ...HEAD, headers: ["x", "y".repeat(LIMITS.tunnelHeadBytes)] })).toBeNull();
});

test("headers of one hop, and what proves the caller, stay behind", () => {
  const fields: [string, string][] = [
    ["Authorization", "Bearer x"],
    ["Connection", "close, X-Hop"],
    ["X-Hop", "1"],
    ["Transfer-Encoding", "chunked"],
    ["Cookie", "a=b"],
    ["X-Kept", "2"],
    ["Set-Cookie", "c=d"],
  ];
  expect(endToEnd(fields, NOT_FOR_SERVICES)).toEqual(["x-kept", "2", "set-cookie", "c=d"]);
  expect(endToEnd(fields, NOT_FOR_CLIENTS)).toContain("authorization");
  expect(endToEnd(fields, NOT_FOR_CLIENTS)).not.toContain("set-cookie");
});

test("a device decides nothing for the edge's host, nor passes for the edge's own gateway", () => {
  const ofTheHost = [
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Origin",
    "NEL",
    "Report-To",
    "Service-Worker-Allowed",
    "Strict-Transport-Security",
    "WWW-Authenticate",
  ];
  expect(
    endToEnd(
      [...ofTheHost, "X-Kept"].map((name) => [name, "1"] as const),
      NOT_FOR_CLIENTS,
    ),
  ).toEqual(["x-kept", "1"]);
  const words = [GATEWAY_HEADER, HTTP_CALL_HEADER, "QKD-SAE", "QKD-Node", "Client-Cert"];
  for (const name of words) expect(endToEnd([[name, "1"]], NOT_FOR_SERVICES)).toEqual([]);
});

test("an access token names its site, whatever dots that has", () => {
  const token = accessToken("site.a.b", crypto.getRandomValues(new Uint8Array(32)));
  expect(siteOfAccessToken(token)).toBe("site.a.b");
  for (const other of ["", "qkda.x", `qkda..${"A".repeat(43)}`, `${token}A`, token.slice(0, -1), `x${token}`]) {
    expect(siteOfAccessToken(other)).toBeNull();
  }
});

test("who may open a service", () => {
  const peer = { site: "b", linked: true };
  const edge = { site: null, linked: false };
  expect(mayOpen({ allow: [], tls: false }, peer)).toBe(false);
  expect(mayOpen({ allow: ["@linked"], tls: true }, peer)).toBe(true);
  expect(mayOpen({ allow: ["@linked"], tls: false }, { ...peer, linked: false })).toBe(false);
  expect(mayOpen({ allow: ["b"], tls: false }, { ...peer, linked: false })).toBe(true);
  expect(mayOpen({ allow: ["@edge"], tls: false }, peer)).toBe(false);
  expect(mayOpen({ allow: ["@edge"], tls: false }, edge)).toBe(true);
  expect(mayOpen({ allow: ["@edge"], tls: true }, edge)).toBe(false);
  expect(serviceOf("http/kme")).toBe("kme");
});
