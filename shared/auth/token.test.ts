import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { certificateTimeMs, inDate, validityOf } from "./certificate-time.ts";
import { bearerToken, constantTimeEqual, isTokenText, tokenSha256 } from "./token.ts";

describe("bearer tokens", () => {
  it.each([
    ["Bearer abc", "abc"],
    ["bearer   a-._~+/b==", "a-._~+/b=="],
    ["Bearer ", null],
    ["Bearer a b", null],
    ["Bearer a,b", null],
    ["Basic abc", null],
    [`Bearer ${"a".repeat(2000)}`, null],
  ])("of %j is %j", (header, token) => {
    expect(bearerToken(header)).toBe(token);
  });

  it("are visible ASCII", () => {
    for (const text of ["abc", "a-._~+/b==", "{}"]) expect([text, isTokenText(text)]).toEqual([text, true]);
    for (const text of ["", "a b", "zwölf", "a\n", "\u007f"]) expect([text, isTokenText(text)]).toEqual([text, false]);
  });

  it("hashes as everybody does", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (token) => {
        expect(tokenSha256(token)).toBe(createHash("sha256").update(token).digest("hex"));
      }),
    );
  });

  it("compares wholly", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => constantTimeEqual(a, b) === (a === b) && constantTimeEqual(a, a)),
    );
  });
});

describe("certificate dates", () => {
  it.each([
    ["Dec 22 19:39:00 2018 GMT", "2018-12-22T19:39:00Z"],
    ["Feb  1 00:00:00 2026 GMT", "2026-02-01T00:00:00Z"],
    ["Feb 29 23:59:59 2028 GMT", "2028-02-29T23:59:59Z"],
    ["Dec 31 23:59:59 9999 GMT", "9999-12-31T23:59:59Z"],
  ])("reads %s", (text, iso) => {
    expect(certificateTimeMs(text)).toBe(Date.parse(iso));
  });

  it.each([
    "",
    "2018-12-22T19:39:00Z",
    "Dez 22 19:39:00 2018 GMT",
    "Dec 22 24:00:00 2018 GMT",
    "Dec 22 19:39:00 2018",
    "Dec 0 19:39:00 2018 GMT",
  ])("refuses %j", (text) => {
    expect(certificateTimeMs(text)).toBeNull();
  });

  it("agrees with Date on every day", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date("1950-01-01"), max: new Date("2200-01-01"), noInvalidDate: true }),
        (date) => {
          const [, day, month, year, time] = date.toUTCString().split(" ");
          const text = `${month} ${day?.replace(/^0/u, " ")} ${time} ${year} GMT`;
          expect(certificateTimeMs(text)).toBe(Math.floor(date.getTime() / 1000) * 1000);
        },
      ),
    );
  });

  it("bounds both ends", () => {
    const [from, to] = ["Jan  1 00:00:00 2026 GMT", "Jan  2 00:00:00 2026 GMT"];
    const at = (iso: string) => inDate(validityOf(from, to), Date.parse(iso));
    expect([
      at("2025-12-31T23:59:59Z"),
      at("2026-01-01T00:00:00Z"),
      at("2026-01-02T00:00:00Z"),
      at("2026-01-02T00:00:01Z"),
    ]).toEqual([false, true, true, false]);
    expect(inDate(validityOf("", to), 0)).toBe(false);
  });
});
