import * as fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { fromBase64 } from "../bytes/base64.ts";
import { type Fault, type JsonValue, MANDATED_MESSAGES } from "../errors/errors.ts";
import type { KeyId, SaeId } from "../ids.ts";
import { expandRuns, type KeyIdRun, packRuns } from "../keypool/key-id-run.ts";
import type { KeyGrant } from "../keypool/types.ts";
import { NetworkDocumentSchema, type Policy } from "../network/document.ts";
import type { Result } from "../result.ts";
import { errorObject, ErrorSchema } from "./error.ts";
import { KeyContainerSchema, mergeGrants, writeKeyContainer } from "./key-container.ts";
import { checkKeyIds, parseKeyIds, parseKeyIdsQuery } from "./key-ids.ts";
import { type Connection, NO_WISHES, type RouteType } from "./extensions.ts";
import {
  checkExtensions,
  checkKeyRequest,
  EMPTY_KEY_REQUEST,
  type KeyRequestFacts,
  parseKeyRequest,
  parseKeyRequestQuery,
} from "./key-request.ts";

const policy: Policy = v.parse(NetworkDocumentSchema, { nodes: [], links: [], saes: [], operators: [] }).policy;
const connected = (route: RouteType, pathHops: readonly number[] | null = null, relayPaths: number | null = 1) => {
  const connection: Connection = { route, pathHops, relayPaths };
  return { mandatory: connection, all: connection };
};
const facts: KeyRequestFacts = {
  policy,
  caller: "a" as SaeId,
  slave: "b" as SaeId,
  connections: connected("direct"),
};
const NOTHING_WISHED = { firm: NO_WISHES, preferred: NO_WISHES };
const withPolicy = (change: Partial<Policy>): KeyRequestFacts => ({ ...facts, policy: { ...policy, ...change } });

function faultOf(result: Result<unknown, Fault>): Fault {
  if (result.ok) throw new Error(`expected a fault, got ${JSON.stringify(result.value)}`);
  return result.error;
}
function valueOf<T>(result: Result<T, Fault>): T {
  if (!result.ok) throw new Error(`expected a value, got ${result.error.message}`);
  return result.value;
}
/** Parse and judge a POST body, as the route does. */
function judge(body: JsonValue, judgedBy: KeyRequestFacts = facts) {
  const parsed = parseKeyRequest(body);
  if (!parsed.ok) return parsed;
  const known = checkExtensions(parsed.value);
  return known.ok ? checkKeyRequest(parsed.value, judgedBy) : known;
}

const many = (item: JsonValue): JsonValue[] => Array.from({ length: 100_000 }, () => item);

describe("Key request: syntax", () => {
  test("defaults: {} and nulls ask for one key of the default size", () => {
    const expected = { number: 1, sizeBits: 256, additionalSlaves: [], wishes: NOTHING_WISHED };
    expect(valueOf(judge({}))).toEqual(expected);
    const nulls = {
      number: null,
      size: null,
      additional_slave_SAE_IDs: null,
      extension_mandatory: null,
      extension_optional: null,
    };
    expect(valueOf(judge(nulls))).toEqual(expected);
    expect(valueOf(checkKeyRequest(EMPTY_KEY_REQUEST, facts))).toEqual(expected);
  });

  test("1.0 is an integer; unknown members and empty lists are as absent", () => {
    const body = JSON.parse(
      '{"number":1.0,"size":128.0,"zzz":[1],"extension_mandatory":[],"extension_optional":[],"additional_slave_SAE_IDs":[]}',
    );
    expect(valueOf(judge(body))).toMatchObject({ number: 1, sizeBits: 128, additionalSlaves: [] });
  });

  test.each<[string, JsonValue, number]>([
    ["additional_slave_SAE_IDs", { additional_slave_SAE_IDs: many(0) }, 64],
    ["extension_mandatory", { extension_mandatory: many(0) }, 64],
    ["extension_optional", { extension_optional: many({}) }, 64],
    [
      "extension_mandatory",
      { extension_mandatory: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`x${n}`, n])) },
      64,
    ],
  ])("too many of %s are one fault that tells the bound", (member, body, max) => {
    const fault = faultOf(parseKeyRequest(body));
    expect(fault.code).toBe("bad-request");
    expect(fault.message).toMatch(new RegExp(`^${member}: .*\\b${max}\\b`));
    expect(fault.details?.length ?? 0).toBeLessThanOrEqual(1);
  });

  test("too many key_IDs are one fault that tells the bound", () => {
    const fault = faultOf(parseKeyIds({ key_IDs: many({}) }));
    expect(fault.message).toBe("key_IDs: shall hold at most 4096 ids");
    expect(fault.details).toHaveLength(1);
  });

  test.each<[string, JsonValue]>([
    ["number", { number: "2" }],
    ["number", { number: 1.5 }],
    ["number", { number: true }],
    ["number", { number: {} }],
    ["number", { number: Number.POSITIVE_INFINITY }],
    ["size", { size: "256" }],
    ["additional_slave_SAE_IDs", { additional_slave_SAE_IDs: "c" }],
    ["additional_slave_SAE_IDs.0", { additional_slave_SAE_IDs: [7] }],
    ["additional_slave_SAE_IDs.0", { additional_slave_SAE_IDs: [""] }],
    ["extension_mandatory", { extension_mandatory: "x" }],
    ["extension_mandatory", { extension_mandatory: [[]] }],
    ["extension_optional", { extension_optional: [1] }],
  ])("a wrong type is refused and named: %s of %j", (member, body) => {
    const fault = faultOf(judge(body));
    expect(fault.code).toBe("bad-request");
    expect(fault.message.startsWith(`${member}: `)).toBe(true);
    expect(fault.details?.length).toBeGreaterThan(0);
  });

  test.each([[null], [[]], ["x"], [7]])("not an object: %j", (body) => {
    expect(faultOf(judge(body as JsonValue)).message).toBe("the Key request: shall be a JSON object");
  });

  test("GET query: number and size, others ignored", () => {
    const parsed = valueOf(
      parseKeyRequestQuery(new URLSearchParams("number=2&size=128&key_type=1&additional_slave_SAE_IDs=c")),
    );
    expect(parsed).toEqual({ ...EMPTY_KEY_REQUEST, number: 2, sizeBits: 128 });
    expect(valueOf(parseKeyRequestQuery(new URLSearchParams("")))).toEqual(EMPTY_KEY_REQUEST);
  });

  test.each([
    "number=",
    "number=x",
    "number=1.0",
    "number=1&number=2",
    "size=0x10",
    "size=+8",
    "number=99999999999999999999",
    "extension_mandatory=x",
  ])("GET query refused: %s", (query) =>
    expect(faultOf(parseKeyRequestQuery(new URLSearchParams(query))).code).toBe("bad-request"),
  );
});

describe("Key request: extensions", () => {
  test("unknown mandatory: mandated message, parameter named, before ranges", () => {
    const fault = faultOf(judge({ number: 0, extension_mandatory: [{ zzz_unknown: 1 }] }));
    expect(fault.message).toBe("not all extension_mandatory parameters are supported");
    expect(fault.details).toEqual([{ extension_mandatory_unsupported: "zzz_unknown is not supported" }]);
  });

  test.each(["constructor", "__proto__", "toString", "prototype", "hasOwnProperty"])(
    "no name slips through: %s",
    (name) => {
      const body = JSON.parse(`{"extension_mandatory":[{"${name}":1}]}`);
      expect(faultOf(judge(body)).code).toBe("extension-mandatory-unsupported");
      expect(judge(JSON.parse(`{"extension_optional":[{"${name}":1}]}`)).ok).toBe(true);
    },
  );

  test("an object counts as an array of one, several pairs of an object all count", () => {
    expect(faultOf(judge({ extension_mandatory: { zzz: 1 } })).code).toBe("extension-mandatory-unsupported");
    expect(faultOf(judge({ extension_mandatory: [{ qkdedge_route_type: "direct", zzz: 1 }] })).code).toBe(
      "extension-mandatory-unsupported",
    );
  });

  test("qkdedge_route_type is met on a link only, by the value direct only", () => {
    const direct = { extension_mandatory: [{ qkdedge_route_type: "direct" }] };
    expect(judge(direct).ok).toBe(true);
    for (const route of ["same-node", "relay", "none"] as const) {
      expect(faultOf(judge(direct, { ...facts, connections: connected(route) })).message).toBe(
        "not all extension_mandatory request options could be met",
      );
    }
    for (const value of ["relay", 1, null, ["direct"], {}]) {
      for (const member of ["extension_mandatory", "extension_optional"]) {
        expect(faultOf(judge({ [member]: [{ qkdedge_route_type: value }] }))).toEqual({
          code: "bad-request",
          message: `${member}: qkdedge_route_type: shall be "direct"`,
          details: [{ parameter: "qkdedge_route_type", values: ["direct"] }],
        });
      }
    }
    expect(judge(direct, { ...facts, connections: null }).ok).toBe(true);
  });

  test("unknown optional ones are ignored, or refused by policy", () => {
    const body = { extension_optional: [{ zzz_unknown: 1 }] };
    expect(judge(body).ok).toBe(true);
    const refusing = withPolicy({ extension_optional: "refuse" });
    expect(faultOf(judge(body, refusing)).message).toBe("not all extension_optional request options handled");
    expect(judge({ extension_optional: [{ qkdedge_route_type: "direct" }] }, refusing).ok).toBe(true);
  });
});

describe("Key request: ranges", () => {
  test.each([65, 100_001, 1, 7])("size %i is not whole octets: mandated message", (size) => {
    expect(faultOf(judge({ size })).message).toBe(MANDATED_MESSAGES["size-not-octets"]);
  });
  test.each([0, -8, -7, 56, 4104])("size %i is out of range, with the bounds", (size) => {
    expect(faultOf(judge({ size })).message).toBe(`size: ${size} is outside 64..4096 bits`);
  });
  test.each([0, -1, 129])("number %i is out of range", (number) => {
    expect(faultOf(judge({ number })).message).toBe(`number: ${number} is outside 1..128`);
  });
  test("a container is bounded whatever the policy allows", () => {
    const wide = withPolicy({ max_key_per_request: 4096, key_size_bits: { min: 8, default: 256, max: 32_768 } });
    expect(faultOf(judge({ number: 4096, size: 32_768 }, wide)).message).toContain("1048576");
  });
  test.each<[string, string[]]>([
    ["an SAE twice", ["c", "c"]],
    ["the calling SAE", ["a"]],
    ["the slave SAE of the path", ["b"]],
    ["more than max_SAE_ID_count (1)", ["c", "d"]],
  ])("additional SAEs: %s", (why, slaves) => {
    const limits = why.startsWith("more") ? withPolicy({ max_sae_id_count: 1 }) : facts;
    expect(faultOf(judge({ additional_slave_SAE_IDs: slaves }, limits)).message).toContain(why);
  });
  test("max_SAE_ID_count 0: not even one", () => {
    expect(judge({ additional_slave_SAE_IDs: ["c"] }, withPolicy({ max_sae_id_count: 0 })).ok).toBe(false);
  });
});

describe("Key IDs", () => {
  const id = "0A1B2C3D-1111-4222-8333-444455556666";
  test("any case in, lower case out, extra members tolerated", () => {
    const body = { key_IDs: [{ key_ID: id, key: "AAAA", key_ID_extension: { x: 1 } }], key_IDs_extension: { y: 2 } };
    expect(expandRuns(valueOf(parseKeyIds(body)))).toEqual([id.toLowerCase()]);
    expect(valueOf(parseKeyIdsQuery(new URLSearchParams(`key_ID=${id}&key_type=1`)))).toEqual([id.toLowerCase()]);
  });
  test.each<JsonValue>([
    {},
    { key_IDs: [] },
    { key_IDs: null },
    { key_IDs: {} },
    { key_IDs: [{}] },
    { key_IDs: [id] },
    { key_IDs: [{ key_ID: "x" }] },
    { key_IDs: [{ key_ID: 1 }] },
    { key_IDs: [{ key_ID: `${id} ` }] },
    [],
    null,
  ])("refused: %j", (body) => expect(faultOf(parseKeyIds(body)).code).toBe("bad-request"));
  test.each(["", "key_ID=", "key_ID=x", `key_ID=${id}&key_ID=${id}`])("GET refused: %s", (query) => {
    expect(faultOf(parseKeyIdsQuery(new URLSearchParams(query))).code).toBe("bad-request");
  });
  test("duplicates in any spelling, and too many", () => {
    const twice = valueOf(parseKeyIds({ key_IDs: [{ key_ID: id }, { key_ID: id.toLowerCase() }] }));
    expect(faultOf(checkKeyIds(twice, 10)).message).toContain("twice");
    expect(faultOf(checkKeyIds(packRuns([id, `${id.slice(0, 32)}ffff`] as KeyId[]), 1)).message).toBe(
      "key_IDs: 2 ids, more than max_key_per_request (1)",
    );
  });
  test("a malformed id is not quoted back", () => {
    expect(JSON.stringify(faultOf(parseKeyIds({ key_IDs: [{ key_ID: "c2VjcmV0" }] })))).not.toContain("c2VjcmV0");
  });
});

describe("codecs under fuzz", () => {
  const nearly = fc.record(
    {
      number: fc.oneof(fc.integer({ min: -2, max: 200 }), fc.jsonValue()),
      size: fc.oneof(fc.integer({ min: -8, max: 5000 }), fc.jsonValue()),
      additional_slave_SAE_IDs: fc.oneof(fc.array(fc.constantFrom("a", "b", "c", "d")), fc.jsonValue()),
      extension_mandatory: fc.oneof(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), fc.jsonValue()),
      extension_optional: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );

  test("any JSON gives a Result; what passes respects every bound; every fault is a valid Error object", () => {
    fc.assert(
      fc.property(fc.oneof(nearly, fc.jsonValue()), (body) => {
        const judged = judge(body as JsonValue);
        if (judged.ok) {
          const { number, sizeBits, additionalSlaves } = judged.value;
          expect(Number.isInteger(number) && number >= 1 && number <= policy.max_key_per_request).toBe(true);
          expect(sizeBits % 8 === 0 && sizeBits >= 64 && sizeBits <= 4096).toBe(true);
          expect(additionalSlaves).not.toContain("a");
          expect(additionalSlaves).not.toContain("b");
        } else v.parse(ErrorSchema, JSON.parse(JSON.stringify(errorObject(judged.error))));
      }),
      { numRuns: 500 },
    );
  });

  test("any JSON as Key IDs, any text as query", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(fc.tuple(fc.constantFrom("key_ID", "number", "size", "x"), fc.string())),
        (body, query) => {
          const parsed = parseKeyIds(body as JsonValue);
          if (parsed.ok) expect(parsed.value.length).toBeGreaterThan(0);
          expect(typeof parseKeyIdsQuery(new URLSearchParams(query)).ok).toBe("boolean");
          expect(typeof parseKeyRequestQuery(new URLSearchParams(query)).ok).toBe("boolean");
        },
      ),
    );
  });
});

const keysOf = (grant: KeyGrant<KeyIdRun>) => {
  const parsed = v.parse(KeyContainerSchema, JSON.parse(writeKeyContainer(grant)));
  return parsed.keys.map(({ key_ID, key }): [string, number[]] => [key_ID, [...(fromBase64(key) ?? [])]]);
};

const one = (id: string, bytes: number[]): KeyGrant => ({
  keyIds: [id as KeyId],
  sizesBytes: [bytes.length],
  bytes: Uint8Array.from(bytes),
});

describe("Key container", () => {
  const grantArb = fc
    .array(fc.tuple(fc.uuid(), fc.uint8Array({ minLength: 1, maxLength: 64 })), { maxLength: 8 })
    .map((keys): KeyGrant => ({
      keyIds: keys.map(([id]) => id as KeyId),
      sizesBytes: keys.map(([, key]) => key.length),
      bytes: Uint8Array.from(keys.flatMap(([, key]) => [...key])),
    }));
  test("what is written reads back: ids, bytes and order", () => {
    fc.assert(
      fc.property(grantArb, (grant) => {
        const keys = keysOf(grant);
        expect(keys.map(([id]) => id)).toEqual(grant.keyIds);
        expect(keys.flatMap(([, key]) => key)).toEqual([...grant.bytes]);
        expect(keys.map(([, key]) => key.length)).toEqual(grant.sizesBytes);
      }),
    );
  });

  test("of a run, each key stands under its own ID", () => {
    const ids = ["00ff", "0001", "abcd"].map((tail) => `00000000-0000-4000-8000-00000000${tail}`) as KeyId[];
    const other = "11111111-0000-4000-8000-000000000001" as KeyId;
    const bytes = Uint8Array.from({ length: 3 * 4 + 2 }, (_, i) => i);
    expect(keysOf({ keyIds: [...packRuns(ids), other], sizesBytes: [4, 2], bytes })).toEqual([
      [ids[0], [0, 1, 2, 3]],
      [ids[1], [4, 5, 6, 7]],
      [ids[2], [8, 9, 10, 11]],
      [other, [12, 13]],
    ]);
  });

  test("merging restores the order asked for", () => {
    const ids = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
    const merged = mergeGrants(ids as KeyId[], [one(ids[1] as string, [2, 2, 2]), one(ids[0] as string, [1])]);
    expect(keysOf(merged)).toEqual([
      [ids[0], [1]],
      [ids[1], [2, 2, 2]],
    ]);
  });
});
