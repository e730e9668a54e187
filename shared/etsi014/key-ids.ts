/** Key IDs (ETSI GS QKD 014 V1.1.1 clause 6.4): which keys a slave SAE asks for. */
import * as v from "valibot";
import { parseJson } from "../bytes/json.ts";
import { type Fault, fail, type JsonValue } from "../errors/errors.ts";
import type { KeyId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { countKeys, expandRun, headOf, type KeyIdRun, packRuns, tailsOf } from "../keypool/key-id-run.ts";
import { boundedList } from "../network/bounded-list.ts";
import { ok, type Result } from "../result.ts";
import { readPlainKeyIds } from "./plain-key-ids.ts";
import { parseMembers } from "../errors/members.ts";

export const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const NOT_A_UUID = "shall be a UUID";

const UPPER = /[A-F]/;
/** Nearly all come as they were given out: in lower case. */
const lowerCase = (uuid: string): KeyId => (UPPER.test(uuid) ? uuid.toLowerCase() : uuid) as KeyId;

/** As on the wire. Further members (extensions, or a whole Key container fed back) are ignored. */
export const KeyIdsSchema = v.object(
  {
    key_IDs: v.pipe(
      boundedList(
        v.object(
          { key_ID: v.pipe(v.string(NOT_A_UUID), v.regex(UUID, NOT_A_UUID)) },
          'shall be an object with a member "key_ID"',
        ),
        LIMITS.keysPerRequest,
        { type: "shall be an array of objects", length: `shall hold at most ${LIMITS.keysPerRequest} ids` },
      ),
      v.nonEmpty("shall hold at least one key_ID"),
    ),
  },
  "shall be a JSON object",
);

/** A POST body. @returns lower-case ids in the order asked for, or `bad-request`. */
export function parseKeyIdsBody(body: string): Result<readonly KeyIdRun[], Fault> {
  const plain = readPlainKeyIds(body);
  if (plain !== null) return ok(plain);
  const json = parseJson(body, LIMITS.jsonDepth);
  return json.ok ? parseKeyIds(json.value) : json;
}

/** A POST body, already JSON. @returns as `parseKeyIdsBody` */
export function parseKeyIds(body: JsonValue): Result<readonly KeyIdRun[], Fault> {
  const parsed = parseMembers(KeyIdsSchema, body, "the Key IDs");
  if (!parsed.ok) return parsed;
  return ok(packRuns(parsed.value.key_IDs.map(({ key_ID }) => lowerCase(key_ID))));
}

/** The GET form: exactly one `key_ID`; anything else in the query is ignored. @returns `bad-request`. */
export function parseKeyIdsQuery(query: URLSearchParams): Result<readonly KeyId[], Fault> {
  const [text, ...more] = query.getAll("key_ID");
  if (text === undefined) return fail("bad-request", "query key_ID: missing");
  if (more.length > 0) return fail("bad-request", "query key_ID: given more than once; several keys need POST");
  if (!UUID.test(text)) return fail("bad-request", `query key_ID: ${NOT_A_UUID}`);
  return ok([lowerCase(text)]);
}

/** @returns `bad-request` for more ids than `maxKeys`, or an id asked for twice. */
export function checkKeyIds(keyIds: readonly KeyIdRun[], maxKeys: number): Result<readonly KeyIdRun[], Fault> {
  const count = countKeys(keyIds);
  if (count > maxKeys) {
    return fail("bad-request", `key_IDs: ${count} ids, more than max_key_per_request (${maxKeys})`);
  }
  const twice = firstRepeated(keyIds);
  return twice === null ? ok(keyIds) : fail("bad-request", `key_IDs: ${twice} is asked for twice`);
}

/** IDs asked for together share all but their last four digits, nearly always: these are compared, as numbers. */
function firstRepeated(keyIds: readonly KeyIdRun[]): KeyId | null {
  const tailsByHead = new Map<string, Set<number>>();
  for (const run of keyIds) {
    const head = headOf(run);
    const tails = tailsByHead.get(head) ?? new Set();
    tailsByHead.set(head, tails);
    for (const [i, tail] of tailsOf(run).entries()) {
      if (tails.has(tail)) return expandRun(run)[i] ?? null;
      tails.add(tail);
    }
  }
  return null;
}
