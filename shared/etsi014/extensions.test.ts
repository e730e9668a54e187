import * as v from "valibot";
import { describe, expect, test } from "vitest";
import type { Fault, JsonValue } from "../errors/errors.ts";
import type { SaeId } from "../ids.ts";
import { NetworkDocumentSchema, type Policy } from "../network/document.ts";
import type { Result } from "../result.ts";
import { type Connection, dependsOnPaths, NO_WISHES, type RouteType, wishesOf } from "./extensions.ts";
import { checkExtensions, checkKeyRequest, parseKeyRequest, type RankedWishes } from "./key-request.ts";

const policy: Policy = v.parse(NetworkDocumentSchema, { nodes: [], links: [], saes: [], operators: [] }).policy;
type Found = readonly number[] | null;
const connection = (route: RouteType, pathHops: Found = null, relayPaths: number | null = 1): Connection => ({
  route,
  pathHops,
  relayPaths,
});

/** As the route does, where both connections are the same. */
function judge(
  body: { mandatory?: JsonValue; optional?: JsonValue },
  all: Connection,
  unhandled: Policy["extension_optional"] = "ignore",
): Result<RankedWishes, Fault> {
  const { mandatory = null, optional = null } = body;
  const parsed = parseKeyRequest({ extension_mandatory: mandatory, extension_optional: optional });
  if (!parsed.ok) return parsed;
  const known = checkExtensions(parsed.value);
  if (!known.ok) return known;
  const checked = checkKeyRequest(parsed.value, {
    policy: { ...policy, extension_optional: unhandled },
    caller: "a" as SaeId,
    slave: "b" as SaeId,
    connections: { mandatory: all, all },
  });
  return checked.ok ? { ok: true, value: checked.value.wishes } : checked;
}
const complaintOf = (result: Result<RankedWishes, Fault>): unknown =>
  result.ok ? "met" : Object.values(result.error.details?.[0] ?? {})[0];

describe("values", () => {
  test.each<JsonValue>([0, 65, 1.5, "2", true, null, [2], {}])("max_hops %j is refused by name and range", (value) => {
    for (const member of ["mandatory", "optional"] as const) {
      const judged = judge({ [member]: { qkdedge_max_hops: value } }, connection("direct"));
      expect(judged).toMatchObject({
        ok: false,
        error: {
          code: "bad-request",
          message: `extension_${member}: qkdedge_max_hops: shall be an integer, 1 to 64`,
          details: [{ parameter: "qkdedge_max_hops", min: 1, max: 64 }],
        },
      });
    }
  });

  test.each<JsonValue>([0, 5, -1, "1", null])("disjoint_paths %j is refused by name and range", (value) => {
    const judged = judge({ mandatory: { qkdedge_disjoint_paths: value } }, connection("relay", [2]));
    expect(judged).toMatchObject({
      error: { message: expect.stringContaining("qkdedge_disjoint_paths: shall be an") },
    });
  });

  test("one that is not supported is told before one of a wrong type", () => {
    const judged = judge({ mandatory: [{ qkdedge_max_hops: "x" }, { zzz: 1 }] }, connection("direct"));
    expect(judged).toMatchObject({ error: { code: "extension-mandatory-unsupported" } });
  });

  test("what is asked for twice counts in its stricter form", () => {
    const twice = [
      { name: "qkdedge_max_hops", value: 4 },
      { name: "qkdedge_max_hops", value: 3 },
      { name: "qkdedge_disjoint_paths", value: 2 },
      { name: "qkdedge_disjoint_paths", value: 1 },
    ];
    expect(wishesOf(twice)).toEqual({ isDirect: false, maxHops: 3, disjointPaths: 2 });
    expect(wishesOf([])).toEqual(NO_WISHES);
  });
});

const UNMET = "cannot be met";
describe("what a connection can meet", () => {
  test.each<[wish: { [name: string]: JsonValue }, Connection, complaint: string]>([
    [{ qkdedge_max_hops: 1 }, connection("same-node", null, null), "met"],
    [{ qkdedge_max_hops: 1 }, connection("direct"), "met"],
    [{ qkdedge_max_hops: 1 }, connection("none", null, null), `qkdedge_max_hops ${UNMET}`],
    [{ qkdedge_max_hops: 2 }, connection("relay", [3, 2, 5]), "met"],
    [{ qkdedge_max_hops: 2 }, connection("relay", [4, 3]), `qkdedge_max_hops ${UNMET}: it takes 3 hops`],
    // No path at present: there may be key in store, and the pool tells what is cut.
    [{ qkdedge_max_hops: 2 }, connection("relay", []), "met"],
    [{ qkdedge_disjoint_paths: 1 }, connection("same-node", null, null), "met"],
    [{ qkdedge_disjoint_paths: 2 }, connection("same-node", null, null), `qkdedge_disjoint_paths ${UNMET}`],
    [{ qkdedge_disjoint_paths: 2 }, connection("direct", null, null), `qkdedge_disjoint_paths ${UNMET}`],
    [{ qkdedge_disjoint_paths: 2 }, connection("direct", [1, 3]), "met"],
    [
      { qkdedge_disjoint_paths: 2 },
      connection("direct", [1]),
      `qkdedge_disjoint_paths ${UNMET}: between the nodes there is one path`,
    ],
    [
      { qkdedge_disjoint_paths: 3 },
      connection("relay", [2, 2]),
      `qkdedge_disjoint_paths ${UNMET}: between the nodes there are 2 node-disjoint paths`,
    ],
    [{ qkdedge_disjoint_paths: 2 }, connection("relay", []), "met"],
    // A pair whose keys come over two paths anyway: nobody has to be asked.
    [{ qkdedge_disjoint_paths: 2 }, connection("relay", null, 2), "met"],
    // Of shares, all have come so far.
    [{ qkdedge_disjoint_paths: 2, qkdedge_max_hops: 2 }, connection("relay", [2, 2, 5]), "met"],
    [
      { qkdedge_disjoint_paths: 2, qkdedge_max_hops: 2 },
      connection("relay", [2, 3]),
      `qkdedge_max_hops ${UNMET}: it takes 3 hops`,
    ],
    [{ qkdedge_max_hops: 2 }, connection("relay", [2, 3], 2), `qkdedge_max_hops ${UNMET}: it takes 3 hops`],
    [
      { qkdedge_route_type: "direct", qkdedge_disjoint_paths: 2 },
      connection("direct", [1, 2]),
      `qkdedge_route_type ${UNMET}`,
    ],
    [{ qkdedge_route_type: "direct", qkdedge_disjoint_paths: 1, qkdedge_max_hops: 1 }, connection("direct"), "met"],
  ])("%j over %j: %s", (wish, over, complaint) => {
    expect(complaintOf(judge({ mandatory: wish }, over))).toBe(complaint);
    expect(complaintOf(judge({ optional: wish }, over, "refuse"))).toBe(complaint.replace(UNMET, "is not handled"));
    expect(complaintOf(judge({ optional: wish }, over))).toBe("met");
  });

  test.each<[wish: { [name: string]: JsonValue }, RouteType, relayPaths: number | null, boolean]>([
    [{}, "relay", 1, false],
    [{ qkdedge_max_hops: 3 }, "direct", 1, false],
    [{ qkdedge_max_hops: 3 }, "relay", 1, true],
    [{ qkdedge_disjoint_paths: 2 }, "direct", 1, true],
    [{ qkdedge_disjoint_paths: 2 }, "direct", null, false],
    [{ qkdedge_disjoint_paths: 2 }, "relay", 2, false],
    [{ qkdedge_disjoint_paths: 2, qkdedge_max_hops: 3 }, "relay", 2, true],
    [{ qkdedge_route_type: "direct" }, "relay", 1, false],
  ])("%j of a pair connected by %s, %j paths: are the paths asked for? %j", (wish, route, relayPaths, isAsked) => {
    const wishes = wishesOf(Object.entries(wish).map(([name, value]) => ({ name, value })));
    expect(dependsOnPaths(wishes, { route, relayPaths })).toBe(isAsked);
  });
});

const preferring = (optional: JsonValue, over: Connection) => judge({ optional }, over);
describe("preferences", () => {
  test("those that can be met are tried first, the others and unknown ones are as if not asked for", () => {
    const wished = { qkdedge_max_hops: 2, qkdedge_route_type: "direct", zzz: [1] };
    expect(preferring(wished, connection("relay", [2]))).toMatchObject({
      value: { firm: NO_WISHES, preferred: { isDirect: false, maxHops: 2, disjointPaths: 1 } },
    });
    expect(preferring(wished, connection("relay", [3]))).toMatchObject({
      value: { firm: NO_WISHES, preferred: NO_WISHES },
    });
  });

  test("are firm where the policy refuses what is not handled", () => {
    const wishes = { isDirect: true, maxHops: null, disjointPaths: 1 };
    expect(judge({ optional: { qkdedge_route_type: "direct" } }, connection("direct"), "refuse")).toEqual({
      ok: true,
      value: { firm: wishes, preferred: wishes },
    });
  });
});
