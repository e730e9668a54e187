/**
 * What a client of the KMS API asks for: `newkey` and `getkey` (KMSController.java of Open-QKD-Network/qkd-net), and
 * `key_ID=<index>-<blockId>` of the same project's variant of ETSI GS QKD 014.
 *
 * The original cuts blocks of 1024 keys and numbers the keys in them. Here a block is one key: its id is the key's, and
 * the only index it has is 0.
 */
import { fail, type Fault } from "../errors/errors.ts";
import { firstId, ID_CHARS, isUuidRun } from "../keypool/key-id-run.ts";
import type { KeyId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { requiredParameter } from "./form.ts";

/** Bits of every key of this API: `hexKey` has 64 digits. */
export const KEY_BITS = 256;
export const ONLY_INDEX = 0;

export interface BlockKey {
  readonly index: number;
  readonly blockId: KeyId;
}

export interface GetKeyRequest extends BlockKey {
  /** The peer's, as it was sent. */
  readonly siteId: string;
}

export const readNewKey = (parameters: URLSearchParams): Result<string, Fault> =>
  requiredParameter(parameters, "siteid");

/** @returns `bad-request` for anything but a site id, a whole number and a UUID */
export function readGetKey(parameters: URLSearchParams): Result<GetKeyRequest, Fault> {
  const siteId = requiredParameter(parameters, "siteid");
  if (!siteId.ok) return siteId;
  const index = requiredParameter(parameters, "index");
  if (!index.ok) return index;
  const blockId = requiredParameter(parameters, "blockid");
  if (!blockId.ok) return blockId;
  const key = blockKeyOf(index.value, blockId.value);
  return key.ok ? ok({ siteId: siteId.value, ...key.value }) : key;
}

/** @param keyId `<index>-<blockId>` */
export function readKeyId(keyId: string): Result<BlockKey, Fault> {
  const dash = keyId.indexOf("-");
  if (dash === -1) return fail("bad-request", "key_ID: shall be <index>-<blockId>");
  return blockKeyOf(keyId.slice(0, dash), keyId.slice(dash + 1));
}

function blockKeyOf(index: string, blockId: string): Result<BlockKey, Fault> {
  const number = /^[0-9]{1,10}$/.test(index) ? Number(index) : Number.NaN;
  if (!(number <= LIMITS.kmsIndex)) {
    return fail("bad-request", `index: shall be a whole number of 0 to ${LIMITS.kmsIndex}`);
  }
  const lowerCase = blockId.length === ID_CHARS ? blockId.toLowerCase() : "";
  if (!isUuidRun(lowerCase)) return fail("bad-request", "blockid: shall be a UUID of 36 characters");
  return ok({ index: number, blockId: firstId(lowerCase) });
}
