import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressText, canonicalPrefix, octetsOfAddress, parsePrefix, prefixContains } from "./addresses.ts";

describe("addresses", () => {
  test.each([
    ["10.0.0.11", "10.0.0.11"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ])("%s is %s (RFC 5952)", (text, canonical) => {
    const octets = octetsOfAddress(text);
    expect(octets === null ? null : addressText(octets)).toBe(canonical);
  });

  test.each([
    "192.168.123.300",
    "1.2.3",
    "1.2.3.4.5",
    "010.0.0.1",
    "",
    "1.2.3.4 ",
    ":",
    ":::",
    "1::2::3",
    "1:2",
    "12345::",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "::1.2.3",
    "1.2.3.4::",
    "g::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "a".repeat(100),
  ])("%j is none", (text) => expect(octetsOfAddress(text)).toBeNull());

  test("any text is an address here where it is one to Node, and its canonical form is the same octets", () => {
    const part = fc.constantFrom("0", "1", "ffff", "a", "::", ":", ".", "10", "255", "256", "01");
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 12 }).map((parts) => parts.join("")),
        (text) => {
          const octets = octetsOfAddress(text);
          expect(octets !== null).toBe(isIP(text) !== 0);
          if (octets !== null) expect(octetsOfAddress(addressText(octets))).toEqual(octets);
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
        expect(octetsOfAddress(addressText(octets))).toEqual(octets);
      }),
    );
  });
});

const holds = (outer: string, inner: string) => prefixContains(parsePrefix(outer)!, parsePrefix(inner)!);

describe("prefixes", () => {
  test.each([
    ["10.0.0.11", "10.0.0.11/32"],
    ["10.0.0.11/24", "10.0.0.0/24"],
    ["10.0.0.11/0", "0.0.0.0/0"],
    ["2001:db8::1", "2001:db8::1/128"],
    ["2001:db8:ffff::/33", "2001:db8:8000::/33"],
    ["10.0.0.1/33", null],
    ["10.0.0.1/", null],
    ["10.0.0.1/8/8", null],
    ["10.0.0.1/-1", null],
    ["192.168.123.300", null],
  ])("%s is %s", (text, canonical) => expect(canonicalPrefix(text)).toBe(canonical));

  test("hold narrower ones of the same family", () => {
    expect(holds("10.0.0.0/8", "10.1.2.3/32")).toBe(true);
    expect(holds("10.1.2.3/32", "10.1.2.3/32")).toBe(true);
    expect(holds("10.1.2.3/32", "10.0.0.0/8")).toBe(false);
    expect(holds("10.0.0.0/9", "10.128.0.0/16")).toBe(false);
    expect(holds("0.0.0.0/0", "::/0")).toBe(false);
    expect(holds("::/0", "2001:db8::/32")).toBe(true);
  });
});
