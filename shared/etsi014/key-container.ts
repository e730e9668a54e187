/** Key container (ETSI GS QKD 014 V1.1.1 clause 6.3). */
import * as v from "valibot";
import { toBase64 } from "../bytes/base64.ts";
import type { KeyId } from "../ids.ts";
import { expandRun, expandRuns, HEAD_CHARS, type KeyIdRun, keysIn, TAIL_CHARS } from "../keypool/key-id-run.ts";
import type { KeyGrant } from "../keypool/types.ts";

const extension = v.optional(v.looseObject({}));

/** As on the wire: what clients (the CLI, tests) read back. */
export const KeyContainerSchema = v.looseObject({
  keys: v.array(
    v.looseObject({
      key_ID: v.pipe(v.string(), v.uuid()),
      key_ID_extension: extension,
      /** RFC 4648 base64, padded. */
      key: v.pipe(v.string(), v.base64()),
      key_extension: extension,
    }),
  ),
  key_container_extension: extension,
});

/**
 * Written by hand: ids are UUIDs and base64 needs no escaping, so this costs a fraction of JSON.stringify.
 * Keys stand in the order of the grant.
 */
export function writeKeyContainer(grant: KeyGrant<KeyIdRun>): string {
  const base64 = encodeKeys(grant);
  let json = '{"keys":[';
  let position = 0;
  grant.keyIds.forEach((run, i) => {
    const { groups, fillChars } = encodedKey(grant.sizesBytes[i] as number);
    const close = `${"==".slice(0, fillChars)}"}`;
    const opened = `{"key_ID":"${run.slice(0, HEAD_CHARS)}`;
    for (let at = HEAD_CHARS; at < run.length; at += TAIL_CHARS) {
      if (position > 0) json += ",";
      const end = position + 4 * groups;
      json += `${opened}${run.slice(at, at + TAIL_CHARS)}","key":"${base64.slice(position, end - fillChars)}${close}`;
      position = end;
    }
  });
  return `${json}]}`;
}

/** A key in base64: its groups of three bytes or four characters, and how many of those fill up the last one. */
function encodedKey(sizeBytes: number): { readonly groups: number; readonly fillChars: number } {
  const groups = Math.ceil(sizeBytes / 3);
  return { groups, fillChars: 3 * groups - sizeBytes };
}

/** All keys in base64, encoded in one go: each is filled up to whole groups of three bytes with zeros. */
function encodeKeys({ keyIds, sizesBytes, bytes }: KeyGrant<KeyIdRun>): string {
  const runs = keyIds.map((run, i) => ({ keys: keysIn(run), ...encodedKey(sizesBytes[i] as number) }));
  const filled = new Uint8Array(runs.reduce((sum, { keys, groups }) => sum + 3 * keys * groups, 0));
  let [from, to] = [0, 0];
  for (const { keys, groups, fillChars } of runs) {
    for (let key = 0; key < keys; key++) {
      // Byte by byte: a view of each key would cost more.
      for (const end = to + 3 * groups - fillChars; to < end; from++, to++) filled[to] = bytes[from] as number;
      to += fillChars;
    }
  }
  const text = toBase64(filled);
  filled.fill(0);
  return text;
}

/** Bring the keys of several grants into the order of `keyIds`. Every id is in exactly one of the grants. */
export function mergeGrants(keyIds: readonly KeyIdRun[], grants: readonly KeyGrant<KeyIdRun>[]): KeyGrant<KeyIdRun> {
  const [only, ...more] = grants;
  if (only !== undefined && more.length === 0) return only;
  const keys = new Map<KeyId, Uint8Array>();
  for (const grant of grants) {
    let offset = 0;
    grant.keyIds.forEach((run, i) => {
      for (const keyId of expandRun(run)) {
        const end = offset + (grant.sizesBytes[i] as number);
        keys.set(keyId, grant.bytes.subarray(offset, end));
        offset = end;
      }
    });
  }
  const ids = expandRuns(keyIds);
  const ordered = ids.map((keyId) => keys.get(keyId) ?? new Uint8Array());
  const sizesBytes = ordered.map((key) => key.length);
  const bytes = new Uint8Array(sizesBytes.reduce((sum, size) => sum + size, 0));
  let offset = 0;
  for (const key of ordered) {
    bytes.set(key, offset);
    offset += key.length;
  }
  return { keyIds: ids, sizesBytes, bytes };
}
