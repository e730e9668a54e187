import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KEM_NAMES } from "../kem/registry.ts";
import { LIMITS } from "../limits.ts";
import { DEFAULT_METHOD, METHODS, METHOD_NAMES, methodNamed } from "./methods.ts";
import { type HybridUri, parseHybridUri, rolesOf } from "./uri.ts";

const A = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const B = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
const at = (node: string, query: string): string => `hybrid://SPI_1@${node}?${query}`;

function parsed(text: string): HybridUri {
  const uri = parseHybridUri(text);
  if (!uri.ok) throw new Error(uri.error.message);
  return uri.value;
}

/** Of a query, as short text: a `?` marks an optional one. */
const sources = (query: string): string =>
  parsed(at(A, query))
    .sources.map(({ algorithm, slot, required }) => `${algorithm}/${slot}${required ? "" : "?"}`)
    .join(" ");

const pick = ({ method, sources: list, kem }: HybridUri) => ({ method, sources: list, kem });

const faultOf = (text: string) => {
  const uri = parseHybridUri(text);
  return uri.ok ? null : uri.error;
};

describe("methods", () => {
  test("in any case, and by their aliases", () => {
    for (const name of METHOD_NAMES) expect([methodNamed(name), methodNamed(name.toUpperCase())]).toEqual([name, name]);
    expect([methodNamed("xor"), methodNamed("XorMAC")]).toEqual(["xoring", "xorhmac"]);
    for (const text of ["", "none", "hkdf", "constructor", "xoring "]) expect(methodNamed(text)).toBeNull();
  });

  test("a legacy method takes a fresh exchange each chunk and confirms nothing", () => {
    for (const name of METHOD_NAMES) {
      const { family, confirms, chunksPerEpoch } = METHODS[name];
      const isLegacy = family === "legacy";
      expect([confirms, chunksPerEpoch]).toEqual([!isLegacy, isLegacy ? 1 : LIMITS.hybridEpochChunks]);
    }
  });
});

describe("a URI", () => {
  test("as in the hybridization module's README", () => {
    expect(parsed(at(A, "hybridization=xoring&key_sources=ML-KEM-512,QKD"))).toEqual({
      name: "SPI_1",
      node: A,
      method: "xoring",
      sources: [
        { algorithm: "ML-KEM-512", slot: 0, required: true },
        { algorithm: "QKD", slot: 0, required: true },
      ],
      kem: null,
    });
  });

  test("as proxy agents write it", () => {
    expect(sources("hybridization=xormac&req_key_sources=QKD,ML-KEM-512")).toBe("ML-KEM-512/0 QKD/0");
    expect(sources("hybridization=xoring&req_key_sources=ML-KEM-512&opt_key_sources=QKD")).toBe("ML-KEM-512/0 QKD/0?");
    expect(sources("hybridization=hmac&opt_key_sources=QKD")).toBe("QKD/0?");
  });

  test("kem_mec is that KEM and QKD, both required", () => {
    expect(sources("hybridization=hmac&kem_mec=Kyber512")).toBe("Kyber512/0 QKD/0");
  });

  test("one KEM several times is several slots; QKD is one stream, required where it is so once", () => {
    expect(sources("key_sources=ML-KEM-512,QKD,ML-KEM-512,QKD,HQC-128")).toBe(
      "ML-KEM-512/0 ML-KEM-512/1 HQC-128/2 QKD/0",
    );
    expect(sources("opt_key_sources=QKD,Kyber512&req_key_sources=QKD,Kyber512")).toBe("Kyber512/0? Kyber512/1 QKD/0");
    expect(sources("req_key_sources=QKD&opt_key_sources=QKD")).toBe("QKD/0");
  });

  test("every KEM, in any case, and the documented spelling of ML-KEM-768", () => {
    for (const name of KEM_NAMES) {
      expect(sources(`key_sources=${name.toUpperCase()}`)).toBe(`${name}/0`);
      expect(sources(`key_sources=${name.toLowerCase()},qkd`)).toBe(`${name}/0 QKD/0`);
    }
    expect(sources("key_sources=ML-KEM-786")).toBe("ML-KEM-768/0");
  });

  test("names a method, or means ours", () => {
    expect(parsed(at(A, "key_sources=QKD")).method).toBe(DEFAULT_METHOD);
    expect(parsed(at(A, "hybridization=&key_sources=QKD")).method).toBe(DEFAULT_METHOD);
    for (const name of METHOD_NAMES) {
      expect(parsed(at(A, `hybridization=${name.toUpperCase()}&key_sources=QKD`)).method).toBe(name);
    }
  });

  test("may say where KEM keys live", () => {
    expect(parsed(at(A, "key_sources=QKD&kem=agent")).kem).toBe("agent");
    expect(parsed(at(A, "key_sources=QKD&kem=EDGE")).kem).toBe("edge");
  });

  test("is split as by urlparse: scheme in any case, empty name, path and fragment, parameters without value", () => {
    const query = "hybridization=hmac&key_sources=QKD";
    for (const text of [
      `HYBRID://SPI_1@${A}?${query}`,
      `hybrid://@${A.toUpperCase()}?${query}`,
      `hybrid://a:b@${A}/some/path?${query}#fragment?key_sources=X`,
      `hybrid://x@${A}?&&opt_key_sources=&kem&${query}&`,
      `hybrid://x@${A}?hybridization=hm%61c&key%5Fsources=%51KD`,
    ]) {
      expect(parsed(text)).toMatchObject({ node: A, method: "hmac", sources: [{ algorithm: "QKD" }] });
    }
    expect(parsed(`hybrid://@${A}?${query}`).name).toBe("");
    expect(sources("key_sources=ML-KEM-512%2CQKD")).toBe("ML-KEM-512/0 QKD/0");
  });

  test("that repeats itself says the same once", () => {
    expect(sources("key_sources=ML-KEM-512&key_sources=ML-KEM-512&kem=agent&kem=agent")).toBe("ML-KEM-512/0");
  });
});

describe("a fault", () => {
  const good = "hybridization=hmac&key_sources=QKD";
  test.each([
    ["", "not-hybrid", "scheme"],
    [`qkd://x@${A}?${good}`, "not-hybrid", "scheme"],
    [`hybrids://x@${A}?${good}`, "not-hybrid", "scheme"],
    [` hybrid://x@${A}?${good}`, "not-hybrid", "scheme"],
    [`hybrid:x@${A}?${good}`, "bad-uri", "uri"],
    [`hybrid://${A}?${good}`, "bad-uri", "node"],
    [`hybrid://x@?${good}`, "bad-uri", "node"],
    [`hybrid://x@tn-1?${good}`, "bad-uri", "node"],
    [`hybrid://x@${A}:65430?${good}`, "bad-uri", "node"],
    [`hybrid://x@${A}@${B}?${good}`, "bad-uri", "node"],
    [`hybrid://x@${A}?${good}#${"x".repeat(LIMITS.streamUriChars)}`, "bad-uri", "uri"],
    [at(A, "key_sources=%FF"), "bad-uri", "uri"],
    [at(A, "key_sources=%zz"), "bad-uri", "uri"],
    [at(A, `${good}&req_key_source=ML-KEM-512`), "bad-uri", "uri"],
    [at(A, `${good}&ML-KEM-512`), "bad-uri", "uri"],
    [at(A, `${good}&req_key_source=`), "bad-uri", "uri"],
    [at(A, `${good}&key_sources=ML-KEM-512`), "bad-uri", "key_sources"],
    [at(A, `${good}&hybridization=xoring`), "bad-uri", "hybridization"],
    [at(A, `${good}&kem=here`), "bad-uri", "kem"],
    [at(A, "hybridization=md5&key_sources=QKD"), "unknown-method", "hybridization"],
    [at(A, "hybridization=xoring+&key_sources=QKD"), "unknown-method", "hybridization"],
    [at(A, "key_sources=ML-KEM-1"), "unknown-kem", "key_sources"],
    [at(A, "opt_key_sources=QKD,"), "unknown-kem", "opt_key_sources"],
    [at(A, "kem_mec=QKD,__proto__"), "unknown-kem", "kem_mec"],
    [`hybrid://x@${A}`, "no-sources", "key_sources"],
    [at(A, "hybridization=hmac"), "no-sources", "key_sources"],
    [at(A, "hybridization=hmac&key_sources="), "no-sources", "key_sources"],
    [at(A, `key_sources=${"sntrup761,".repeat(16)}QKD`), "too-many-sources", "key_sources"],
  ])("%s: %s, %s", (text, code, member) => {
    const fault = faultOf(text);
    expect(fault).toMatchObject({ code, member });
    expect(fault?.message.startsWith(`${code}: ${member}: `)).toBe(true);
    expect(fault?.message.length).toBeLessThan(400);
  });

  test("sixteen sources are not too many", () => {
    expect(parsed(at(A, `key_sources=${"sntrup761,".repeat(15)}QKD`)).sources).toHaveLength(16);
  });

  test("any text is a URI or a fault, and never thrown for", () => {
    const parts = fc.constantFrom("hybrid://", "@", A, "?", "&", "=", ",", "key_sources", "QKD", "%", "#", "kem", "x");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(parts).map((list) => list.join("")),
        ),
        (text) => {
          const uri = parseHybridUri(text);
          expect(uri.ok ? uri.value.sources.length > 0 : uri.error.message.length > 0).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("roles", () => {
  const query = "hybridization=cat-kdf&key_sources=ML-KEM-768,QKD&kem=agent";

  test("the source's node is the initiator", () => {
    expect(rolesOf(at(A.toUpperCase(), query), at(B, query))).toEqual({
      ok: true,
      value: { initiator: A, responder: B, ...pick(parsed(at(A, query))) },
    });
    expect(rolesOf(at(B, query), at(A, query))).toMatchObject({ value: { initiator: B, responder: A } });
  });

  test("ways of writing do not matter, nor do the names", () => {
    const other = "kem=AGENT&req_key_sources=QKD,ml-kem-786&hybridization=CAT-KDF";
    expect(rolesOf(at(A, query), `hybrid://other@${B}?${other}`).ok).toBe(true);
  });

  test("a destination without a query means the source's, as for the hybridization module", () => {
    expect(rolesOf(at(A, query), `hybrid://x@${B}`)).toEqual(rolesOf(at(A, query), at(B, query)));
    expect(rolesOf(`hybrid://x@${A}`, at(B, query))).toMatchObject({ error: { code: "no-sources" } });
  });

  test.each([
    ["hybridization=cas-kdf&key_sources=ML-KEM-768,QKD&kem=agent", "hybridization"],
    ["hybridization=cat-kdf&key_sources=ML-KEM-768&kem=agent", "key_sources"],
    ["hybridization=cat-kdf&key_sources=ML-KEM-768,ML-KEM-768,QKD&kem=agent", "key_sources"],
    ["hybridization=cat-kdf&key_sources=ML-KEM-768&opt_key_sources=QKD&kem=agent", "key_sources"],
    ["hybridization=cat-kdf&key_sources=ML-KEM-768,QKD", "kem"],
  ])("differ: %s", (other, member) => {
    const roles = rolesOf(at(A, query), at(B, other));
    expect(roles).toMatchObject({ ok: false, error: { code: "uris-differ", member } });
  });

  test("a fault of either, or one node twice", () => {
    expect(rolesOf("x", at(B, query))).toMatchObject({ error: { code: "not-hybrid" } });
    expect(rolesOf(at(A, query), "qkd://x@y")).toMatchObject({ error: { code: "not-hybrid" } });
    expect(rolesOf(at(A, query), at(B, "key_sources=X"))).toMatchObject({ error: { code: "unknown-kem" } });
    expect(rolesOf(at(A, query), at(A, query))).toMatchObject({ error: { code: "bad-uri", member: "node" } });
  });
});
