import { hkdfSync, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Dialect, ENCRYPTIONS, encryptionOf, INTEGRITIES, integrityOf, RFC_9061 } from "./algorithms.ts";
import { checkSadEntry, checkSpdEntry, NO_KEYS } from "./entry.ts";
import { keyBytesOf, type KeyHints, type KeyLayout, keyLayoutOf } from "./key-layout.ts";
import { layKeys } from "./lay-keys.ts";

const SELECTOR = { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" };
const NO_HINTS: KeyHints = { dropped: NO_KEYS, policies: [] };

function sa(encryption: number, integrity: number | null, dialect: Dialect, reqid = 7) {
  const esp = {
    encryption: { "encryption-algorithm": encryption },
    ...(integrity === null ? {} : { integrity: { "integrity-algorithm": integrity } }),
  };
  const raw = { name: "a", reqid, "ipsec-sa-config": { spi: 300, "traffic-selector": SELECTOR, "esp-sa": esp } };
  const checked = checkSadEntry(raw, dialect);
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  return checked.value.entry;
}

function laidOut(encryption: number, integrity: number | null, dialect: Dialect = RFC_9061, hints = NO_HINTS) {
  const result = keyLayoutOf(sa(encryption, integrity, dialect), dialect, hints);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
const lengths = ({ layout }: { readonly layout: KeyLayout }) => [
  layout.encryptionBytes,
  layout.saltBytes,
  layout.integrityBytes,
];

function policy(reqid: number, encryption: object, dialect = RFC_9061) {
  const config = { "esp-algorithms": { encryption, integrity: [12] } };
  const raw = {
    name: "p",
    direction: "outbound",
    reqid,
    "ipsec-policy-config": {
      "traffic-selector": SELECTOR,
      "processing-info": { action: "protect", "ipsec-sa-cfg": config },
    },
  };
  const checked = checkSpdEntry(raw, dialect);
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  return checked.value.entry;
}

describe("the tables", () => {
  test.each([
    ["iana", 5, "aes-xcbc-96"],
    ["pfkey", 5, "hmac-sha2-256-128"],
    ["iana", 12, "hmac-sha2-256-128"],
    ["pfkey", 12, undefined],
    ["pfkey", 9, "aes-xcbc-96"],
    ["iana", 2, "hmac-sha1-96"],
    ["pfkey", 2, "hmac-md5-96"],
  ] as const)("integrity by %s: %d is %s", (registry, number, name) =>
    expect(integrityOf(number, registry)?.name).toBe(name),
  );

  test.each([
    ["iana", 23, "camellia-cbc"],
    ["pfkey", 23, "null-aes-gmac"],
    ["iana", 20, "aes-gcm-16"],
    ["pfkey", 20, "aes-gcm-16"],
    ["pfkey", 28, undefined],
  ] as const)("encryption by %s: %d is %s", (registry, number, name) =>
    expect(encryptionOf(number, registry)?.name).toBe(name),
  );

  test("have no number and no name twice", () => {
    for (const rows of [ENCRYPTIONS, INTEGRITIES] as const) {
      expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
      for (const registry of ["iana", "pfkey"] as const) {
        const numbers = rows.flatMap((row) => row.numbers[registry] ?? []);
        expect(new Set(numbers).size).toBe(numbers.length);
      }
    }
  });
});

const hints = (...policies: KeyHints["policies"]) => ({ dropped: NO_KEYS, policies });

describe("how much key an SA needs", () => {
  test.each([
    [12, 12, [32, 0, 32]],
    [12, 14, [32, 0, 64]],
    [12, 2, [32, 0, 20]],
    [13, 12, [32, 4, 32]],
    [3, 12, [24, 0, 32]],
    [11, 12, [0, 0, 32]],
    [16, null, [32, 3, 0]],
    [20, null, [32, 4, 0]],
    [21, null, [32, 4, 0]],
    [28, null, [32, 4, 0]],
  ])("encryption %d, integrity %s: %j", (encryption, integrity, bytes) => {
    expect(lengths(laidOut(encryption, integrity))).toEqual(bytes);
  });

  test.each([
    [20, 36, 32],
    [20, 28, 24],
    [20, 20, 16],
    [20, 16, 16],
    [20, 17, 32],
    [12, 16, 16],
    [12, 0, 32],
  ])("encryption %d with a key of %d that came along: %d", (encryption, encryptionBytes, bytes) => {
    const posted = { dropped: { encryptionBytes, integrityBytes: null }, policies: [] };
    expect(laidOut(encryption, encryption === 20 ? null : 12, RFC_9061, posted).layout.encryptionBytes).toBe(bytes);
  });

  test("the policy of the same reqid says how long, where no key came along; its default is 128 bits", () => {
    const of192 = policy(7, { id: 1, "algorithm-type": 20, "key-length": 192 });
    expect(laidOut(20, null, RFC_9061, hints(of192))).toMatchObject({ layout: { encryptionBytes: 24 }, notes: [] });
    expect(laidOut(20, null, RFC_9061, hints(policy(7, { id: 1 }))).layout.encryptionBytes).toBe(16);
    expect(laidOut(20, null, RFC_9061, hints(policy(8, { id: 1 }), of192)).layout.encryptionBytes).toBe(24);
    const unlinked = keyLayoutOf(sa(20, null, RFC_9061, 0), RFC_9061, hints(policy(0, { id: 1 })));
    expect(unlinked).toMatchObject({ ok: true, value: { layout: { encryptionBytes: 32 } } });
    expect(laidOut(12, 12, RFC_9061, hints(of192))).toMatchObject({
      layout: { encryptionBytes: 32 },
      notes: ["nothing says how long the key of aes-cbc is to be: 256 bits"],
    });
  });

  test("under a CCIPS agent it is what that takes", () => {
    const ccips = { registry: "pfkey", compat: "ccips-agent" } as const;
    const posted = { dropped: { encryptionBytes: 36, integrityBytes: null }, policies: [] };
    const gcm = laidOut(20, null, ccips, posted);
    expect(keyBytesOf(gcm.layout)).toBe(20);
    expect(gcm.notes).toEqual(["compat ccips-agent: aes-gcm-16 with 128 bits, as that agent takes no other"]);
    expect(lengths(laidOut(12, 5, ccips))).toEqual([32, 0, 32]);
  });

  test("a controller that means PF_KEY's numbers is found out", () => {
    const posted = { dropped: { encryptionBytes: 32, integrityBytes: 32 }, policies: [] };
    expect(laidOut(12, 5, RFC_9061, posted).notes).toEqual([
      expect.stringMatching(/^5 is aes-xcbc-96, .*hmac-sha2-256-128: .*registry pfkey\?$/),
    ]);
    expect(laidOut(12, 12, RFC_9061, posted).notes).toEqual([]);
  });
});

const layouts = fc
  .record({ encryptionBytes: fc.nat(40), saltBytes: fc.nat(4), integrityBytes: fc.nat(64), thrice: fc.constant(false) })
  .filter((layout) => keyBytesOf(layout) >= 1);

describe("laying a key", () => {
  test("each octet goes to one place, in order, whatever the layout", () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const key = Uint8Array.from({ length: keyBytesOf(layout) }, (_, at) => at + 1);
        const keys = layKeys(layout, key);
        if (!keys.ok) throw new Error(keys.error);
        const { encryption, integrity, iv, expanded } = keys.value;
        expect([...encryption, ...integrity]).toEqual([...key]);
        expect([encryption.length, integrity.length]).toEqual([
          layout.encryptionBytes + layout.saltBytes,
          layout.integrityBytes,
        ]);
        expect([iv, expanded]).toEqual([null, false]);
        key.fill(0);
        expect([...encryption, ...integrity].every((octet) => octet !== 0)).toBe(true);
        keys.value.wipe();
        expect([...encryption, ...integrity].every((octet) => octet === 0)).toBe(true);
      }),
    );
  });

  test("a shorter one is expanded by HKDF-SHA-256, each part under its label", () => {
    const layout = { encryptionBytes: 32, saltBytes: 4, integrityBytes: 64, thrice: false };
    const key = randomBytes(32);
    const keys = layKeys(layout, key);
    if (!keys.ok) throw new Error(keys.error);
    const part = (label: string, bytes: number) => {
      const info = Buffer.concat([Buffer.from(label), Buffer.from([bytes >> 8, bytes & 0xff])]);
      return Buffer.from(hkdfSync("sha256", key, "qkdedge-ipsec-v1", info, bytes));
    };
    expect(Buffer.from(keys.value.encryption)).toEqual(Buffer.concat([part("enc", 32), part("salt", 4)]));
    expect(Buffer.from(keys.value.integrity)).toEqual(part("int", 64));
    expect(keys.value.expanded).toBe(true);
  });

  test("of no part is another the beginning, and nothing is padded with zeros", () => {
    fc.assert(
      fc.property(layouts, fc.uint8Array({ minLength: 16, maxLength: 32 }), (layout, key) => {
        fc.pre(key.length < keyBytesOf(layout) && layout.integrityBytes >= 16 && layout.encryptionBytes >= 16);
        const keys = layKeys(layout, key);
        if (!keys.ok) throw new Error(keys.error);
        const { encryption, integrity } = keys.value;
        expect(encryption.subarray(0, 16)).not.toEqual(integrity.subarray(0, 16));
        expect(encryption.subarray(-16).some((octet) => octet !== 0)).toBe(true);
      }),
    );
  });

  test.each([
    [101, "the key has 101 octets, and the SA takes 100"],
    [15, "the key has 15 octets: too few to make 100 of them"],
    [0, "the key has 0 octets: too few to make 100 of them"],
  ])("%d octets for 100 are refused", (bytes, error) => {
    const layout = { encryptionBytes: 32, saltBytes: 4, integrityBytes: 64, thrice: false };
    expect(layKeys(layout, new Uint8Array(bytes))).toEqual({ ok: false, error });
  });

  test("three times the same only as QUBIP's agent does it, and of its length", () => {
    const { layout, notes } = laidOut(12, 5, { registry: "pfkey", compat: "qubip" });
    expect(notes).toEqual([expect.stringContaining("not for traffic")]);
    const keys = layKeys(layout, new Uint8Array(20).fill(7));
    expect(keys).toMatchObject({
      ok: true,
      value: { encryption: { length: 20 }, integrity: { length: 20 }, iv: { length: 20 } },
    });
    expect(layKeys(layout, new Uint8Array(19))).toMatchObject({ ok: false });
  });
});
