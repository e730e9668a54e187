/** The JSON that clients of the KMS API parse: Key.java of Open-QKD-Network/qkd-net, and what stands in its place. */
import * as v from "valibot";
import { toHex } from "../bytes/hex.ts";
import { type Fault, HTTP_STATUS, type ErrorCode } from "../errors/errors.ts";
import { messageOf } from "../etsi014/error.ts";
import { firstId, type KeyIdRun } from "../keypool/key-id-run.ts";
import type { KeyGrant } from "../keypool/types.ts";
import { ONLY_INDEX } from "./key-request.ts";

/** Of the original: there is no key. */
const NO_KEY_INDEX = -2;

export const SiteKeySchema = v.looseObject({
  index: v.pipe(v.number(), v.integer()),
  /** 64 hex digits. */
  hexKey: v.nullable(v.string()),
  /** UUID. */
  blockId: v.nullable(v.string()),
  /** Why there is no key. */
  error: v.optional(v.string()),
});
export type SiteKey = v.InferOutput<typeof SiteKeySchema>;

/** @param grant of one key, which is wiped */
export function siteKey({ keyIds: [run], bytes }: KeyGrant<KeyIdRun>): SiteKey {
  if (run === undefined) throw new RangeError("a grant without a key");
  const key = { index: ONLY_INDEX, hexKey: toHex(bytes), blockId: firstId(run) };
  bytes.fill(0);
  return key;
}

export const noKey = (error: string): SiteKey => ({ index: NO_KEY_INDEX, hexKey: null, blockId: null, error });

/** There is no such key, or none now: what the original answers with HTTP 200, and its clients read the index of. */
const NO_KEY_CODES: ReadonlySet<ErrorCode> = new Set([
  "key-not-found",
  "not-enough-keys",
  "over-quota",
  "no-path",
  "link-budget",
  "on-its-way",
]);

/**
 * A fault of one that may ask for keys. A key that is somebody else's is answered as one that there is not.
 * @returns its HTTP status and body
 */
export function keyFault(fault: Fault): { readonly status: number; readonly body: SiteKey } {
  if (fault.code === "unauthorised") return { status: 200, body: noKey("there is no such key of these two sites") };
  return { status: NO_KEY_CODES.has(fault.code) ? 200 : HTTP_STATUS[fault.code], body: noKey(messageOf(fault)) };
}
