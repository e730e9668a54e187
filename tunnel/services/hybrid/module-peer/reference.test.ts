import { expect, test } from "vitest";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { Source } from "../../../../shared/hybrid/types.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { kemReferences, keyOf, ksidReference, referenceBytes, ReferenceReader } from "./reference.ts";

const KSID = "0f0e0d0c-0b0a-4908-8706-050403020100" as Ksid;
const text = (value: string): Uint8Array => Buffer.from(value);

test("the KSID's: SHA-256 of both texts, one after the other", () => {
  // printf '%s' 'hybrid://a@xhybrid://a@y' | sha256sum
  expect(ksidReference("hybrid://a@x", "hybrid://a@y")).toEqual({
    type: "share-ksid",
    id: "3b68628871cf83b22a1fbd0208cb292c36dbfaab80f8fbdff5f205ec4da72f63",
  });
});

test("sources' own: sources of one mechanism are counted, whatever stands between them", () => {
  const names: readonly Source["algorithm"][] = ["ML-KEM-768", "QKD", "HQC-128", "ML-KEM-768", "ML-KEM-512"];
  const sources = names.map((algorithm, slot) => ({ algorithm, slot, required: slot !== 4 }));
  const references = kemReferences(KSID, sources);
  expect(references.map(({ slot, required, reference }) => [slot, required, keyOf(reference)])).toEqual([
    [0, true, `pqc ML-KEM-768-0-${KSID}`],
    [2, true, `pqc HQC-128-0-${KSID}`],
    [3, true, `pqc ML-KEM-768-1-${KSID}`],
    [4, false, `pqc ML-KEM-512-0-${KSID}`],
  ]);
});

test("written and read again, byte by byte", () => {
  const reference = { type: "pqc", id: `Kyber512-0-${KSID}` } as const;
  const reader = new ReferenceReader();
  const [last, ...before] = [...referenceBytes(reference)].toReversed();
  for (const byte of before.toReversed()) expect(reader.push(Uint8Array.of(byte))).toBeNull();
  expect(reader.push(Uint8Array.of(last ?? 0))).toEqual(reference);
});

test("as Python's json writes it", () => {
  expect(new ReferenceReader().push(text('{"session_type": 0, "id": "blink"}'))).toEqual({
    type: "blink",
    id: "blink",
  });
  expect(new ReferenceReader().push(text('{"session_type": 1, "id": "caf\\u00e9"}'))).toEqual({
    type: "share-ksid",
    id: "caf\u00e9",
  });
});

test.each([
  ["GET / HTTP/1.1\r\n\r\n"],
  ["null"],
  ['{"session_type": 3, "id": "x"}'],
  ['{"session_type": "1", "id": "x"}'],
  ['{"session_type": true, "id": "x"}'],
  ['{"session_type": 1}'],
  ['{"session_type": 1, "id": 5}'],
  ['{"session_type": 1, "id": "x"}}'],
  ['{"session_type": 1, "id": "x"}{'],
  ['{"session_type": 1, "id": "x"} more'],
  ["{]}"],
  [`{"session_type": 1, "id": "${"x".repeat(LIMITS.hybridModuleIdChars + 1)}"}`],
  [`{"session_type": 1, "id": "x", "more": ${"[".repeat(100)}${"]".repeat(100)}}`],
])("bad: %s", (written) => {
  expect(new ReferenceReader().push(text(written))).toBe("bad");
});

test("an object that does not end is bad once it is too long", () => {
  const reader = new ReferenceReader();
  expect(reader.push(text(`{"id": "${"x".repeat(1000)}`))).toBeNull();
  expect(reader.push(text("x".repeat(17)))).toBe("bad");
});
