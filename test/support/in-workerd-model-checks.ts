/** What a pool answered beside what the model says it should have. A failure tells what differs, never key bytes. */
import { expect } from "vitest";
import type { PoolContext } from "../../durable-objects/key-pool/context.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { IngestOutcome, KeyGrant } from "../../shared/keypool/types.ts";
import { sumOfLedger } from "../../shared/keypool/ledger.ts";
import type { Result } from "../../shared/result.ts";
import type { KeysAnswer } from "./in-workerd-model.ts";
import type { PushAnswer } from "./in-workerd-model-blocks.ts";
import type { PoolLives } from "./in-workerd-model-life.ts";

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

/** `toEqual`, which takes longer to find that nothing differs than a pool to do a step, told only of what does. */
export function checkCounts<T extends object>(actual: T, expected: T): void {
  if (!areSameCounts(actual, expected)) expect(actual).toEqual(expected);
}

function areSameCounts(actual: object, expected: object): boolean {
  const counts = Object.entries(actual);
  const others = new Map<string, unknown>(Object.entries(expected));
  return (
    counts.length === others.size &&
    counts.every(([name, count]) => {
      const other = others.get(name);
      if (typeof count === "number") return count === other;
      return isRecord(count) && isRecord(other) && areSameCounts(count, other);
    })
  );
}
const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** Conservation, and that what is counted is what is stored. */
export function checkStored({ books, store }: PoolContext, lives: PoolLives): void {
  const { ledger, ingested } = books.totals;
  if (sumOfLedger(ledger) !== ingested) expect.unreachable("every bit is in one state");
  checkCounts(store.totals(), books.totals);
  const [stored] = lives.sql<{ available: number; unmatched: number; unreadable: number }>(STORED);
  const counted = { available: ledger.available / 8, unmatched: ledger.unmatched / 8, unreadable: 0 };
  checkCounts(stored ?? {}, counted);
}

const STORED = `SELECT
  (SELECT coalesce(sum(length - cursor), 0) FROM unit WHERE state = 'available') AS available,
  (SELECT coalesce(sum(length - cursor), 0) FROM unit WHERE state = 'unmatched') AS unmatched,
  (SELECT count(*) FROM unit LEFT JOIN unit_data ON unit_data.unit = unit.id WHERE unit_data.unit IS NULL) AS unreadable`;

/** No unit is kept that nobody may read again, and each knows how many records need it. */
export function checkUnits(lives: PoolLives): void {
  expect(lives.sql(USELESS)).toEqual([]);
}

const USELESS = `SELECT unit.id, unit.refs FROM unit_data LEFT JOIN unit ON unit.id = unit_data.unit
  WHERE unit.id IS NULL OR (unit.cursor = unit.length AND unit.refs = 0) OR unit.refs !=
    (SELECT count(DISTINCT key_record.id) FROM key_record, json_each(key_record.segments) AS segment
     WHERE json_extract(segment.value, '$[0]') = unit.id)`;
