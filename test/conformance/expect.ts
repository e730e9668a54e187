/** What our own KMEs answer, more strictly than the standard has it. */
import * as v from "valibot";
import { expect } from "vitest";
import { ErrorSchema } from "../../shared/etsi014/error.ts";
import { KeyContainerSchema } from "../../shared/etsi014/key-container.ts";
import { type Status, StatusSchema } from "../../shared/etsi014/status-schema.ts";
import { type Key, MESSAGES } from "../../cli/doctor/etsi014/expect.ts";
import type { Answer } from "../../cli/doctor/exchange.ts";
import type { KmeClient } from "./kme-client.ts";

export { MESSAGES };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** "err400": 400 with an Error object. */
export function expectError(answer: Answer, message?: string, status = 400): void {
  expect({ status: answer.status, body: answer.json }).toMatchObject({
    status,
    body: { message: expect.stringMatching(/./) },
  });
  const { message: text } = v.parse(ErrorSchema, answer.json);
  if (message !== undefined) expect(text).toBe(message);
}

export function expectStatus(answer: Answer): Status {
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers["content-type"]).toMatch(/^application\/json/);
  return v.parse(StatusSchema, answer.json);
}

/** 200 with exactly `number` keys of `sizeBits`. */
export function expectKeys(answer: Answer, number: number, sizeBits?: number): readonly Key[] {
  expect(answer.status, answer.status === 200 ? "" : answer.text).toBe(200);
  expect(answer.headers["content-type"]).toMatch(/^application\/json/);
  expect(answer.headers["cache-control"]).toBe("no-store");
  const { keys } = v.parse(KeyContainerSchema, answer.json);
  expect(keys).toHaveLength(number);
  for (const { key_ID, key } of keys) {
    expect(key_ID).toMatch(UUID);
    expect(BASE64.test(key)).toBe(true);
    if (sizeBits !== undefined) expect(Buffer.from(key, "base64").length * 8).toBe(sizeBits);
  }
  return keys.map(({ key_ID, key }) => ({ key_ID, key }));
}

/** 401; its body is empty (clauses 5.2 to 5.4). */
export function expectUnauthorised(answer: Answer): void {
  expect([answer.status, answer.text]).toEqual([401, ""]);
}

export const statusOf = async (client: KmeClient, peer: string): Promise<Status> =>
  expectStatus(await client.call(`/${peer}/status`));
export const storedCount = async (client: KmeClient, peer: string): Promise<number> =>
  (await statusOf(client, peer)).stored_key_count;
export const encKeys = async (client: KmeClient, slave: string, body: unknown = {}): Promise<Answer> =>
  await client.call(`/${slave}/enc_keys`, { body });
export const decKeys = async (client: KmeClient, master: string, ids: readonly string[]): Promise<Answer> =>
  await client.call(`/${master}/dec_keys`, { body: { key_IDs: ids.map((key_ID) => ({ key_ID })) } });
/** Keys of the default size, fresh from the pool. */
export const freshKeys = async (client: KmeClient, slave: string, number = 1): Promise<readonly Key[]> =>
  expectKeys(await encKeys(client, slave, { number }), number);
export const idsOf = (keys: readonly Key[]): string[] => keys.map(({ key_ID }) => key_ID);
