import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commonName, parseDn } from "./dn.ts";

const attributes = (text: string) => {
  const result = parseDn(text);
  return result.ok ? result.value.map(({ type, value }) => [type, value]) : result.error;
};

/** RFC 4514 section 2.4, in its plainest form. */
const escaped = (value: string) =>
  Array.from(value)
    .map((char, i, { length }) => {
      if (char === "\n" || char === "\0") return char === "\n" ? String.raw`\0A` : String.raw`\00`;
      const outer = char === " " ? i === 0 || i === length - 1 : char === "#" && i === 0;
      return outer || '"+,;<>\\'.includes(char) ? `\\${char}` : char;
    })
    .join("");

describe("distinguished names", () => {
  it.each([
    ["", []],
    ["CN=sae-a", [["CN", "sae-a"]]],
    [
      "UID=jsmith,DC=example,DC=net",
      [
        ["UID", "jsmith"],
        ["DC", "example"],
        ["DC", "net"],
      ],
    ],
    [
      "OU=Sales+CN=J.  Smith,DC=example",
      [
        ["OU", "Sales"],
        ["CN", "J.  Smith"],
        ["DC", "example"],
      ],
    ],
    [
      String.raw`CN=James \"Jim\" Smith\, III,DC=x`,
      [
        ["CN", 'James "Jim" Smith, III'],
        ["DC", "x"],
      ],
    ],
    [String.raw`CN=Before\0dAfter`, [["CN", "Before\rAfter"]]],
    [String.raw`CN=Lu\C4\8Di\C4\87`, [["CN", "Lučić"]]],
    ["1.3.6.1.4.1.1466.0=#04024869", [["1.3.6.1.4.1.1466.0", null]]],
    ["CN=", [["CN", ""]]],
    // RFC 2253 section 4
    [
      'O="Sue, Grabbit and Runn" ; C = GB',
      [
        ["O", "Sue, Grabbit and Runn"],
        ["C", "GB"],
      ],
    ],
    [String.raw`CN=\ a\ `, [["CN", " a "]]],
    [String.raw`CN=\#1`, [["CN", "#1"]]],
    ["CN=Ñandú", [["CN", "Ñandú"]]],
  ])("reads %j", (text, expected) => {
    expect(attributes(text)).toEqual(expected);
  });

  it.each([
    ["CN", "no attribute type"],
    ["CN=a,", "no attribute type"],
    [",CN=a", "no attribute type"],
    ['CN="a', "does not end"],
    ['CN="a"b', "unexpected text"],
    ["CN=a<b", "needs an escape"],
    ["CN=#zz", "needs an escape"],
    [String.raw`CN=a\zz`, "bad escape"],
    ["CN=a\\", "bad escape"],
    [String.raw`CN=\FF`, "not UTF-8"],
    [`CN=${"a".repeat(5000)}`, "longer than"],
  ])("refuses %j", (text, reason) => {
    expect(attributes(text)).toContain(reason);
  });

  it("gives back any escaped value", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 50 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (values) => {
        const name = values.map((value) => `OU=${escaped(value)}`).join(",");
        expect(attributes(name)).toEqual(values.map((value) => ["OU", value]));
      }),
    );
  });

  it("never throws, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof parseDn(text).ok === "boolean"));
  });
});

describe("the common name", () => {
  it.each([
    ["CN=sae-a,O=x", "sae-a"],
    ["O=x,cn=sae-a", "sae-a"],
    ["2.5.4.3=sae-a", "sae-a"],
    ["O=x", null],
    // What would be a second CN is text inside the first value.
    [String.raw`CN=a\,CN=b`, "a,CN=b"],
  ])("of %j is %j", (text, expected) => {
    expect(commonName(text)).toEqual({ ok: true, value: expected });
  });

  it.each(["CN=a,CN=b", "CN=a+CN=b", "CN=a,2.5.4.3=b", "CN=a,OID.2.5.4.3=a", "CN=#0c0161", "CN=", "CN=a,,"])(
    "of %j is refused",
    (text) => {
      expect(commonName(text).ok).toBe(false);
    },
  );
});
