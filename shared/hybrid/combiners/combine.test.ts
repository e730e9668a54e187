import { sha384 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { toHex } from "../../bytes/hex.ts";
import { METHODS, METHOD_NAMES, type MethodName } from "../methods.ts";
import type { Combined, SourceEntry, ToCombine } from "../types.ts";
import { type CombineOptions, beginEpoch, combine } from "./combine.ts";
import { CAS_KDF, CAT_KDF } from "./etsi-session.ts";
import { HKDF_V1 } from "./hkdf-v1.ts";
import { tagFits } from "./kdf.ts";
import { bytesFor, kemEntry, qkdEntry, testContext } from "./test-entries.ts";

const KDF_METHODS = METHOD_NAMES.filter((name) => METHODS[name].family === "kdf");
const LEGACY_METHODS = METHOD_NAMES.filter((name) => METHODS[name].family === "legacy");

const ENTRIES: readonly SourceEntry[] = [kemEntry("ML-KEM-768"), kemEntry("HQC-128", 1), qkdEntry()];
const SESSION: ToCombine = { mode: "chunk", context: testContext(), entries: ENTRIES };

function combined(method: MethodName, toCombine: ToCombine, options?: CombineOptions): Combined {
  const result = combine(method, toCombine, options);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** Everything that a caller sees of it. */
function seen(made: Combined, index = 5, lengthBytes = 32) {
  const chunk = made.chunk(index, lengthBytes);
  const tags = made.tags(index);
  return {
    chunk: typeof chunk === "string" ? chunk : toHex(chunk),
    tags: tags && [toHex(tags.initiator), toHex(tags.responder)],
  };
}

/** One bit of one byte turned. */
function flipped(bytes: Uint8Array, at = bytes.length - 1): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}

describe.each(METHOD_NAMES)("%s", (method) => {
  test("the order of entries does not matter", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...ENTRIES], { minLength: 3 }), (entries) => {
        expect(seen(combined(method, { ...SESSION, entries }))).toEqual(seen(combined(method, SESSION)));
      }),
      { numRuns: 10 },
    );
  });

  test("the entries of an epoch hashed once: the same bytes", () => {
    const [one, two, qkd] = ENTRIES as [SourceEntry, SourceEntry, SourceEntry];
    for (const [fixed, fresh] of [
      [[], [qkd, two, one]],
      [[one], [qkd, two]],
      [[two, one], [qkd]],
      [[qkd, two, one], []],
    ] as const) {
      const epoch = beginEpoch(method, { ...SESSION, entries: fixed }, fresh.length);
      if (!epoch.ok) throw new Error(epoch.error);
      const [first, second] = [epoch.value.combine(fresh), epoch.value.combine(fresh)];
      if (!first.ok || !second.ok) throw new Error("not combined");
      epoch.value.wipe();
      expect(seen(first.value)).toEqual(seen(combined(method, SESSION)));
      first.value.wipe();
      expect(seen(second.value)).toEqual(seen(combined(method, SESSION)));
    }
  });

  test("an epoch serves chunks with different entries of their own", () => {
    const epoch = beginEpoch(method, { ...SESSION, entries: ENTRIES.slice(0, 2) }, 1);
    if (!epoch.ok) throw new Error(epoch.error);
    for (const label of ["first", "second"]) {
      const made = epoch.value.combine([qkdEntry(label)]);
      if (!made.ok) throw new Error(made.error);
      const entries = [...ENTRIES.slice(0, 2), qkdEntry(label)];
      expect(seen(made.value)).toEqual(seen(combined(method, { ...SESSION, entries })));
    }
    expect(epoch.value.combine([])).toEqual({ ok: false, error: "bad-entry" });
    expect(epoch.value.combine([kemEntry("ML-KEM-512", 0)])).toEqual({ ok: false, error: "bad-entry" });
    const before = beginEpoch(method, { ...SESSION, entries: ENTRIES.slice(1) }, 1);
    expect(before.ok && before.value.combine([kemEntry("ML-KEM-768")])).toEqual({ ok: false, error: "bad-entry" });
  });

  test("wiped, it gives nothing any more, and the caller's secrets are as they were", () => {
    const before = ENTRIES.map(({ secret }) => toHex(secret));
    const made = combined(method, SESSION);
    made.wipe();
    expect(() => made.chunk(0, 16)).toThrow("wiped");
    if (made.confirms) expect(() => made.tags(0)).toThrow("wiped");
    expect(ENTRIES.map(({ secret }) => toHex(secret))).toEqual(before);
    const epoch = beginEpoch(method, SESSION, 0);
    if (!epoch.ok) throw new Error(epoch.error);
    epoch.value.wipe();
    expect(() => epoch.value.combine([])).toThrow("wiped");
  });

  test("the caller may wipe its secrets at once", () => {
    const entries = ENTRIES.map((entry) => ({ ...entry, secret: entry.secret.slice() }));
    const made = combined(method, { ...SESSION, entries });
    for (const { secret } of entries) secret.fill(0);
    expect(seen(made)).toEqual(seen(combined(method, SESSION)));
  });

  test("nonsense of the caller is a defect", () => {
    const made = combined(method, SESSION);
    for (const length of [0, -1, 1.5, Number.NaN]) expect(() => made.chunk(0, length)).toThrow(RangeError);
    if (!made.confirms) return;
    for (const index of [-1, 0.5, 2 ** 53]) expect(() => made.chunk(index, 16)).toThrow(RangeError);
  });

  test("confirms as its row says", () => {
    const made = combined(method, SESSION);
    expect([made.confirms, made.tags(0) !== null]).toEqual([METHODS[method].confirms, METHODS[method].confirms]);
  });
});

/** Each public field and each secret, changed in one bit or character. */
const CHANGES: readonly (readonly [string, (session: ToCombine) => ToCombine])[] = [
  ["mode", (s) => ({ ...s, mode: "session" })],
  ["ksid", (s) => ({ ...s, context: { ...s.context, ksid: flipped(s.context.ksid) } })],
  ["initiator", (s) => ({ ...s, context: { ...s.context, initiator: "x" } })],
  ["responder", (s) => ({ ...s, context: { ...s.context, responder: "x" } })],
  [
    "initiator and responder exchanged",
    (s) => ({ ...s, context: { ...s.context, initiator: s.context.responder, responder: s.context.initiator } }),
  ],
  ["initiatorNonce", (s) => ({ ...s, context: { ...s.context, initiatorNonce: flipped(s.context.initiatorNonce) } })],
  ["responderNonce", (s) => ({ ...s, context: { ...s.context, responderNonce: flipped(s.context.responderNonce) } })],
  ["an entry less", (s) => ({ ...s, entries: s.entries.slice(1) })],
  ["an entry more", (s) => ({ ...s, entries: [...s.entries, kemEntry("Kyber512", 2)] })],
  ...ENTRIES.flatMap((entry, at) => {
    const name = `${entry.kind} ${entry.slot}`;
    const change = (what: string, changed: Partial<SourceEntry>) =>
      [
        `${name}: ${what}`,
        (s: ToCombine): ToCombine => ({ ...s, entries: s.entries.with(at, { ...entry, ...changed }) }),
      ] as const;
    const fields = (["secret", "keyId", "publicKey", "ciphertext"] as const).filter((field) => entry[field].length > 0);
    return [
      change("slot", { slot: 9 }),
      change("algorithm", { algorithm: `${entry.algorithm}x` }),
      ...fields.flatMap((field) => [
        change(`${field}, first byte`, { [field]: flipped(entry[field], 0) }),
        change(`${field}, last byte`, { [field]: flipped(entry[field]) }),
      ]),
    ];
  }),
];

describe.each(KDF_METHODS)("%s is bound to everything", (method) => {
  const original = seen(combined(method, SESSION));

  test.each(CHANGES)("%s", (_, change) => {
    const changed = seen(combined(method, change(SESSION)));
    expect(changed.chunk).not.toBe(original.chunk);
    expect(changed.tags![0]).not.toBe(original.tags![0]);
    expect(changed.tags![1]).not.toBe(original.tags![1]);
  });

  test("a byte moved from one field to the next", () => {
    const [kem] = ENTRIES as [SourceEntry];
    const at = kem.publicKey.length - 1;
    const moved: SourceEntry = {
      ...kem,
      publicKey: kem.publicKey.slice(0, at),
      ciphertext: concatBytes(kem.publicKey.slice(at), kem.ciphertext),
    };
    expect(seen(combined(method, { ...SESSION, entries: [moved, ...ENTRIES.slice(1)] }))).not.toEqual(original);
  });

  test("index, length and role each give other bytes", () => {
    const made = combined(method, SESSION);
    expect(made.chunk(6, 32)).not.toEqual(made.chunk(5, 32));
    const longer = made.chunk(5, 33);
    if (longer === "too-few-bytes") throw new Error(longer);
    expect(toHex(longer.subarray(0, 32))).not.toBe(original.chunk);
    expect(original.tags![0]).not.toBe(original.tags![1]);
    const beyond32Bits = made.chunk(2 ** 32 + 5, 32);
    expect(beyond32Bits).not.toEqual(made.chunk(5, 32));
  });

  test("in mode `session` one pair of tags stands for all chunks, in mode `chunk` each has its own", () => {
    const [session, chunk] = (["session", "chunk"] as const).map((mode) => combined(method, { ...SESSION, mode }));
    expect(session!.tags(1)).toEqual(session!.tags(0));
    expect(chunk!.tags(1)).not.toEqual(chunk!.tags(0));
  });

  test("no method's keys are another's", () => {
    const all = KDF_METHODS.map((name) => seen(combined(name, SESSION)));
    expect(new Set(all.flatMap(({ chunk, tags }) => [chunk, ...(tags ?? [])])).size).toBe(9);
  });

  test("chunks of 1 to 12,240 bytes", () => {
    const made = combined(method, SESSION);
    const most = method === "cas-kdf" ? 12_240 - sha384.outputLen : 12_240;
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: most })), (lengthBytes) => {
        expect(made.chunk(0, lengthBytes)).toHaveLength(lengthBytes);
      }),
      { numRuns: 30, examples: [[1], [48], [49], [most]] },
    );
    expect(made.chunk(0, most + 1)).toBe("too-few-bytes");
  });

  test("a tag fits itself only", () => {
    const { initiator, responder } = combined(method, SESSION).tags(5)!;
    expect(tagFits(initiator, initiator.slice())).toBe(true);
    for (const shown of [responder, flipped(initiator), flipped(initiator, 0), initiator.slice(1), new Uint8Array()]) {
      expect(tagFits(initiator, shown)).toBe(false);
    }
    expect(tagFits(new Uint8Array(), new Uint8Array())).toBe(false);
  });
});

describe("wiped", () => {
  test.each(METHOD_NAMES)("no copy of a secret is left with %s", (method) => {
    const copies = vi.spyOn(Uint8Array.prototype, "slice");
    const epoch = beginEpoch(method, { ...SESSION, entries: ENTRIES.slice(0, 2) }, 1);
    const made = epoch.ok ? epoch.value.combine(ENTRIES.slice(2)) : epoch;
    const taken = copies.mock.results.map(({ value }) => value as Uint8Array);
    copies.mockRestore();
    if (!epoch.ok || !made.ok) throw new Error("not combined");
    const left = () => taken.filter((copy) => ENTRIES.some(({ secret }) => toHex(secret) === toHex(copy))).length;
    expect(left()).toBeGreaterThan(0);
    made.value.wipe();
    epoch.value.wipe();
    expect(left()).toBe(0);
  });

  test.each([
    ["hkdf-v1", HKDF_V1],
    ["cat-kdf", CAT_KDF],
    ["cas-kdf", CAS_KDF],
  ])("what %s holds is gone", (_, scheme) => {
    const hash = bytesFor("transcript", 48);
    const wanted = { purpose: "chunk", index: 0, lengthBytes: 32 } as const;
    const epoch = scheme.begin(SESSION.context, ENTRIES.slice(0, 2), 3);
    const derivation = epoch.derivation(ENTRIES.slice(2), hash);
    const before = derivation.derive(wanted);
    expect(derivation.derive(wanted)).toEqual(before);
    derivation.wipe();
    expect(derivation.derive(wanted)).not.toEqual(before);
  });

  test("so is the chain secret of a cascade's epoch", () => {
    const hash = bytesFor("transcript", 48);
    const wanted = { purpose: "chunk", index: 0, lengthBytes: 32 } as const;
    const epoch = CAS_KDF.begin(SESSION.context, ENTRIES.slice(0, 2), 3);
    const before = epoch.derivation(ENTRIES.slice(2), hash).derive(wanted);
    epoch.wipe();
    expect(epoch.derivation(ENTRIES.slice(2), hash).derive(wanted)).not.toEqual(before);
  });
});

describe("what cannot be combined", () => {
  const [kem, , qkd] = ENTRIES as [SourceEntry, SourceEntry, SourceEntry];
  const with_ = (changed: Partial<SourceEntry>): ToCombine => ({ ...SESSION, entries: [{ ...kem, ...changed }, qkd] });
  const sixteen = Array.from({ length: 16 }, (_, slot) => kemEntry("Kyber512", slot));

  test.each(METHOD_NAMES)("with %s", (method) => {
    const faultOf = (toCombine: ToCombine) => {
      const result = combine(method, toCombine);
      return result.ok ? null : result.error;
    };
    expect(faultOf({ ...SESSION, entries: [] })).toBe("no-entries");
    expect(faultOf({ ...SESSION, entries: sixteen })).toBeNull();
    expect(faultOf({ ...SESSION, entries: [...sixteen, qkd] })).toBe("too-many-entries");
    expect(faultOf({ ...SESSION, entries: [kem, kem] })).toBe("bad-entry");
    expect(faultOf(with_({ slot: 256 }))).toBe("bad-entry");
    expect(faultOf(with_({ slot: 0.5 }))).toBe("bad-entry");
    for (const algorithm of ["", "a b", "ä", "x".repeat(65)]) expect(faultOf(with_({ algorithm }))).toBe("bad-entry");
    expect(faultOf(with_({ secret: kem.secret.slice(1) }))).toBe("bad-entry");
    expect(faultOf(with_({ secret: new Uint8Array() }))).toBe("bad-entry");
    expect(faultOf(with_({ secret: qkd.secret }))).toBe("equal-secrets");
    const { context } = SESSION;
    for (const wrong of [
      { ksid: context.ksid.slice(1) },
      { initiator: "" },
      { responder: "x".repeat(1025) },
      { responder: "\ud800" },
      { initiatorNonce: bytesFor("short", 31) },
      { responderNonce: context.initiatorNonce.slice() },
    ]) {
      expect(faultOf({ ...SESSION, context: { ...context, ...wrong } })).toBe("bad-context");
    }
  });

  test.each(KDF_METHODS)("what is public is bound, and secrets have 16 to 64 bytes, with %s", (method) => {
    const fits = (entry: SourceEntry) => combine(method, { ...SESSION, entries: [entry] }).ok;
    expect(fits({ ...kem, publicKey: new Uint8Array() })).toBe(false);
    expect(fits({ ...kem, ciphertext: new Uint8Array() })).toBe(false);
    expect(fits({ ...qkd, keyId: new Uint8Array() })).toBe(false);
    for (const [bytes, may] of [
      [15, false],
      [16, true],
      [64, true],
      [65, false],
    ] as const) {
      expect(fits(qkdEntry("qkd", bytes))).toBe(may);
    }
    // FrodoKEM-640 and HQC, the shortest and the longest.
    for (const name of ["FrodoKEM-640-AES", "HQC-256"] as const) expect(fits(kemEntry(name))).toBe(true);
  });

  test("QKD key for a legacy method is as long as the chunk, and one byte may be equal by chance", () => {
    const twoBytes = { ...qkd, secret: Uint8Array.of(7) };
    const other = { ...twoBytes, kind: "psk" as const };
    expect(combine("xoring", { ...SESSION, entries: [twoBytes, other] }).ok).toBe(true);
    expect(combine("xoring", { ...SESSION, entries: [qkdEntry("long", 12_240), kem] }).ok).toBe(true);
    expect(combine("xoring", { ...SESSION, entries: [qkdEntry("long", 12_241), kem] }).ok).toBe(false);
  });
});

describe("too few bytes of a legacy method", () => {
  const short = [kemEntry("FrodoKEM-640-AES"), kemEntry("ML-KEM-768", 1)];

  test.each([
    ["xoring", 16],
    ["hmac", 32],
    ["xorhmac", 32],
  ] as const)("%s fills %i", (method, covered) => {
    const strict = combined(method, { ...SESSION, entries: short });
    expect(strict.chunk(0, covered)).toHaveLength(covered);
    expect(strict.chunk(0, covered + 1)).toBe("too-few-bytes");
    const lax = combined(method, { ...SESSION, entries: short }, { allowShort: true });
    expect(lax.chunk(0, covered + 1)).toHaveLength(method === "hmac" ? 32 : covered + 1);
  });

  test.each(LEGACY_METHODS)("%s of a single key is that key", (method) => {
    const [only] = short as [SourceEntry];
    expect(combined(method, { ...SESSION, entries: [only] }).chunk(0, 16)).toEqual(only.secret);
    expect(combined(method, { ...SESSION, entries: [only] }).chunk(0, 17)).toBe("too-few-bytes");
    expect(combined(method, { ...SESSION, entries: [only] }, { allowShort: true }).chunk(0, 17)).toEqual(only.secret);
  });
});

test.each(KDF_METHODS)(
  "%s hashes an epoch's public keys once: what becomes of them later does not matter",
  (method) => {
    const kem = kemEntry("Classic-McEliece-348864");
    const whole = seen(combined(method, { ...SESSION, entries: [kem, qkdEntry()] }));
    const epoch = beginEpoch(method, { ...SESSION, entries: [kem] }, 1);
    kem.publicKey.fill(0);
    const made = epoch.ok ? epoch.value.combine([qkdEntry()]) : epoch;
    if (!made.ok) throw new Error(made.error);
    expect(seen(made.value)).toEqual(whole);
  },
);
