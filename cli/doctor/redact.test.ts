import fc from "fast-check";
import { expect, test } from "vitest";
import { Redactor } from "./redact.ts";

const KEY = "rc6CSM8YgLX2R0wLtsJz2Qm3VfYd0N1iEpb4y8ZKkA0=";

test.each([
  ['{"keys":[{"key_ID":"ee8b5a5c-9f21-4a88-b2b5-6b6a6c7b1c0a","key":"AAAAAAAAAAA="}]}', "AAAAAAAAAAA"],
  ['{"keys":[{"key":"\\u0041AAAAAAAAAA=', "AAAAAAAAAA"],
  [`{"message":"cannot use ${KEY}"}`, KEY],
  [`x-debug: ${Buffer.from(KEY, "base64").toString("hex")}`, Buffer.from(KEY, "base64").toString("hex").slice(0, 20)],
  [`/found?k=${encodeURIComponent(KEY)}`, KEY.slice(0, 20)],
  [`location: /api/v1/keys/${KEY}`, KEY.slice(0, 20)],
  ['{"key_buffer":[1,2,3,4,5,6,7,8,9,250]}', "3,4,5"],
])("no key is left of %s", (text, material) => {
  expect(new Redactor().text(text)).toMatch(/\[\d+ bytes\]/);
  expect(new Redactor().text(text)).not.toContain(material);
});

test.each([
  '{"message":"not all extension_mandatory parameters are supported","details":[{"extension_mandatory_unsupported":"x"}]}',
  '{"key_ID":"ee8b5a5c-9f21-4a88-b2b5-6b6a6c7b1c0a","additional_slave_SAE_IDs":["sae-b"]}',
  '{"source_KME_ID":"AAAABBBB","stored_key_count":20000,"max_key_per_request":128}',
  "POST /api/v1/keys/sae-c/enc_keys\nGET https://kme1.example/prefix/api/v1/keys/sae-a2/dec_keys?key_ID=1",
  "date: Sun, 22 Nov 2026 14:32:03 GMT\ncontent-type: application/json; charset=utf-8",
  "POST /api/v1/streams/2a9d0f5c-8b8a-4b39-9a53-1c5b7f0f8c58/get_key",
])("what is no key stays: %s", (text) => expect(new Redactor().text(text)).toBe(text));

test("names that look like keys stay where they are given as such", () => {
  expect(new Redactor(["Zx9Kq2Lm8Tr4Vb7Np3"]).text("Zx9Kq2Lm8Tr4Vb7Np3")).toBe("Zx9Kq2Lm8Tr4Vb7Np3");
  expect(new Redactor().text("Zx9Kq2Lm8Tr4Vb7Np3")).toBe("[13 bytes]");
});

test("no key that was given out is ever shown, in any alphabet, wherever it stands", () => {
  const around = fc.constantFrom('{"x":"', "key=", "see: ", '{"a":["', "(");
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), around, (bytes, before) => {
      const key = Buffer.from(bytes);
      const redactor = new Redactor();
      redactor.learn(key.toString("base64"));
      for (const text of [key.toString("base64"), key.toString("base64url"), key.toString("hex")]) {
        for (const written of [
          text,
          text.replaceAll("/", "\\/"),
          text.replaceAll("+", "\\u002B"),
          encodeURIComponent(text),
        ]) {
          expect(redactor.text(`${before}${written}", and so on`)).not.toContain(written);
        }
      }
    }),
  );
});
