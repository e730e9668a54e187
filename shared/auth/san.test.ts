import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalSan, parseSubjectAltName } from "./san.ts";

/** One URI as Node writes it. */
const written = (value: string) => `URI:${/[",\\]/u.test(value) ? JSON.stringify(value) : value}`;

describe("subject alternative names", () => {
  it.each([
    [undefined, []],
    ["", []],
    ["DNS:SAE-A, URI:sae://A", ["DNS:sae-a", "URI:sae://A"]],
    ["IP Address:10.0.0.1, email:a@b, DNS:x", ["DNS:x"]],
    ["othername:<unsupported>, DNS:x", ["DNS:x"]],
    ['DNS:"a, URI:sae://b", DNS:c', ["DNS:a, uri:sae://b", "DNS:c"]],
    ['URI:"q\\"x"', ['URI:q"x']],
  ])("reads %j", (text, expected) => {
    expect(parseSubjectAltName(text)).toEqual({ ok: true, value: expected });
  });

  it.each(["DNS:a,DNS:b", 'DNS:"a', "nonsense", 'DNS:"\\x"', 'DNS:a"b'])("refuses %j", (text) => {
    expect(parseSubjectAltName(text).ok).toBe(false);
  });

  it("gives back any name, written as Node does", () => {
    const odd = fc.string({
      unit: fc.constantFrom("a", "b", ":", ",", ", ", '"', "\\", "DNS", "URI"),
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(fc.array(odd, { maxLength: 4 }), (values) => {
        const text = values.map((value) => written(value)).join(", ");
        expect(parseSubjectAltName(text)).toEqual({ ok: true, value: values.map((value) => `URI:${value}`) });
      }),
    );
  });

  it("tells case apart in URIs, not in DNS names", () => {
    expect(canonicalSan("DNS:Sae-A")).toBe("DNS:sae-a");
    expect(canonicalSan("URI:sae://A")).toBe("URI:sae://A");
  });
});
