import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { sha3_256, sha3_384, sha3_512 } from "@noble/hashes/sha3.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../bytes/hex.ts";
import { type CasOutput, type EtsiSuite, casRound, catKdf, hkdfSuite, hmacSuite, kmacSuite } from "./etsi-103744.ts";
import { u32 } from "./framing.ts";

const HASHES = { sha256, sha384, sha512, sha3_256, sha3_384, sha3_512 } as const;
const NONE = new Uint8Array();

const hex = (text: string | undefined): Uint8Array => {
  const bytes = text === undefined ? null : fromHex(text);
  if (bytes === null) throw new Error("not hex");
  return bytes;
};

function suiteOf(kdf: string, name: string): EtsiSuite {
  if (kdf === "kmac") return kmacSuite(name.endsWith("128") ? 128 : 256);
  return (kdf === "hkdf" ? hkdfSuite : hmacSuite)(HASHES[name as keyof typeof HASHES]);
}

interface Round {
  readonly k: Uint8Array;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly label: Uint8Array;
}

/** All rounds of the cascade, each with the same context and length. */
function cascade(
  suite: EtsiSuite,
  psk: Uint8Array,
  rounds: readonly Round[],
  context: Uint8Array,
  lengthBytes: number,
) {
  const outputs: CasOutput[] = [];
  for (const { k, a, b, label } of rounds) {
    const chain = outputs.at(-1)?.chainSecret ?? psk;
    outputs.push(casRound(suite, chain, { secret: k, messagesA: a, messagesB: b, context, label, lengthBytes }));
  }
  return outputs;
}

interface OwnVector {
  readonly id: string;
  readonly kdf: string;
  readonly alg: string;
  readonly psk: string;
  readonly k: readonly string[];
  readonly MA: string;
  readonly MB: string;
  readonly context: string;
  readonly label: string;
  readonly length: number;
  readonly f_context: string;
  readonly catkdf: string;
  readonly cas_rounds_in: readonly { k: string; MA: string; MB: string; context: string; label: string }[];
  readonly caskdf: readonly { round_secret: string; chain_secret: string; key_material: string }[];
}
interface NistVector {
  readonly id: string;
  readonly Z: string;
  readonly salt: string;
  readonly fixedinfo?: string;
  /** RFC 5869 calls it so. */
  readonly info?: string;
  readonly L: number;
  readonly out: string;
}
const own = JSON.parse(readFileSync(join(import.meta.dirname, "../../../test/vectors/combiners.json"), "utf8")) as {
  readonly etsi_103744_own_synthetic: readonly OwnVector[];
  readonly nist: readonly NistVector[];
};

describe("synthetic vectors of this project", () => {
  test.each(own.etsi_103744_own_synthetic)("$id: $kdf $alg", (vector) => {
    const suite = suiteOf(vector.kdf, vector.alg);
    const [context, label] = [hex(vector.context), hex(vector.label)];
    const info = suite.formatContext(context, hex(vector.MA), hex(vector.MB));
    expect(toHex(info)).toBe(vector.f_context);
    const cat = { psk: hex(vector.psk), secrets: vector.k.map(hex), label, info, lengthBytes: vector.length };
    expect(toHex(catKdf(suite, cat))).toBe(vector.catkdf);
    const rounds = vector.cas_rounds_in.map((round) => ({
      k: hex(round.k),
      a: hex(round.MA),
      b: hex(round.MB),
      label: hex(round.label),
    }));
    const outputs = cascade(suite, hex(vector.psk), rounds, context, vector.length);
    expect(
      outputs.map(({ roundSecret, chainSecret, keyMaterial }) => ({
        round_secret: toHex(roundSecret),
        chain_secret: toHex(chainSecret),
        key_material: toHex(keyMaterial),
      })),
    ).toEqual(vector.caskdf);
  });
});

test.each(own.nist)("the KDF of $id", ({ id, Z, salt, fixedinfo, info, L, out }) => {
  const kdf = id.includes("kmac256") ? kmacSuite(256) : (id.includes("rfc5869") ? hkdfSuite : hmacSuite)(sha384);
  const about = hex(fixedinfo ?? info);
  expect(toHex(kdf.kdf(hex(Z), hex(salt), about, L))).toBe(out);
  // The salts given are the defaults: an empty label means the same.
  expect(toHex(kdf.kdf(hex(Z), NONE, about, L))).toBe(out);
});

test("secrets that were given are not changed", () => {
  for (const suite of [hkdfSuite(sha384), hmacSuite(sha256), kmacSuite(128)]) {
    const secret = new Uint8Array(32).fill(7);
    const label = utf8ToBytes("label");
    catKdf(suite, { psk: secret, secrets: [secret], label, info: NONE, lengthBytes: 20 });
    cascade(suite, secret, [{ k: secret, a: NONE, b: NONE, label }], NONE, 20);
    expect(secret.every((byte) => byte === 7)).toBe(true);
  }
});

/** ETSI's, with a licence of their own: read where they lie, never copied into this project. */
const published = join(import.meta.dirname, "../../../../shared/vectors/combiner-vectors.json");
const present = existsSync(published);
// oxlint-disable-next-line no-console -- a reader of the run should know
if (!present) console.log("the published vectors of ETSI TS 103 744 are not here: their tests are skipped");

type Inputs = Readonly<Record<"LA1" | "LA2" | "LB1" | "LB2" | "PA1" | "PA2" | "PB1" | "PB2" | "k1" | "k2", string>> & {
  readonly set: number;
  readonly length: number;
};
type Outputs = Readonly<
  Record<
    | "catkdf_key_material"
    | "caskdf_chain_secret1"
    | "caskdf_key_material1"
    | "caskdf_chain_secret2"
    | "caskdf_key_material2",
    string
  >
>;
interface Published {
  readonly etsi_103744_v1_1_1_published: {
    readonly context_cat_ascii: string;
    readonly context_cas_ascii: string;
    readonly sets: readonly (Inputs & { readonly results: readonly (Outputs & { readonly hash: string })[] })[];
  };
  readonly etsi_103744_v1_2_published: {
    readonly info_ascii: string;
    readonly sets: readonly (Inputs & {
      readonly results: readonly (Outputs & Readonly<Record<"kdf" | "hash_or_kmac" | "cid_cat" | "cid_cas", string>>)[];
    })[];
  };
}

const outputsOf = (cat: Uint8Array, [one, two]: readonly CasOutput[]): Outputs => ({
  catkdf_key_material: toHex(cat),
  caskdf_chain_secret1: toHex(one!.chainSecret),
  caskdf_key_material1: toHex(one!.keyMaterial),
  caskdf_chain_secret2: toHex(two!.chainSecret),
  caskdf_key_material2: toHex(two!.keyMaterial),
});

const joined = (...parts: readonly string[]) => hex(parts.join(""));
const xored = (a: string, b: string) => hex(a).map((byte, at) => byte ^ hex(b)[at]!);
/** The published program writes a count of hex digits for a length. */
const message = (id: string, ...parts: readonly string[]) =>
  concatBytes(hex(id), ...parts.flatMap((part) => [u32(part.length), hex(part)]));

describe.skipIf(!present)("published vectors", () => {
  const vectors = present ? (JSON.parse(readFileSync(published, "utf8")) as Published) : null;

  test("V1.1.1: 28 of 28", () => {
    const { sets, context_cat_ascii, context_cas_ascii } = vectors!.etsi_103744_v1_1_1_published;
    let checked = 0;
    for (const set of sets) {
      const { LA1, LA2, LB1, LB2, PA1, PA2, PB1, PB2, k1, k2, length } = set;
      for (const { hash, ...expected } of set.results) {
        const suite = suiteOf("hkdf", hash);
        const info = suite.formatContext(utf8ToBytes(context_cat_ascii), joined(LA1, PA1, PA2), joined(LB1, PB1, PB2));
        const label = joined(LA1, LB1);
        const cat = catKdf(suite, { psk: NONE, secrets: [hex(k1), hex(k2)], label, info, lengthBytes: length });
        const rounds: readonly Round[] = [
          { k: hex(k1), a: joined(LA1, PA1), b: joined(LB1, PB1), label },
          { k: hex(k2), a: joined(LA2, PA2), b: joined(LB2, PB2), label: joined(LA2, LB2) },
        ];
        expect(outputsOf(cat, cascade(suite, NONE, rounds, utf8ToBytes(context_cas_ascii), length))).toEqual(expected);
        checked += 2;
      }
    }
    expect(checked).toBe(28);
  });

  test("V1.2: 72 of 72", () => {
    const { sets, info_ascii } = vectors!.etsi_103744_v1_2_published;
    const context = utf8ToBytes(info_ascii);
    let checked = 0;
    for (const set of sets) {
      const { LA1, LA2, LB1, LB2, PA1, PA2, PB1, PB2, k1, k2, length } = set;
      for (const { kdf, hash_or_kmac, cid_cat, cid_cas, ...expected } of set.results) {
        const suite = suiteOf(kdf, hash_or_kmac);
        const label = xored(LA1, LB1);
        const [a, b] = [message(cid_cat, LA1, PA1, PA2), message(cid_cat, LB1, PB1, PB2)];
        const info = suite.formatContext(context, a, b);
        const cat = catKdf(suite, { psk: NONE, secrets: [hex(k1), hex(k2)], label, info, lengthBytes: length });
        const rounds: readonly Round[] = [
          { k: hex(k1), a: message(cid_cas, LA1, PA1), b: message(cid_cas, LB1, PB1), label },
          { k: hex(k2), a: message(cid_cas, LA2, PA2), b: message(cid_cas, LB2, PB2), label: xored(LA2, LB2) },
        ];
        // The first key of a KMAC cascade is as many zeros as its chain secrets have bytes.
        const psk = kdf === "kmac" ? new Uint8Array(suite.chainBytes) : NONE;
        expect(outputsOf(cat, cascade(suite, psk, rounds, context, length))).toEqual(expected);
        checked += 2;
      }
    }
    expect(checked).toBe(72);
  });
});
