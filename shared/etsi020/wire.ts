/**
 * The messages of ETSI GS QKD 020 as this side reads and writes them. Published implementations of V1.1.1 disagree on
 * some members: `key_id` and `key_id_container` are the two forms. Either is read; which is written is the peer's
 * setting.
 */
import * as v from "valibot";
import { fromBase64 } from "../bytes/base64.ts";
import type { JsonValue } from "../errors/errors.ts";
import { fail, type Fault } from "../errors/errors.ts";
import { parseMembers } from "../errors/members.ts";
import type { KeyId, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import { ok, type Result } from "../result.ts";

const UUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const keyId = v.pipe(v.string("shall be a UUID"), v.regex(UUID, "shall be a UUID"));
const saeId = v.pipe(
  v.string("shall be text"),
  v.minLength(1, "shall not be empty"),
  v.maxLength(LIMITS.saeIdChars, `shall have at most ${LIMITS.saeIdChars} characters`),
);
const extension = v.record(v.string(), v.unknown(), "shall be an object");
const callback = v.pipe(
  v.string("shall be text"),
  v.maxLength(LIMITS.kmsCallbackUrlChars, `shall have at most ${LIMITS.kmsCallbackUrlChars} characters`),
);
const listOf = <const Item extends v.GenericSchema>(item: Item, max: number) =>
  v.pipe(
    boundedList(item, max, { type: "shall be an array", length: `shall have at most ${max} entries` }),
    v.minLength(1, "shall not be empty"),
  );
const targets = listOf(saeId, LIMITS.extKeyTargets);
const parties = { initiator_sae_id: saeId, target_sae_ids: targets, ack_callback_url: v.nullish(callback) };

/** ExtKeyContainer: keys handed over, by the KMS that serves their initiator. */
export const ExtKeyContainerSchema = v.looseObject({
  keys: listOf(
    v.looseObject({ key_id: keyId, value: v.string("shall be base64"), extension: v.nullish(extension) }),
    LIMITS.extKeys,
  ),
  ...parties,
  extension_mandatory: v.nullish(extension),
  extension_optional: v.nullish(extension),
});

/** A key ID by itself, or in an object. */
const eitherKeyId = v.union([keyId, v.looseObject({ key_id: keyId })], "shall be a UUID, or an object with a key_id");
const keyIds = boundedList(eitherKeyId, LIMITS.extKeys, {
  type: "shall be an array",
  length: `shall have at most ${LIMITS.extKeys} entries`,
});

/** VoidContainer: keys taken back. `all_confirmation` was a query parameter in draft 0.4.1 and is a member since. */
export const VoidContainerSchema = v.looseObject({
  key_ids: v.nullish(keyIds),
  key_id_container: v.nullish(keyIds),
  ...parties,
  all_confirmation: v.nullish(v.boolean("shall be true or false")),
});

export interface ExtKeys {
  readonly keys: readonly { readonly keyId: KeyId; readonly bytes: Uint8Array }[];
  readonly initiator: SaeId;
  readonly targets: readonly SaeId[];
  /** Null: synchronous mode. */
  readonly callbackUrl: string | null;
}

export interface VoidKeys {
  /** Null: all keys of the initiator for these targets. */
  readonly keyIds: readonly KeyId[] | null;
  readonly initiator: SaeId;
  readonly targets: readonly SaeId[];
  readonly callbackUrl: string | null;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ids become branded where they have been checked
const lowerCase = (id: string): KeyId => id.toLowerCase() as KeyId;

/** @returns `bad-request`, naming the member; an `extension_mandatory` that has members, as none is known here */
export function readExtKeys(body: JsonValue): Result<ExtKeys, Fault> {
  const parsed = parseMembers(ExtKeyContainerSchema, body, "the ExtKeyContainer");
  if (!parsed.ok) return parsed;
  const [unmet] = Object.keys(parsed.value.extension_mandatory ?? {});
  if (unmet !== undefined) return fail("bad-request", "extension_mandatory: holds what is not supported here");
  const keys: ExtKeys["keys"][number][] = [];
  for (const [index, { key_id: id, value }] of parsed.value.keys.entries()) {
    const bytes = fromBase64(value);
    const flaw = bytes === null ? "shall be padded base64" : flawOfSize(bytes.length);
    if (bytes === null || flaw !== null) {
      return fail("bad-request", `keys.${index}.value: ${flaw}`, [
        { pointer: `/keys/${index}/value`, message: flaw ?? "" },
      ]);
    }
    keys.push({ keyId: lowerCase(id), bytes });
  }
  const total = keys.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (total > LIMITS.containerKeyBytes) {
    return fail("bad-request", `keys: ${total} bytes of key, more than ${LIMITS.containerKeyBytes}`);
  }
  const once = repeated(keys.map((key) => key.keyId));
  if (once !== null) return fail("bad-request", `keys: ${once} stands there twice`);
  const named = partiesOf(parsed.value);
  return named.ok ? ok({ keys, ...named.value }) : named;
}

function flawOfSize(bytes: number): string | null {
  if (bytes === 0) return "shall not be empty";
  return bytes * 8 > LIMITS.keySizeBits ? `shall have at most ${LIMITS.keySizeBits} bits` : null;
}

/**
 * @param allInQuery the query's `all_confirmation=true`
 * @returns `bad-request` for no key ID without `all_confirmation`, or for some with it
 */
export function readVoid(body: JsonValue, allInQuery: boolean): Result<VoidKeys, Fault> {
  const parsed = parseMembers(VoidContainerSchema, body, "the VoidContainer");
  if (!parsed.ok) return parsed;
  const { key_ids: ids, key_id_container: container, all_confirmation: all } = parsed.value;
  const named = [...(ids ?? []), ...(container ?? [])].map((id) => lowerCase(typeof id === "string" ? id : id.key_id));
  const isAll = allInQuery || all === true;
  if (named.length === 0 && !isAll) return fail("bad-request", "key_ids: none, and all_confirmation is not true");
  if (named.length > 0 && isAll) return fail("bad-request", "all_confirmation: is for no key_ids");
  const parts = partiesOf(parsed.value);
  return parts.ok ? ok({ keyIds: isAll ? null : [...new Set(named)], ...parts.value }) : parts;
}

type Parties = Pick<
  v.InferOutput<typeof VoidContainerSchema>,
  "initiator_sae_id" | "target_sae_ids" | "ack_callback_url"
>;

function partiesOf(parsed: Parties): Result<Omit<VoidKeys, "keyIds">, Fault> {
  const { initiator_sae_id: initiator, target_sae_ids: named, ack_callback_url: callbackUrl } = parsed;
  const twice = repeated(named);
  if (twice !== null) return fail("bad-request", "target_sae_ids: an SAE stands there twice");
  if (named.includes(initiator)) return fail("bad-request", "target_sae_ids: the initiator is none of its targets");
  return ok({ initiator: initiator as SaeId, targets: named as SaeId[], callbackUrl: callbackUrl ?? null });
}

function repeated<T>(values: readonly T[]): T | null {
  const seen = new Set<T>();
  for (const value of values) {
    if (seen.has(value)) return value;
    seen.add(value);
  }
  return null;
}
