import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { RFC_9061 } from "./algorithms.ts";
import { readDeletions, readEntries } from "./read-entries.ts";
import { anySad, anySpd, QUBIP_SPD } from "./test-entries.ts";
import { writeConfig } from "./write-xml.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const PFKEY = { registry: "pfkey", compat: "ccips-agent" } as const;

const sad = (name: string) => ({
  "sad-entry": {
    name,
    "ipsec-sa-config": { spi: 300, "traffic-selector": { "local-prefix": "10.0.0.1", "remote-prefix": "10.0.0.2/32" } },
  },
});
const SPD = { "spd-entry": QUBIP_SPD };

/** `sad:name`, `spd:name`; `!` before what has a problem. */
function told(body: string | Uint8Array, dialect: Parameters<typeof readEntries>[1] = PFKEY) {
  const read = readEntries(typeof body === "string" ? utf8(body) : body, dialect);
  if (!read.ok) return `${read.error.code}: ${read.error.message}`;
  return read.value.entries.map((entry) =>
    "problem" in entry ? `!${entry.kind ?? ""}:${entry.name ?? ""}` : `${entry.kind}:${entry.entry.name}`,
  );
}
const json = (value: unknown) => JSON.stringify(value);
const iana = (body: string) => told(body, RFC_9061);

describe("JSON", () => {
  test.each([
    [json(sad("a")) + json(sad("b")), ["sad:a", "sad:b"]],
    [`${json(sad("a"))}\n\n${json(sad("b"))}`, ["sad:a", "sad:b"]],
    [`${json(sad("a"))},${json(sad("b"))}`, ["sad:a", "sad:b"]],
    [json([sad("a"), sad("b")]), ["sad:a", "sad:b"]],
    [json([[sad("a")], [sad("b")]]), ["sad:a", "sad:b"]],
    [json({ "sad-entry": [sad("a")["sad-entry"], sad("b")["sad-entry"]] }), ["sad:a", "sad:b"]],
    [json({ "ietf-i2nsf-ikeless:ipsec-ikeless": { sad: sad("a") } }), ["sad:a"]],
    [json(sad("a}b{")), ["sad:a}b{"]],
    [json(sad('a"}\\')), ['sad:a"}\\']],
    [`\ufeff${json(sad("a"))}`, ["sad:a"]],
    [`${json(sad("a"))} some words ${json(sad("b"))}`, ["sad:a", "sad:b"]],
    [`${json(sad("a"))}}}${json(sad("b"))}`, ["sad:a", "sad:b"]],
    [`{"sad-entry": nothing}${json(sad("b"))}`, ["!:", "sad:b"]],
    [`${json(sad("a"))}{"sad-entry": {"name"`, ["sad:a", "!:"]],
    [`{"other":1}${json(sad("a"))}`, ["!:", "sad:a"]],
    [json({ "sad-entry": { name: "a" } }) + json(sad("b")), ["!sad:a", "sad:b"]],
    [json({ "sad-entry": 5 }), ["!sad:"]],
    ["{".repeat(100_000), ["!:"]],
    [`{"sad-entry":${"[".repeat(50)}${"]".repeat(50)}}`, ["!:"]],
    ["", "bad-request: the body holds neither sad-entry nor spd-entry"],
    ["[]", "bad-request: the body holds neither sad-entry nor spd-entry"],
    ["hello", "bad-request: the body holds neither sad-entry nor spd-entry"],
    [
      "{}".repeat(LIMITS.ipsecBodyEntries + 1),
      `bad-request: the body has more than ${LIMITS.ipsecBodyEntries} entries`,
    ],
    // More than a function can have arguments.
    [
      `{"sad-entry":[${"0,".repeat(200_000)}0]}`,
      `bad-request: the body has more than ${LIMITS.ipsecBodyEntries} entries`,
    ],
  ])("%#: %.40s", (body, entries) => expect(iana(body)).toEqual(entries));

  test("as QUBIP's controller posts it", () =>
    expect(told(json(SPD) + json(SPD))).toEqual(Array(2).fill(`spd:${QUBIP_SPD.name}`)));

  test("what is passed over is told, but not repeated", () => {
    const read = readEntries(utf8(`x ${json(sad("a"))} secret secret`), RFC_9061);
    expect(read).toMatchObject({ ok: true, value: { warnings: { length: 3 } } });
    expect(json(read)).not.toContain("secret");
  });

  test("a problem names the leaf", () => {
    expect(readEntries(utf8(json({ "sad-entry": { name: "a" } })), RFC_9061)).toMatchObject({
      value: { entries: [{ kind: "sad", name: "a", problem: "sad-entry[a]/ipsec-sa-config: is missing" }] },
    });
  });

  test("too large, and not UTF-8", () => {
    expect(told(new Uint8Array(LIMITS.ipsecBodyBytes + 1))).toMatch(/^body-too-large/);
    expect(told(Uint8Array.of(0xff))).toBe("bad-request: the body is not valid UTF-8");
  });
});

const XML = `<sad-entry><name>a</name><ipsec-sa-config><spi>300</spi><traffic-selector><local-prefix>10.0.0.1/32</local-prefix>
  <remote-prefix>10.0.0.2/32</remote-prefix></traffic-selector></ipsec-sa-config></sad-entry>`;

describe("XML", () => {
  test.each([
    [XML, ["sad:a"]],
    [XML + XML, ["sad:a", "sad:a"]],
    [`<?xml version="1.0" encoding="UTF-8"?>\n<!-- one -->${XML}`, ["sad:a"]],
    [
      `<ipsec-ikeless xmlns="urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless"><sad>${XML}${XML}</sad></ipsec-ikeless>`,
      ["sad:a", "sad:a"],
    ],
    [`<config><ipsec-ikeless><sad>${XML}</sad></ipsec-ikeless></config>`, ["sad:a"]],
    [XML.replaceAll(/<(\/?)/g, "<$1x:"), ["sad:a"]],
    [XML.replace("<name>", '<name a="1" b=">">'), ["sad:a"]],
    [XML.replace(">a<", ">a&lt;&#38;&#x41;&quot;<"), ['sad:a<&A"']],
    [XML.replace(">a<", ">a&amp;lt;<"), ["sad:a&lt;"]],
    [XML.replace("300", "0"), ["!sad:a"]],
    [XML.replace("<spi>300</spi>", "<spi>300</spi><spi>301</spi>"), ["!sad:a"]],
    [`${XML}<other/>`, ["sad:a"]],
    [`<other>${XML}</other>`, "bad-request: the body holds neither sad-entry nor spd-entry"],
    [
      `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${XML}`,
      "bad-request: the XML shall have no DTD, no declarations and no CDATA",
    ],
    [XML.replace(">a<", ">&e;<"), "bad-request: the XML shall have no entities but those of XML itself"],
    [XML.replace(">a<", ">a & b<"), "bad-request: the XML shall have no entities but those of XML itself"],
    [XML.replace(">a<", ">&#0;<"), "bad-request: the XML names a character by a number that is none"],
    [XML.replace(">a<", "><![CDATA[a]]><"), "bad-request: the XML shall have no DTD, no declarations and no CDATA"],
    [`<?php x ?>${XML}`, "bad-request: the XML shall have no processing instructions"],
    [XML.replace("</name>", ""), "bad-request: the body is not XML: line 2"],
    [`<a>${"<b>".repeat(50)}${"</b>".repeat(50)}</a>`, /^bad-request: the body is not XML, or nested more than 16/],
    [XML.replace("<name>", "<__proto__>x</__proto__><name>"), /^bad-request/],
    [XML.replace("<name>", "words<name>"), "bad-request: the XML has text between elements"],
    [XML.replace(">a<", `>${"a".repeat(LIMITS.ipsecTextChars + 1)}<`), /^bad-request: the XML has a text of more/],
    ["<a/>".repeat(1 + LIMITS.ipsecXmlElements), /^bad-request: the XML has more than/],
    ["<sad-entry/>".repeat(LIMITS.ipsecBodyEntries + 1), /^bad-request: the body has more than/],
    ["<", /^bad-request/],
  ])("%#: %.40s", (body, entries) => {
    if (entries instanceof RegExp) expect(iana(body)).toMatch(entries);
    else expect(iana(body)).toEqual(entries);
  });

  test("any entry that is allowed is read as it was written", () => {
    for (const [kind, arbitrary] of [
      ["sad", anySad],
      ["spd", anySpd],
    ] as const) {
      fc.assert(
        fc.property(fc.array(arbitrary as fc.Arbitrary<object>, { minLength: 1, maxLength: 2 }), (raws) => {
          const posted = readEntries(utf8(raws.map((raw) => json({ [`${kind}-entry`]: raw })).join("")), RFC_9061);
          if (!posted.ok) throw new Error(posted.error.message);
          const entries = posted.value.entries.map((one) => ("entry" in one ? one.entry : expect.fail(one.problem)));
          const changes = entries.map((entry) => ({ operation: "merge" as const, kind, entry, keys: null }) as never);
          const again = readEntries(writeConfig(changes, RFC_9061), RFC_9061);
          expect(again).toMatchObject({
            ok: true,
            value: { warnings: [], entries: entries.map((entry) => ({ kind, entry })) },
          });
        }),
        { numRuns: 50 },
      );
    }
  });
});

test("no body makes it throw", () => {
  const parts = fc.constantFrom(
    "<",
    ">",
    "/",
    "sad-entry",
    "spd-entry",
    "name",
    '"',
    "'",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "&",
    ";",
    "#",
    "x",
    "!",
    "?",
    "--",
    "CDATA",
    "\\",
    "1",
    " ",
    json(sad("a")),
    XML,
    "<sad-entry>",
    "</sad-entry>",
    "__proto__",
    "=",
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 20 }), (body) => void readEntries(utf8(body.join("")), RFC_9061)),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (body) => void readDeletions(body)));
});

const deleted = (body: string) => {
  const read = readDeletions(utf8(body));
  return read.ok ? read.value.entries : read.error.message;
};

describe("deletions", () => {
  test("by name; reqid and the rest of the entry may be there", () => {
    const body = json({ "sad-entry": { name: "a", reqid: "7" } }) + json({ "spd-entry": { name: "b", direction: 5 } });
    expect(deleted(body)).toEqual([
      { kind: "sad", name: "a", reqid: "7" },
      { kind: "spd", name: "b", reqid: "0" },
    ]);
    expect(deleted("<sad-entry><name>a</name></sad-entry>")).toEqual([{ kind: "sad", name: "a", reqid: "0" }]);
  });

  test("without a name is a problem, and stops no other", () => {
    expect(deleted(json({ "sad-entry": {} }) + json({ "sad-entry": { name: "b" } }))).toEqual([
      { kind: "sad", name: null, problem: "sad-entry/name: is missing" },
      { kind: "sad", name: "b", reqid: "0" },
    ]);
    expect(deleted("{}")).toEqual([
      { kind: null, name: null, problem: expect.stringContaining("holds neither") as string },
    ]);
  });
});
