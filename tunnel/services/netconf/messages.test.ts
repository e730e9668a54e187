import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { shownMessage, shownPath, shownTag } from "./hidden.ts";
import { child, readMessage, textOf } from "./messages.ts";

const read = (text: string) => readMessage(Buffer.from(text));

test("whatever a server says is a message or a fault, never an exception", () => {
  const piece = fc.constantFrom(
    ..."<rpc-reply message-id='1'>|</rpc-reply>|<rpc-error>|</rpc-error>|<hello>|<data/>|<!--|-->|<![CDATA[|]]>|&amp;|&x;|<__proto__>|<a:b:c|'|\">|<?x".split(
      "|",
    ),
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(piece, fc.string({ maxLength: 8 }), fc.constant("\u{fffd}\0")), { maxLength: 12 }),
      (pieces) => {
        expect(typeof read(pieces.join("")).ok).toBe("boolean");
      },
    ),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(typeof readMessage(bytes).ok).toBe("boolean");
    }),
  );
});

test.each(["", "text", "<hello/><hello/>", "<other/>", '<!DOCTYPE hello [<!ENTITY a "b">]><hello/>', "<rpc-reply>"])(
  "%j is none",
  (text) => {
    expect(read(text)).toMatchObject({ ok: false });
  },
);

test("nor is one whose elements have no end", () => {
  expect(read(`${"<rpc-reply>".repeat(100)}${"</rpc-reply>".repeat(100)}`)).toMatchObject({ ok: false });
});

test("prefixes do not matter; numbers stay texts; warnings are no faults", () => {
  const reply = read(
    '<n:rpc-reply xmlns:n="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="007"><n:rpc-error><n:error-tag>x</n:error-tag>' +
      "<n:error-severity>warning</n:error-severity></n:rpc-error><n:data><spi>0042</spi></n:data></n:rpc-reply>",
  );
  if (!reply.ok || reply.value.kind !== "reply") throw new Error("no reply");
  expect(reply.value).toMatchObject({ id: "007", faults: [] });
  expect(textOf(child(reply.value.data, "spi"))).toBe("0042");
});

test.each([
  ["elements", "<a/>".repeat(LIMITS.netconfTags)],
  ["attributes", `<a ${Array.from({ length: LIMITS.netconfQuotes }, (_, at) => `b${at}='1'`).join(" ")}/>`],
  ["attributes in the other quotes", '<a b="" c=""/>'.repeat(LIMITS.netconfQuotes / 4 + 1)],
  ["entities", "&amp;".repeat(LIMITS.netconfReferences + 1)],
])("nor is one with more %s than anybody has asked for", (_, much) => {
  const text = `<rpc-reply message-id="1"><data>${much}</data></rpc-reply>`;
  expect(text.length).toBeLessThan(LIMITS.netconfMessageBytes);
  expect(read(text)).toEqual({ ok: false, error: "a message with more elements than anybody has asked for" });
});

test("the largest hello, the most entries read, and an edit that is wrong in each of its entries are within bounds", () => {
  const uri = `http://example.org/yang/${"m".repeat(80)}?module=example&amp;revision=2026-01-01&amp;features=one,two`;
  const hello = `<capability>${uri}</capability>`.repeat(LIMITS.netconfCapabilities);
  const spi = '<ipsec-sa-config x="y"><spi>300</spi></ipsec-sa-config>';
  const sads = `<sad-entry x="y"><name>${"n".repeat(LIMITS.netconfEntryNameChars)}</name><reqid>1</reqid>${spi}</sad-entry>`;
  const wrong = `<rpc-error><error-type>application</error-type><error-tag>bad-element</error-tag>
    <error-severity>error</error-severity><error-path>/a</error-path><error-message xml:lang="en">${"m".repeat(200)}</error-message>
    <error-info><bad-element>spi</bad-element></error-info></rpc-error>`;
  for (const text of [
    `<hello><capabilities>${hello}</capabilities></hello>`,
    `<rpc-reply message-id="1"><data>${sads.repeat(LIMITS.netconfEntriesRead)}</data></rpc-reply>`,
    `<rpc-reply message-id="1">${wrong.repeat(LIMITS.ipsecEditEntries)}</rpc-reply>`,
  ]) {
    expect(text.length).toBeLessThan(LIMITS.netconfMessageBytes);
    expect(read(text).ok).toBe(true);
  }
});

const hex = (octet: number): string => octet.toString(16).padStart(2, "0");
/** How an octet may be written, and what stands between two. */
const OCTETS = [
  hex,
  (octet: number) => `0x${hex(octet)}`,
  (octet: number) => String.raw`\x${hex(octet)}`,
  String,
] as const;
const BETWEEN = ["", ":", " ", "-", ", ", ".", ",", " : ", "; "] as const;

test("no key of eight octets and more is left in a server's words, however it is written", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 64 }),
      fc.constantFrom(...OCTETS),
      fc.constantFrom(...BETWEEN),
      fc.boolean(),
      (key, octet, between, isUpper) => {
        const lower = Array.from(key, octet).join(between);
        const written = isUpper ? lower.toUpperCase() : lower;
        expect(shownMessage(`invalid value "${written}" of leaf key`)).toBe("invalid value [hidden] of leaf key");
        const base64 = Buffer.from(key).toString("base64");
        if (/\d/.test(base64)) expect(shownMessage(`value ${base64} is no key`)).toBe("value [hidden] is no key");
      },
    ),
  );
});

test.each([
  ["leaf is 0xde 0xad now", "leaf is [hidden] now"],
  ["leaf is de, ad now", "leaf is [hidden] now"],
  ["leaf is de.ad now", "leaf is [hidden] now"],
  [String.raw`leaf is \xde\xad now`, "leaf is [hidden] now"],
  ["leaf is DEAD BEEF now", "leaf is [hidden] now"],
  ["leaf is deadbeef now", "leaf is [hidden] now"],
  ["leaf is d e a d now", "leaf is [hidden] now"],
  ["leaf is 222 173 ad now", "leaf is [hidden] now"],
  ["leaf is (222,173) now", "leaf is [hidden] now"],
  ["leaf is be be ad now", "leaf is [hidden] now"],
  ["leaf is %de%ad now", "leaf is [hidden] now"],
  ["leaf is QUJDqUJDZZ== now", "leaf is [hidden] now"],
  [
    'a bad value of "ipsec-sa-config/spi" cannot be added: XML',
    'a bad value of "ipsec-sa-config/spi" cannot be added: XML',
  ],
])("%j is shown as %j", (text, shown) => {
  expect(shownMessage(text)).toBe(shown);
});

test("a path names entries and leaves, and no values; a tag is one, or none", () => {
  const path = "/i:ipsec-ikeless/i:sad/i:sad-entry[i:name='out/10.0.0.11/in/10.0.0.20_300']/i:key";
  expect(shownPath(path)).toBe(path);
  expect(shownPath("/a/b[key='de:ad']/c[.='0xde 0xad']")).toBe("/a/b[hidden]/c[hidden]");
  expect(shownPath("/a/b[name='de:ad:be:ef:00']")).toBe("/a/b[name='[hidden]']");
  expect(["bad-element", "c0:ff:ee", null].map(shownTag)).toEqual([
    "bad-element",
    "operation-failed",
    "operation-failed",
  ]);
});
