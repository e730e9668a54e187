/** Key container (ETSI GS QKD 014 V1.1.1 clause 6.3). */
import * as v from "valibot";
import { toBase64 } from "../bytes/base64.ts";
import type { KeyId } from "../ids.ts";
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
export function writeKeyContainer(grant: KeyGrant): string {
  const keys = encodeKeys(grant);
  let json = '{"keys":[';
  for (let i = 0; i < grant.keyIds.length; i++) {
    json += `${i === 0 ? "" : ","}{"key_ID":"${grant.keyIds[i] as KeyId}","key":"${keys[i] as string}"}`;
  }
  return `${json}]}`;
}

/** Each key in base64, all encoded in one go: filled up to whole groups of three bytes, what fills up being cut off. */
function encodeKeys({ sizesBytes, bytes }: KeyGrant): string[] {
  const groups = sizesBytes.map((size) => Math.ceil(size / 3));
  const filled = new Uint8Array(3 * groups.reduce((sum, count) => sum + count, 0));
  let [from, to] = [0, 0];
  sizesBytes.forEach((size, i) => {
    filled.set(bytes.subarray(from, from + size), to);
    from += size;
    to += 3 * (groups[i] as number);
  });
  const text = toBase64(filled);
  filled.fill(0);
  let position = 0;
  return sizesBytes.map((size, i) => {
    const end = position + 4 * (groups[i] as number);
    const fill = 3 * (groups[i] as number) - size;
    const key = text.slice(position, end - fill) + "==".slice(0, fill);
    position = end;
    return key;
  });
}

/** Bring the keys of several grants into the order of `keyIds`. Every id is in exactly one of the grants. */
export function mergeGrants(keyIds: readonly KeyId[], grants: readonly KeyGrant[]): KeyGrant {
  const [only, ...more] = grants;
  if (only !== undefined && more.length === 0) return only;
  const keys = new Map<KeyId, Uint8Array>();
  for (const grant of grants) {
    let offset = 0;
    grant.keyIds.forEach((keyId, i) => {
      const end = offset + (grant.sizesBytes[i] as number);
      keys.set(keyId, grant.bytes.subarray(offset, end));
      offset = end;
    });
  }
  const ordered = keyIds.map((keyId) => keys.get(keyId) ?? new Uint8Array());
  const sizesBytes = ordered.map((key) => key.length);
  const bytes = new Uint8Array(sizesBytes.reduce((sum, size) => sum + size, 0));
  let offset = 0;
  for (const key of ordered) {
    bytes.set(key, offset);
    offset += key.length;
  }
  return { keyIds, sizesBytes, bytes };
}
