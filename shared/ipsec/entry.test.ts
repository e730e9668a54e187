import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Compat, type Dialect, RFC_9061 } from "./algorithms.ts";
import { canonicalSad, canonicalSpd, checkSadEntry, checkSpdEntry, faultsText } from "./entry.ts";
import { anySad, anySpd, QUBIP_SAD, QUBIP_SPD } from "./test-entries.ts";

const PFKEY = (compat: Compat): Dialect => ({ registry: "pfkey", compat });

/** A copy of it with members set; `undefined` takes one away. */
function changed(entry: object, changes: Readonly<Record<string, unknown>>): unknown {
  const copy = structuredClone(entry) as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split("/");
    const last = names.pop()!;
    const holder = names.reduce((at, name) => (at[name] ??= {}) as Record<string, unknown>, copy);
    if (value === undefined) Reflect.deleteProperty(holder, last);
    else holder[last] = value;
  }
  return copy;
}

const SELECTOR = { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" };
/** As short as an SA may be: AES-CBC and HMAC-SHA2-256-128, by the module's defaults. */
const SAD = { name: "a_300", "ipsec-sa-config": { spi: 300, "traffic-selector": SELECTOR } };
const SPD = {
  name: "a",
  direction: "outbound",
  "ipsec-policy-config": {
    "traffic-selector": SELECTOR,
    "processing-info": {
      action: "protect",
      "ipsec-sa-cfg": { "esp-algorithms": { encryption: [{ id: 1, "algorithm-type": 20, "key-length": 256 }] } },
    },
  },
};
const SA = "ipsec-sa-config";
const CFG = "ipsec-policy-config/processing-info/ipsec-sa-cfg";

const sadFault = (changes: Readonly<Record<string, unknown>>, dialect = RFC_9061): string => {
  const checked = checkSadEntry(changed(SAD, changes), dialect);
  return checked.ok ? `taken, ${checked.value.warnings.join("; ")}` : faultsText(checked.error);
};
const spdFault = (changes: Readonly<Record<string, unknown>>, dialect = RFC_9061): string => {
  const checked = checkSpdEntry(changed(SPD, changes), dialect);
  return checked.ok ? `taken, ${checked.value.warnings.join("; ")}` : faultsText(checked.error);
};

describe("an SAD entry", () => {
  test("as QUBIP's controller posts it: numbers as texts, keys dropped, their lengths kept", () => {
    const checked = checkSadEntry(QUBIP_SAD, PFKEY("ccips-agent"));
    if (!checked.ok) throw new Error(faultsText(checked.error));
    const { entry, warnings, dropped, hadKeys } = checked.value;
    expect(entry[SA]).toMatchObject({ spi: 2, "esp-sa": { encryption: { "encryption-algorithm": 12 } } });
    expect(entry).toMatchObject({ reqid: "8603" });
    expect(JSON.stringify(checked.value)).not.toContain("5a");
    expect([dropped, hadKeys]).toEqual([{ encryptionBytes: 32, integrityBytes: 32 }, true]);
    expect(warnings).toEqual([expect.stringMatching(/_2\]\/ipsec-sa-config\/spi: 2 is reserved by IANA/)]);
  });

  test.each([
    [{ [`${SA}/spi`]: undefined }, "sad-entry[a_300]/ipsec-sa-config/spi: is missing"],
    [{ [`${SA}/spi`]: 0 }, "ipsec-sa-config/spi: 0 is for a host's own use"],
    [{ [`${SA}/spi`]: "255" }, "ipsec-sa-config/spi: 255 is reserved: shall be 256 or more"],
    [{ [`${SA}/spi`]: 2 ** 32 }, "spi: shall be a whole number from 0 to 4294967295"],
    [{ [`${SA}/spi`]: [300, 301] }, "spi: is there more than once"],
    [{ [`${SA}/spi`]: 300.5 }, "spi: shall be a whole number"],
    [{ [`${SA}/spi`]: "0x12c" }, "spi: shall be a whole number"],
    [{ name: undefined }, "sad-entry/name: is missing"],
    [{ name: "" }, "sad-entry[]/name: shall be a text of 1 to 255 characters"],
    [{ name: "a\u0000" }, "/name: shall be a text"],
    [{ name: "\ud800" }, "/name: shall be a text"],
    [{ [`${SA}/colour`]: 1 }, "sad-entry[a_300]/ipsec-sa-config/colour: RFC 9061 has no such leaf here"],
    [{ ["__proto__x"]: 1 }, "__proto__x: RFC 9061 has no such leaf"],
    [{ [SA]: "x" }, "sad-entry[a_300]/ipsec-sa-config: shall be an object"],
    [{ [`${SA}/traffic-selector`]: undefined }, "ipsec-sa-config/traffic-selector: is missing"],
    [{ [`${SA}/traffic-selector/local-prefix`]: "192.168.123.300" }, "local-prefix: shall be an IP prefix"],
    [{ [`${SA}/traffic-selector/local-prefix`]: "::1/128" }, "are of different IP versions"],
    [
      { [`${SA}/traffic-selector/local-ports`]: [{ start: 9, end: 8 }] },
      "local-ports: end 8 shall not be below start 9",
    ],
    [{ [`${SA}/traffic-selector/local-ports`]: [{ start: 9 }] }, "local-ports/end: is missing"],
    [{ [`${SA}/traffic-selector/inner-protocol`]: 256 }, "inner-protocol: shall be any, or a whole number"],
    [{ [`${SA}/mode`]: "tunnel" }, "ipsec-sa-config/tunnel: is missing: mode is tunnel"],
    [
      { [`${SA}/tunnel`]: { local: "10.0.0.1", remote: "10.0.0.2" } },
      "tunnel: only with mode tunnel, and this is transport",
    ],
    [{ [`${SA}/mode`]: "tunnel", [`${SA}/tunnel`]: { local: "10.0.0.1" } }, "tunnel/remote: is missing"],
    [
      { [`${SA}/mode`]: "tunnel", [`${SA}/tunnel`]: { local: "10.0.0.1", remote: "::1" } },
      "tunnel: local and remote are of different IP versions",
    ],
    [
      { [`${SA}/mode`]: "tunnel", [`${SA}/tunnel`]: { local: "::1", remote: "::2", "dscp-mapping": [{ id: 1 }] } },
      "dscp-mapping: only with bypass-dscp false",
    ],
    [{ [`${SA}/protocol-parameters`]: "ah" }, "protocol-parameters: shall be one of esp"],
    [
      { [`${SA}/esp-sa/encryption/encryption-algorithm`]: 17 },
      "encryption-algorithm: 17 is no algorithm of iana: 2 des-cbc",
    ],
    [{ [`${SA}/esp-sa/integrity/integrity-algorithm`]: 0 }, "is missing: aes-cbc does not authenticate"],
    [{ [`${SA}/esp-sa/integrity/integrity-algorithm`]: 4 }, "integrity-algorithm: 4 is no algorithm of iana"],
    [
      { [`${SA}/esp-sa/encryption/encryption-algorithm`]: 20, [`${SA}/seq-overflow`]: "true" },
      "ipsec-sa-config/seq-overflow: shall be false with aes-gcm-16",
    ],
    [
      { [`${SA}/esp-sa/encryption/key`]: { a: 1 } },
      "taken, sad-entry[a_300]/ipsec-sa-config/esp-sa/encryption/key: shall be octets in hex",
    ],
    [
      { [`${SA}/sa-lifetime-hard`]: { time: 10 }, [`${SA}/sa-lifetime-soft`]: { time: 11 } },
      "soft/time: 11 is beyond the hard one, 10",
    ],
    [
      { [`${SA}/sa-lifetime-soft`]: { action: "explode" } },
      "action: shall be one of terminate-clear, terminate-hold, replace",
    ],
    [{ [`${SA}/encapsulation-type`]: { espencap: "espinudp", dport: 0 } }, "encapsulation-type/dport: 0 is no port"],
    [{ [`${SA}/encapsulation-type`]: { oaddr: ["10.0.0.1", "10.0.0.1"] } }, "oaddr: names a value twice"],
    [{ ["ipsec-sa-state"]: {} }, "ipsec-sa-state: is state of the host"],
    [{ [`${SA}/ext-seq-num`]: "yes" }, "ext-seq-num: shall be true or false"],
    [{ reqid: String(2n ** 64n) }, "reqid: shall be a whole number from 0 to 18446744073709551615"],
  ])("%j: %s", (changes, fault) => expect(sadFault(changes)).toContain(fault));

  test("none at all, or something else", () => {
    for (const raw of [null, 5, "x", [], [SAD], undefined]) expect(checkSadEntry(raw, RFC_9061).ok).toBe(false);
    expect(checkSadEntry("", RFC_9061)).toMatchObject({
      error: [{ path: "sad-entry/name" }, { path: "sad-entry/ipsec-sa-config" }],
    });
  });

  test.each([
    [
      { [`${SA}/anti-replay-window`]: "32" },
      "anti-replay-window: RFC 9061 calls it anti-replay-window-size: taken as that",
    ],
    [
      { [`${SA}/traffic-selector/local-prefix`]: "10.0.0.11" },
      "local-prefix: has no prefix length: taken as this one address",
    ],
    [{ [`${SA}/esp-sa/encryption/encryption-algorithm`]: 3 }, "3des-cbc shall not be used any more"],
    [
      { [`${SA}/esp-sa/encryption/encryption-algorithm`]: 20, [`${SA}/esp-sa/integrity/integrity-algorithm`]: 12 },
      "integrity-algorithm: is not used with an AEAD algorithm: left out",
    ],
    [
      { [`${SA}/sa-lifetime-hard`]: { time: 10 }, [`${SA}/sa-lifetime-soft`]: { time: 10 } },
      "is as long as the hard one",
    ],
  ])("%j is taken, with the warning %s", (changes, warning) =>
    expect(sadFault(changes)).toMatch(new RegExp(`^taken, .*${warning}`)),
  );

  test("whose integrity algorithm is not said has the module's, which PF_KEY does not know", () => {
    expect(sadFault({})).toBe("taken, ");
    expect(sadFault({}, PFKEY("none"))).toContain(
      "integrity-algorithm: is missing: its default, 12, is no number of pfkey",
    );
  });

  test("tells at most so many faults", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`leaf-${at}`, at]));
    expect(checkSadEntry({ ...SAD, ...many }, RFC_9061)).toMatchObject({ ok: false, error: { length: 20 } });
  });
});

describe("an SPD entry", () => {
  test.each([
    [{ direction: "fwd" }, "spd-entry[a]/direction: shall be one of inbound, outbound"],
    [{ direction: undefined }, "spd-entry[a]/direction: is missing"],
    [
      { "ipsec-policy-config/processing-info/action": "bypass" },
      "ipsec-sa-cfg: only with action protect, and this is bypass",
    ],
    [{ "ipsec-policy-config/processing-info/action": undefined }, "only with action protect, and this is discard"],
    [
      { [`${CFG}/esp-algorithms`]: undefined },
      "esp-algorithms/integrity: is missing: no encryption does not authenticate",
    ],
    [
      { [`${CFG}/esp-algorithms/encryption`]: [{ id: 1, "algorithm-type": 12 }] },
      "aes-cbc does not authenticate (RFC 8221 clause 5)",
    ],
    [{ [`${CFG}/esp-algorithms/encryption`]: [{ id: 1 }, { id: 1 }] }, "encryption: has two entries of the same id"],
    [
      { [`${CFG}/esp-algorithms/encryption`]: { id: 1, "key-length": 129 } },
      "key-length: aes-gcm-16 has keys of 128, 192, 256 bits",
    ],
    [{ [`${CFG}/esp-algorithms/encryption`]: { "algorithm-type": 20 } }, "encryption/id: is missing"],
    [{ [`${CFG}/seq-overflow`]: true }, "seq-overflow: shall be false with aes-gcm-16"],
    [{ [`${CFG}/mode`]: "tunnel" }, "ipsec-sa-cfg/tunnel: is missing: mode is tunnel"],
    [
      { [`${CFG}/esp-algorithms/encryption`]: Array.from({ length: 65 }, (_, id) => ({ id })) },
      "65 of them, at most 64",
    ],
  ])("%j: %s", (changes, fault) => expect(spdFault(changes)).toContain(fault));

  test.each([
    [20, 36, 256],
    [20, 20, 128],
    [20, 128, 128],
    [12, 32, 256],
    [12, 16, 128],
    [2, 64, 64],
    [2, 8, 64],
  ])("algorithm %d, key length %d: %d bits", (algorithm, length, bits) => {
    const encryption = [{ id: 1, "algorithm-type": algorithm, "key-length": length }];
    const changes = { [`${CFG}/esp-algorithms`]: { encryption, integrity: [12] } };
    const checked = checkSpdEntry(changed(SPD, changes), RFC_9061);
    expect(checked).toMatchObject({ ok: true });
    expect(JSON.stringify(checked)).toContain(`"key-length":${bits}`);
    expect(JSON.stringify(checked).includes("is taken as bytes")).toBe(length !== bits);
  });

  test("as QUBIP's controller posts it keeps its own measures where the host has them too", () => {
    const checked = checkSpdEntry(QUBIP_SPD, PFKEY("ccips-agent"));
    expect(JSON.stringify(checked)).toContain('"key-length":32');
  });
});

test("any entry that is allowed is taken, and what was made of it is taken as it is", () => {
  for (const [arbitrary, check, canonical] of [
    [anySad, checkSadEntry, canonicalSad],
    [anySpd, checkSpdEntry, canonicalSpd],
  ] as const) {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<unknown>, (raw) => {
        const once = check(raw, RFC_9061);
        if (!once.ok) throw new Error(faultsText(once.error));
        const twice = check(once.value.entry, RFC_9061);
        expect(twice).toMatchObject({ ok: true, value: { entry: once.value.entry } });
        expect(canonical(once.value.entry as never)).toBe(canonical(JSON.parse(JSON.stringify(once.value.entry))));
      }),
    );
  }
});

test("any JSON is an entry or has faults: nothing throws", () => {
  const names = [
    "name",
    "reqid",
    SA,
    "spi",
    "esp-sa",
    "encryption",
    "key",
    "traffic-selector",
    "tunnel",
    "local-ports",
  ];
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie("value"), { maxLength: 3 }),
      tie("object"),
    ),
    object: fc.dictionary(fc.constantFrom(...names, "__proto__", "constructor"), tie("value"), { maxKeys: 5 }),
  })).value;
  fc.assert(
    fc.property(json, (raw) => {
      for (const checked of [checkSadEntry(raw, RFC_9061), checkSpdEntry(raw, RFC_9061)]) {
        if (!checked.ok) expect(checked.error.length).toBeGreaterThan(0);
      }
    }),
  );
});

const canonical = (changes: Readonly<Record<string, unknown>>) => {
  const checked = checkSadEntry(changed(SAD, changes), RFC_9061);
  return checked.ok ? canonicalSad(checked.value.entry) : "";
};

test("entries are the same where they say the same, in whatever order and with defaults or without", () => {
  const same = {
    [`${SA}/mode`]: "transport",
    reqid: 0,
    [`${SA}/esp-sa`]: { encryption: { "encryption-algorithm": "12" } },
  };
  expect(canonical(same)).toBe(canonical({}));
  expect(canonical({ [`${SA}/ext-seq-num`]: false })).not.toBe(canonical({}));
});
