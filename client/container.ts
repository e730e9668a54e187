/** A Key container (ETSI GS QKD 014 V1.1.1 clause 6.3), judged before a key of it is used: all of it is as asked for, or none is taken. */
import * as v from "valibot";
import { fromBase64 } from "../shared/bytes/base64.ts";
import { AnswerError } from "./errors.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface DeliveredKey {
  /** UUID, lower case. */
  readonly keyId: string;
  /** The caller's own: to be wiped (`key.fill(0)`) after use. */
  readonly key: Uint8Array;
}

/** What was asked for. */
export interface Expected {
  readonly count: number;
  /** Null: left to the key management entity; then all are of one size. */
  readonly sizeBits: number | null;
  /** Lower case; null: those that the key management entity gives. */
  readonly keyIds: readonly string[] | null;
}

/** Further members, the extensions among them, are passed over. */
const ContainerSchema = v.object({ keys: v.array(v.object({ key_ID: v.string(), key: v.string() })) });

/**
 * @returns the keys in the order of the container; with `keyIds` in that order
 * @throws AnswerError, after having wiped what it had read
 */
export function readContainer(json: unknown, expected: Expected): readonly DeliveredKey[] {
  const parsed = v.safeParse(ContainerSchema, json);
  if (!parsed.success) throw new AnswerError("the answer is no Key container");
  const entries = parsed.output.keys;
  if (entries.length !== expected.count) {
    throw new AnswerError(`the Key container holds ${entries.length} keys, not ${expected.count}`);
  }
  const keys = new Map<string, Uint8Array>();
  try {
    for (const { key_ID, key } of entries) add(keys, key_ID.toLowerCase(), key, expected.sizeBits);
    return inOrder(keys, expected.keyIds ?? [...keys.keys()]);
  } catch (error) {
    for (const key of keys.values()) key.fill(0);
    throw error;
  }
}

function add(keys: Map<string, Uint8Array>, keyId: string, base64: string, sizeBits: number | null): void {
  if (!UUID.test(keyId)) throw new AnswerError("the Key container holds a key_ID that is no UUID");
  if (keys.has(keyId)) throw new AnswerError(`the Key container holds ${keyId} twice`);
  const key = fromBase64(base64);
  if (key === null) throw new AnswerError(`key ${keyId} is not base64`);
  const [first] = keys.values();
  keys.set(keyId, key);
  const wantedBytes = sizeBits === null ? (first?.length ?? key.length) : sizeBits / 8;
  if (key.length === 0 || key.length !== wantedBytes) {
    throw new AnswerError(`key ${keyId} has ${key.length * 8} bits, not ${wantedBytes * 8}`);
  }
}

const inOrder = (keys: ReadonlyMap<string, Uint8Array>, keyIds: readonly string[]): readonly DeliveredKey[] =>
  keyIds.map((keyId) => {
    const key = keys.get(keyId);
    if (key === undefined) throw new AnswerError(`the Key container does not hold ${keyId}`);
    return { keyId, key };
  });
