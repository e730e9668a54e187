import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NodeId } from "../../ids.ts";
import { KEM_NAMES, KEMS } from "../../kem/registry.ts";
import { METHOD_NAMES, METHODS } from "../methods.ts";
import { differenceOf, hybridMetadata, type HybridTerms, hybridWishOf } from "./terms.ts";

const [A, B] = ["aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb"];
const wishOf = (query: string, other = query) => hybridWishOf(`hybrid://x@${A}${query}`, `hybrid://x@${B}${other}`);
const said = (query: string, other?: string) => {
  const wish = wishOf(query, other);
  return wish.ok ? wish.value : wish.error.message;
};
const SLOW = KEM_NAMES.filter((name) => KEMS[name].runs === "agent");
const HERE = KEM_NAMES.filter((name) => KEMS[name].runs === "anywhere");

describe("what the edge is asked for", () => {
  it("is nothing where neither address is hybrid", () => {
    for (const [source, destination] of [
      [null, "sae-b"],
      ["qkd://a@b", "sae-b"],
      ["x", "hybrids://y"],
    ] as const) {
      expect(hybridWishOf(source, destination)).toEqual({ ok: true, value: null });
    }
  });

  it("is nothing plain where sources are named under another scheme: a slip of the pen", () => {
    for (const scheme of ["hybrids", "hybird", "qkd", "hybrid+pq", " hybrid"]) {
      for (const query of ["?key_sources=ML-KEM-768,QKD", "?x=y&KEM_MEC=ML-KEM-768", "/p?hybridization=cat-kdf"]) {
        const [slip, plain] = [`${scheme}://x@${A}${query}`, `qkd://x@${B}`];
        for (const [source, destination] of [
          [null, slip],
          [slip, plain],
          [plain, slip],
        ] as const) {
          const wish = hybridWishOf(source, destination);
          expect(wish.ok ? wish.value : wish.error.message).toMatch(/^not-hybrid: scheme: /);
        }
      }
    }
    const [source, destination] = [
      `qkd://key_sources@${A}?other=1#?key_sources=QKD`,
      `qkd://x@${B}?my_key_sources=QKD`,
    ];
    expect(hybridWishOf(source, destination)).toEqual({ ok: true, value: null });
  });

  it("is what both addresses say", () => {
    const kem = { algorithm: "ML-KEM-1024", slot: 0, required: true };
    const qkd = { algorithm: "QKD", slot: 0, required: true };
    const wish = { method: "qkdedge-hkdf-v1", sources: [kem, qkd], dropped: [], initiator: A, responder: B };
    expect(said("?key_sources=qkd,ml-kem-1024")).toEqual(wish);
    expect(said("?kem_mec=ML-KEM-1024&kem=edge")).toEqual(wish);
    expect(said("?hybridization=CAT-KDF&key_sources=QKD,ML-KEM-1024", "")).toEqual({ ...wish, method: "cat-kdf" });
  });

  it("leaves out optional KEMs that are for agents, and says so; required ones it refuses", () => {
    for (const name of SLOW) {
      expect(said(`?key_sources=QKD,ML-KEM-768&opt_key_sources=${name}`)).toMatchObject({
        sources: [{ algorithm: "ML-KEM-768" }, { algorithm: "QKD" }],
        dropped: [name],
      });
      expect(said(`?key_sources=QKD,ML-KEM-768,${name}`)).toBe(
        `kem-not-here: key_sources: ${name} takes too long for an edge, and needs an agent (kem=agent)`,
      );
    }
    for (const name of HERE) expect(said(`?key_sources=QKD&opt_key_sources=${name}`)).toMatchObject({ dropped: [] });
  });

  it("refuses methods without key confirmation, KEMs alone, and what is asked of agents", () => {
    for (const name of METHOD_NAMES) {
      const told = said(`?hybridization=${name}&key_sources=ML-KEM-768,QKD`);
      if (METHODS[name].family === "kdf") expect(told).toMatchObject({ method: name });
      else
        expect(told).toMatch(
          /^method-not-here: hybridization: \w+ needs an agent \(kem=agent\); at the edge there are cat-kdf/,
        );
    }
    expect(said("?key_sources=ML-KEM-768")).toMatch(/^kem-not-here: key_sources: KEMs without QKD need an agent/);
    expect(said("?kem=agent&key_sources=ML-KEM-768,QKD")).toMatch(/^kem-not-here: kem: agent: /);
  });

  it.each([
    ["?hybridization=rot13&key_sources=QKD", /^unknown-method: hybridization: /],
    ["?key_sources=QKD,ML-KEM-999", /^unknown-kem: key_sources: /],
    ["?opt_key_sources=ML-KEM-999&key_sources=QKD", /^unknown-kem: opt_key_sources: /],
    ["?hybridization=cat-kdf", /^no-sources: /],
    ["", /^no-sources: /],
    ["?key_source=QKD", /^bad-uri: /],
  ])("%s is refused by name", (query, told) => expect(said(query)).toMatch(told));

  it("refuses one hybrid address alone, and two that differ", () => {
    const hybrid = `hybrid://x@${A}?key_sources=QKD,ML-KEM-768`;
    for (const [source, destination] of [
      [null, hybrid],
      ["sae-a", hybrid],
      [hybrid, "sae-b"],
      [hybrid, hybrid],
    ] as const) {
      const wish = hybridWishOf(source, destination);
      expect(wish.ok ? wish.value : wish.error.code).toMatch(/^(not-hybrid|bad-uri)$/);
    }
    expect(said("?key_sources=QKD,ML-KEM-768", "?key_sources=QKD,ML-KEM-512")).toMatch(/^uris-differ: key_sources: /);
  });

  it("whatever is in an address that begins so, it is never taken for a plain one", () => {
    fc.assert(
      fc.property(fc.mixedCase(fc.constant("hybrid:")), fc.string(), fc.string(), (scheme, rest, other) => {
        expect(hybridWishOf(other, `${scheme}${rest}`)).not.toEqual({ ok: true, value: null });
        expect(hybridWishOf(`${scheme}${rest}`, other)).not.toEqual({ ok: true, value: null });
      }),
    );
  });
});

const TERMS: HybridTerms = {
  method: "cat-kdf",
  sources: [
    { algorithm: "ML-KEM-512", slot: 0, required: true },
    { algorithm: "QKD", slot: 0, required: true },
  ],
  dropped: [],
  initiator: { uuid: A ?? "", node: "n1" as NodeId },
  responder: { uuid: B ?? "", node: "n2" as NodeId },
};

it("says where two ends differ, and nothing where they do not", () => {
  expect(differenceOf(TERMS, structuredClone(TERMS))).toBeNull();
  expect(differenceOf(undefined, undefined)).toBeNull();
  expect(differenceOf({ ...TERMS, dropped: ["HQC-128"] }, TERMS)).toBe(
    "uris-differ: key_sources: ML-KEM-512, QKD here, ML-KEM-512, QKD, HQC-128 at the other end",
  );
});

it("metadata names what is mixed; what was left out, if anything", () => {
  const told = { method: "cat-kdf", sources: ["ML-KEM-512", "QKD"], confirmed: true, kem: "edge" };
  expect(hybridMetadata(TERMS)).toEqual(told);
  expect(hybridMetadata({ ...TERMS, dropped: ["HQC-128"] })).toEqual({ ...told, dropped: ["HQC-128"] });
});
