import { describe, expect, test } from "vitest";
import { rolesOf } from "../hybrid/uri.ts";
import { KEM_NAMES } from "../kem/registry.ts";
import { chunkBytesOf, DEFAULT_KEYS, endOf, endpointsOf, endsOf, readKeySettings, rendezvousOf } from "./rendezvous.ts";

const A = { uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", prefixes: ["10.0.0.11"] };
const B = { uuid: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb", prefixes: ["10.0.0.20/32"] };
const C = { uuid: "cccccccc-cccc-cccc-cccc-cccccccccccc", prefixes: ["10.0.0.0/8", "2001:db8::/32"] };
const sa = (sourcePrefix: string, destinationPrefix: string, spi = 2) => ({ sourcePrefix, destinationPrefix, spi });

describe("the node of a prefix", () => {
  test("is the one with the narrowest that holds it", () => {
    const ends = [C, A, B];
    expect(endOf("10.0.0.11/32", ends)).toBe(A);
    expect(endOf("10.0.0.20", ends)).toBe(B);
    expect(endOf("10.9.0.0/16", ends)).toBe(C);
    expect(endOf("2001:db8:1::/48", ends)).toBe(C);
    expect(endOf("192.168.0.1/32", ends)).toBeNull();
    expect(endOf("192.168.123.300", ends)).toBeNull();
  });

  test("both have to be somebody's, and not the same one's", () => {
    expect(endsOf(sa("10.0.0.11/32", "10.0.0.20/32"), [A, B])).toEqual({
      ok: true,
      value: { source: A, destination: B },
    });
    expect(endsOf(sa("10.0.0.99/32", "10.0.0.20/32"), [A, B])).toEqual({
      ok: false,
      error: "local-prefix 10.0.0.99/32 is no node's",
    });
    expect(endsOf(sa("10.0.0.11/32", "::/0"), [A, B])).toEqual({ ok: false, error: "remote-prefix ::/0 is no node's" });
    expect(endsOf(sa("10.1.0.0/16", "10.2.0.0/16"), [C])).toMatchObject({ ok: false });
  });
});

const keys = { qkd: true, kem: "ML-KEM-512", method: "xoring" } as const;

const nameOf = (from: string, to: string) =>
  rendezvousOf(sa(from, to), { source: A, destination: C }, keys, false).source.split("@")[0];

describe("the two texts", () => {
  const ends = { source: A, destination: B };

  test("are those of QUBIP's proxy agent", () => {
    expect(rendezvousOf(sa("10.0.0.11/32", "10.0.0.20/32"), ends, keys, false)).toEqual({
      source: `hybrid://SPI_2@${A.uuid}?hybridization=xoring&req_key_sources=ML-KEM-512&opt_key_sources=QKD`,
      destination: `hybrid://SPI_2@${B.uuid}?hybridization=xoring&req_key_sources=ML-KEM-512&opt_key_sources=QKD`,
    });
    const { source } = rendezvousOf(sa("10.0.0.11/32", "10.0.0.20/32"), ends, keys, true);
    expect(source).toContain("&req_key_sources=QKD,ML-KEM-512");
  });

  test("name the prefixes where a node has others besides, IPv6 without colons", () => {
    expect(nameOf("10.0.0.11/32", "10.0.0.0/8")).toBe("hybrid://SPI_2_10.0.0.11-32_10.0.0.0-8");
    expect(nameOf("10.0.0.11/32", "2001:db8::/32")).toBe(`hybrid://SPI_2_10.0.0.11-32_20010db8${"0".repeat(24)}-32`);
  });

  test("are read as what was meant, whatever the settings", () => {
    for (const qkdRequired of [false, true]) {
      for (const settings of [keys, DEFAULT_KEYS, { ...keys, kem: null }, { ...keys, qkd: false }]) {
        const { source, destination } = rendezvousOf(sa("10.0.0.11/32", "10.0.0.20/32"), ends, settings, qkdRequired);
        const roles = rolesOf(source, destination);
        if (!roles.ok) throw new Error(roles.error.message);
        expect(roles.value).toMatchObject({ initiator: A.uuid, responder: B.uuid, method: settings.method });
        expect(roles.value.sources.map(({ algorithm, required }) => [algorithm, required])).toEqual([
          ...(settings.kem === null ? [] : [[settings.kem, true]]),
          ...(settings.qkd ? [["QKD", qkdRequired]] : []),
        ]);
      }
    }
  });
});

const body = (more: object) => ({ endpoint1: "192.168.159.35", endpoint2: "192.168.159.21", ...more });

const read = (more: object) => {
  const settings = readKeySettings(body(more));
  return settings.ok ? settings.value : settings.error.message;
};

describe("/createqkd", () => {
  test("as the original has it, for the two in either order", () => {
    const more = { "use-qkd": "yes", "pqc-algorithm": "kyber-512", "hybridization-method": "xor" };
    const endpoints = ["192.168.159.21", "192.168.159.35"];
    expect(read(more)).toEqual({ endpoints, qkd: true, kem: "Kyber512", method: "xoring" });
    expect(endpointsOf("192.168.159.21", "192.168.159.35")).toEqual(endpointsOf("192.168.159.35", "192.168.159.21"));
    expect(read({})).toEqual({ endpoints, ...DEFAULT_KEYS });
    expect(endpointsOf("2001:DB8:0::1", "Proxy-A")).toEqual(["2001:db8::1", "proxy-a"]);
  });

  test.each([
    [{ "use-qkd": true }, { qkd: true }],
    [{ "use-qkd": "No" }, { qkd: false }],
    [{ "use-qkd": 0 }, { qkd: false }],
    [{ "pqc-algorithm": "kyber" }, { kem: "Kyber512" }],
    [{ "pqc-algorithm": "ml-kem-768" }, { kem: "ML-KEM-768" }],
    [{ "pqc-algorithm": "MLKEM1024" }, { kem: "ML-KEM-1024" }],
    [{ "pqc-algorithm": "None" }, { kem: null }],
    [{ "hybridization-method": "xormac" }, { method: "xorhmac" }],
    [{ "hybridization-method": "HMAC" }, { method: "hmac" }],
    [{ "hybridization-method": "qkdedge-hkdf-v1" }, { method: "qkdedge-hkdf-v1" }],
  ])("%j", (more, settings) => expect(read(more)).toMatchObject(settings));

  test("every KEM by its own name", () => {
    for (const kem of KEM_NAMES) expect(read({ "pqc-algorithm": kem })).toMatchObject({ kem });
  });

  test.each([
    [{ "pqc-algorithm": "rsa" }, "pqc-algorithm: shall be None or one of "],
    [{ "hybridization-method": "rot13" }, "hybridization-method: shall be one of xoring"],
    [{ "use-qkd": "perhaps" }, "use-qkd: shall be yes or no"],
    [{ "use-qkd": false, "pqc-algorithm": "none" }, "pqc-algorithm: without QKD and without a KEM there is no key"],
    [{ endpoint2: "192.168.159.35" }, "endpoint2: is the same as endpoint1"],
    [{ endpoint1: 5 }, "endpoint1: shall be the address"],
    [{ endpoint1: "a b" }, "endpoint1: shall be the address"],
    [{ "use-qdk": "yes" }, "use-qdk: there is no such member"],
    [{ "pqc-algorithm": 5 }, "pqc-algorithm: shall be"],
  ])("%j is refused: %s", (more, message) => expect(read(more)).toContain(message));

  test("what is no object is refused", () => {
    for (const wrong of [null, [], "x", 5])
      expect(readKeySettings(wrong)).toMatchObject({ ok: false, error: { code: "bad-request" } });
  });
});

test.each([
  ["qkdedge-hkdf-v1", "ML-KEM-512", 100, 100],
  ["hmac", "ML-KEM-512", 100, 32],
  ["hmac", "ML-KEM-512", 20, 20],
  ["xorhmac", null, 36, 32],
  ["xoring", "ML-KEM-512", 36, 32],
  ["xoring", "FrodoKEM-640-AES", 36, 16],
  ["xoring", null, 36, 36],
] as const)("%s with %s yields, of %d octets, %d", (method, kem, wanted, given) => {
  expect(chunkBytesOf(wanted, { method, kem })).toBe(given);
});
