/** For tests: the entries of QUBIP's example, and arbitrary ones that RFC 9061 allows. */
import fc from "fast-check";
import { ENCRYPTIONS, INTEGRITIES } from "./algorithms.ts";
import { addressText } from "./addresses.ts";

const hexText = (octets: number): string => Array.from({ length: octets }, () => "5a").join(":");

/** As a CCIPS controller posts them: numbers as texts, PF_KEY's algorithms, lengths in bytes, keys to be thrown away. */
export const QUBIP_SPD = {
  name: "out/10.0.0.11/in/10.0.0.20",
  direction: "inbound",
  reqid: "8603",
  "ipsec-policy-config": {
    "anti-replay-window-size": 32,
    "traffic-selector": { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32", "inner-protocol": "any" },
    "processing-info": {
      action: "protect",
      "ipsec-sa-cfg": {
        "ext-seq-num": true,
        "seq-overflow": false,
        mode: "transport",
        "protocol-parameters": "esp",
        "esp-algorithms": { integrity: "5", encryption: { id: 1, "algorithm-type": "12", "key-length": "32" } },
      },
    },
  },
};
const lifetime = (time: string) => ({ bytes: "0", packets: "0", time, idle: "0" });
export const QUBIP_SAD = {
  name: "out/10.0.0.11/in/10.0.0.20_2",
  reqid: "8603",
  "ipsec-sa-config": {
    spi: "2",
    "ext-seq-num": true,
    "seq-overflow": false,
    "traffic-selector": { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32", "inner-protocol": "any" },
    "protocol-parameters": "esp",
    mode: "transport",
    "esp-sa": {
      encryption: { "encryption-algorithm": "12", key: hexText(32), iv: hexText(32) },
      integrity: { "integrity-algorithm": "5", key: hexText(32) },
    },
    "sa-lifetime-hard": lifetime("50"),
    "sa-lifetime-soft": lifetime("25"),
  },
};

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const v4 = octets(4).map(addressText);
const v6 = octets(16).map(addressText);
const prefixOf = (address: fc.Arbitrary<string>, most: number) =>
  fc.tuple(address, fc.nat(most)).map(([text, bits]) => `${text}/${bits}`);

const uint = (most: number) => fc.oneof(fc.nat(most), fc.nat(most).map(String));
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const flag = fc.oneof(fc.boolean(), fc.boolean().map(String));
/** What XML has to escape, what JSON has to, and others. */
const SIGNS = "&<>\"'{}/_ é]\\abcXYZ019".split("");
const name = fc
  .string({
    unit: fc.constantFrom(...SIGNS),
    minLength: 1,
    maxLength: 40,
  })
  .filter((text) => text.trim() === text);

const optional = <T extends Record<string, fc.Arbitrary<unknown>>>(
  members: T,
  requiredKeys: (keyof T & string)[] = [],
) => fc.record(members, { requiredKeys }) as fc.Arbitrary<Record<string, unknown>>;

const ports = fc.uniqueArray(
  fc.tuple(fc.nat(65_535), fc.nat(65_535)).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) })),
  { maxLength: 3, selector: (range) => JSON.stringify(range) },
);
const selector = fc.boolean().chain((isV6) => {
  const prefix = isV6 ? prefixOf(v6, 128) : prefixOf(v4, 32);
  return optional(
    {
      "local-prefix": prefix,
      "remote-prefix": prefix,
      "inner-protocol": fc.oneof(fc.constant("any"), uint(255)),
      "local-ports": ports.filter((list) => list.length > 0),
      "remote-ports": ports.filter((list) => list.length > 0),
    },
    ["local-prefix", "remote-prefix"],
  );
});

const mapping = optional({ "inner-dscp": uint(63), "outer-dscp": uint(63) });
const tunnel = fc.tuple(fc.constantFrom(v4, v6), fc.boolean()).chain(([address, maps]) =>
  optional(
    {
      local: address,
      remote: address,
      "df-bit": fc.constantFrom("clear", "set", "copy"),
      "bypass-dscp": fc.constant(!maps),
      ...(maps
        ? {
            "dscp-mapping": fc
              .array(mapping, { minLength: 1, maxLength: 3 })
              .map((all) => all.map((one, id) => ({ id, ...one }))),
          }
        : {}),
    },
    ["local", "remote", "bypass-dscp"],
  ),
);
const moded = fc.oneof(
  fc.constantFrom({}, { mode: "transport" }),
  tunnel.map((ends) => ({ mode: "tunnel", tunnel: ends })),
);

const iana = <Row extends { readonly numbers: { readonly iana?: number } }>(rows: readonly Row[]): Row[] =>
  rows.filter(({ numbers }) => numbers.iana !== undefined);
const cipher = fc.constantFrom(...iana(ENCRYPTIONS));
const mac = fc.constantFrom(...iana(INTEGRITIES).filter(({ keyBytes }) => keyBytes > 0));

const spdAlgorithms = fc.tuple(cipher, mac, fc.nat(8), fc.boolean()).map(([encryption, integrity, pick, asText]) => {
  const number = encryption.numbers.iana ?? 0;
  const bits = encryption.keyBits[pick % Math.max(encryption.keyBits.length, 1)];
  return {
    ...(encryption.aead ? {} : { integrity: [integrity.numbers.iana] }),
    encryption: [
      {
        id: 1,
        "algorithm-type": asText ? String(number) : number,
        ...(bits === undefined ? {} : { "key-length": bits }),
      },
    ],
  };
});
const saConfig = fc
  .tuple(
    optional({
      "pfp-flag": flag,
      "ext-seq-num": flag,
      "stateful-frag-check": flag,
      "protocol-parameters": fc.constant("esp"),
    }),
    moded,
    spdAlgorithms,
  )
  .map(([flags, mode, algorithms]) => ({ ...flags, ...mode, "esp-algorithms": algorithms }));

/** As a body may have them under `spd-entry`. */
export const anySpd = fc
  .tuple(
    optional({ name, direction: fc.constantFrom("inbound", "outbound"), reqid: uint64 }, ["name", "direction"]),
    selector,
    fc.oneof(
      saConfig.map((config) => ({ action: "protect", "ipsec-sa-cfg": config })),
      fc.constantFrom({}, { action: "bypass" }, { action: "discard" }),
    ),
    uint(2 ** 32 - 1),
  )
  .map(([head, traffic, info, window]) => ({
    ...head,
    "ipsec-policy-config": { "anti-replay-window-size": window, "traffic-selector": traffic, "processing-info": info },
  }));

const limits = { time: uint(1000), bytes: uint64, packets: uint(1000), idle: uint(1000) };
const espSa = fc.tuple(cipher, mac).map(([encryption, integrity]) => ({
  encryption: { "encryption-algorithm": encryption.numbers.iana },
  ...(encryption.aead ? {} : { integrity: { "integrity-algorithm": integrity.numbers.iana } }),
}));

/** As a body may have them under `sad-entry`. */
export const anySad = fc
  .tuple(
    optional({ name, reqid: uint64 }, ["name"]),
    fc.integer({ min: 256, max: 2 ** 32 - 1 }),
    selector,
    moded,
    espSa,
    optional({
      "ext-seq-num": flag,
      "anti-replay-window-size": uint(4096),
      "sa-lifetime-hard": optional(limits),
      "encapsulation-type": optional({
        espencap: fc.constantFrom("espintcp", "espinudp", "none"),
        sport: fc.integer({ min: 1, max: 65_535 }),
        dport: fc.integer({ min: 1, max: 65_535 }),
        oaddr: fc.uniqueArray(v4, { minLength: 1, maxLength: 3 }),
      }),
    }),
  )
  .map(([head, spi, traffic, mode, esp, more]) => ({
    ...head,
    "ipsec-sa-config": { spi, "traffic-selector": traffic, ...mode, "esp-sa": esp, ...more },
  }));
