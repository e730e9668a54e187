/** What a pool answered beside what the model says it should have. A failure tells what differs, never key bytes. */
import { expect } from "vitest";
import type { Fault } from "../../shared/errors/errors.ts";
import type { IngestOutcome, KeyGrant } from "../../shared/keypool/types.ts";
import type { Result } from "../../shared/result.ts";
import type { KeysAnswer } from "./in-workerd-model.ts";
import type { PushAnswer } from "./in-workerd-model-blocks.ts";

const codeOf = (answer: Result<unknown, Fault>): string => (answer.ok ? "none" : answer.error.code);

export function checkKeys(actual: Result<KeyGrant, Fault>, expected: KeysAnswer): void {
  expect(codeOf(actual)).toBe("code" in expected ? expected.code : "none");
  if (!actual.ok || "code" in expected) return;
  expect(actual.value.keyIds).toEqual(expected.keyIds);
  expect(actual.value.sizesBytes).toEqual(expected.keys.map(({ length }) => length));
  expect(areEqual(actual.value.bytes, expected.keys), "the keys have the bytes of the material").toBe(true);
}

export function checkRefusal(actual: Result<unknown, Fault>, expected: Fault["code"]): void {
  expect(codeOf(actual)).toBe(expected);
}

export function checkPush(actual: Result<IngestOutcome, Fault>, expected: PushAnswer): void {
  expect(codeOf(actual)).toBe("code" in expected ? expected.code : "none");
  if (!actual.ok) return;
  const { health: _figures, ...answer } = actual.value;
  expect(answer).toEqual(expected);
}

export function areEqual(bytes: Uint8Array, keys: readonly Uint8Array[]): boolean {
  let at = 0;
  for (const key of keys) for (const byte of key) if (bytes[at++] !== byte) return false;
  return at === bytes.length;
}
