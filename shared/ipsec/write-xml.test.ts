import { describe, expect, test } from "vitest";
import { type Dialect, RFC_9061 } from "./algorithms.ts";
import { checkSadEntry, checkSpdEntry, NO_KEYS } from "./entry.ts";
import { keyLayoutOf } from "./key-layout.ts";
import { layKeys } from "./lay-keys.ts";
import { QUBIP_SAD, QUBIP_SPD } from "./test-entries.ts";
import { type Change, writeConfig } from "./write-xml.ts";

const QUBIP: Dialect = { registry: "pfkey", compat: "qubip" };
const text = (changes: readonly Change[], dialect: Dialect) => new TextDecoder().decode(writeConfig(changes, dialect));

function sad(dialect: Dialect) {
  const checked = checkSadEntry(QUBIP_SAD, dialect);
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  return checked.value.entry;
}
function spd(dialect: Dialect) {
  const checked = checkSpdEntry(QUBIP_SPD, dialect);
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  return checked.value.entry;
}
function keyed(dialect: Dialect, key: Uint8Array) {
  const entry = sad(dialect);
  const laidOut = keyLayoutOf(entry, dialect, { dropped: NO_KEYS, policies: [] });
  const keys = laidOut.ok ? layKeys(laidOut.value.layout, key) : laidOut;
  if (!keys.ok) throw new Error(JSON.stringify(keys.error));
  return { entry, keys: keys.value };
}

const NS = "urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless";
const lifetime = (time: number) => `<bytes>0</bytes><packets>0</packets><time>${time}</time><idle>0</idle>`;
/** What QUBIP's proxy agent sends for its own examples, character by character, around which it has `<nc:config>`. */
const golden = (key: string) =>
  `<ipsec-ikeless xmlns="${NS}"><sad><sad-entry>` +
  "<name>out/10.0.0.11/in/10.0.0.20_2</name><reqid>8603</reqid>" +
  "<ipsec-sa-config><spi>2</spi><ext-seq-num>true</ext-seq-num><seq-overflow>false</seq-overflow>" +
  "<traffic-selector><local-prefix>10.0.0.11/32</local-prefix><remote-prefix>10.0.0.20/32</remote-prefix><inner-protocol>any</inner-protocol></traffic-selector>" +
  "<protocol-parameters>esp</protocol-parameters><mode>transport</mode>" +
  `<esp-sa><encryption><encryption-algorithm>12</encryption-algorithm><key>${key}</key><iv>${key}</iv></encryption>` +
  `<integrity><integrity-algorithm>5</integrity-algorithm><key>${key}</key></integrity></esp-sa>` +
  `<sa-lifetime-hard>${lifetime(50)}</sa-lifetime-hard><sa-lifetime-soft>${lifetime(25)}</sa-lifetime-soft>` +
  "</ipsec-sa-config></sad-entry></sad></ipsec-ikeless>";
const GOLDEN_SPD =
  `<ipsec-ikeless xmlns="${NS}"><spd><spd-entry>` +
  "<name>out/10.0.0.11/in/10.0.0.20</name><direction>inbound</direction><reqid>8603</reqid><ipsec-policy-config>" +
  "<anti-replay-window-size>32</anti-replay-window-size>" +
  "<traffic-selector><local-prefix>10.0.0.11/32</local-prefix><remote-prefix>10.0.0.20/32</remote-prefix><inner-protocol>any</inner-protocol></traffic-selector>" +
  "<processing-info><action>protect</action><ipsec-sa-cfg><ext-seq-num>true</ext-seq-num><seq-overflow>false</seq-overflow>" +
  "<mode>transport</mode><protocol-parameters>esp</protocol-parameters><esp-algorithms><integrity>5</integrity>" +
  "<encryption><id>1</id><algorithm-type>12</algorithm-type><key-length>32</key-length></encryption></esp-algorithms>" +
  "</ipsec-sa-cfg></processing-info></ipsec-policy-config></spd-entry></spd></ipsec-ikeless>";
const GOLDEN_DELETE =
  `<ipsec-ikeless xmlns="${NS}"><sad><sad-entry nc:operation="delete">` +
  "<name>out/10.0.0.11/in/10.0.0.20_2</name><reqid>8603</reqid></sad-entry></sad></ipsec-ikeless>";

describe("QUBIP's own wire form, by compat qubip", () => {
  test("an SA, with its key of 20 bytes three times", () => {
    const key = Uint8Array.from({ length: 20 }, (_, at) => 0xf0 - 9 * at);
    const hex = [...key].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
    expect(text([{ operation: "merge", kind: "sad", ...keyed(QUBIP, key) }], QUBIP)).toBe(golden(hex));
  });

  test("a policy, and a deletion", () => {
    expect(text([{ operation: "merge", kind: "spd", entry: spd(QUBIP) }], QUBIP)).toBe(GOLDEN_SPD);
    const deletion = { operation: "delete", kind: "sad", name: QUBIP_SAD.name, reqid: "8603" } as const;
    expect(text([deletion], QUBIP)).toBe(GOLDEN_DELETE);
  });
});

/** Of octets that count up. */
const hexOf = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => (from + at).toString(16).padStart(2, "0")).join(":");

describe("RFC 9061's", () => {
  const AGENT: Dialect = { registry: "pfkey", compat: "ccips-agent" };

  test("leaves are in the module's order; each key is where it belongs; there is no iv", () => {
    const key = Uint8Array.from({ length: 64 }, (_, at) => at);
    const document = text([{ operation: "create", kind: "sad", ...keyed(AGENT, key) }], AGENT);
    expect(document).toContain(
      `<encryption-algorithm>12</encryption-algorithm><key>${hexOf(0, 32)}</key></encryption>`,
    );
    expect(document).toContain(`<integrity-algorithm>5</integrity-algorithm><key>${hexOf(32, 64)}</key></integrity>`);
    expect(document).toContain("<sa-lifetime-hard><time>50</time><bytes>0</bytes><packets>0</packets><idle>0</idle>");
    expect(document).toContain(
      'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><sad><sad-entry nc:operation="create"><name>',
    );
    expect(document).not.toContain("<iv>");
  });

  test("policies come before SAs, and what XML has signs for is escaped", () => {
    const entry = { ...sad(AGENT), name: "a<b>&\"'" };
    const document = text(
      [
        { operation: "merge", kind: "sad", entry, keys: null },
        { operation: "merge", kind: "spd", entry: spd(AGENT) },
        { operation: "remove", kind: "sad", name: "x&y", reqid: "1" },
      ],
      AGENT,
    );
    expect(document).toMatch(
      /^<ipsec-ikeless [^>]*><spd><spd-entry>.*<\/spd><sad><sad-entry><name>a&lt;b&gt;&amp;"'<\/name>/,
    );
    expect(document).toMatch(
      /<sad-entry nc:operation="remove"><name>x&amp;y<\/name><\/sad-entry><\/sad><\/ipsec-ikeless>$/,
    );
    expect(document).not.toContain("<key>");
  });

  test("the keys of an SA that says no algorithm are written all the same", () => {
    const raw = {
      name: "a",
      "ipsec-sa-config": { spi: 300, "traffic-selector": QUBIP_SAD["ipsec-sa-config"]["traffic-selector"] },
    };
    const checked = checkSadEntry(raw, RFC_9061);
    if (!checked.ok) throw new Error(JSON.stringify(checked.error));
    const keys = layKeys(
      { encryptionBytes: 16, saltBytes: 0, integrityBytes: 32, thrice: false },
      new Uint8Array(48).fill(1),
    );
    if (!keys.ok) throw new Error(keys.error);
    const document = text(
      [{ operation: "merge", kind: "sad", entry: checked.value.entry, keys: keys.value }],
      RFC_9061,
    );
    expect(document).toMatch(
      /<esp-sa><encryption><key>(?:01:){15}01<\/key><\/encryption><integrity><key>(?:01:){31}01<\/key>/,
    );
  });
});
