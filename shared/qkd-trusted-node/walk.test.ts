import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBase64 } from "../bytes/base64.ts";
import { copyOf } from "../bytes/copy.ts";
import { parseShape } from "../errors/members.ts";
import { type ExtKeysRequest, ExtKeysRequestSchema, VoidRequestSchema } from "./messages.ts";
import { arrive, fetchRequest, firstRequest, nextOf, onward, unwrap } from "./walk.ts";

const ID = "bc490419-7d60-487f-adc1-4ddcc177c139";
const journey = { master: "sae-a", slave: "sae-b", path: ["n0", "n1", "n2", "n3"], heard: [] };

/** What an operation gave, or the words of its fault. */
const given = <T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

test("over any path the key of the first link arrives, and nothing of it crosses a further link unmasked", () => {
  const bytes = fc.uint8Array({ minLength: 8, maxLength: 64 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 8 }), fc.infiniteStream(fc.nat(255)), (first, hops, random) => {
      const path = Array.from({ length: hops + 1 }, (_, at) => `n${at}`);
      const pad = () => Uint8Array.from({ length: first.length }, () => random.next().value as number);
      let request = firstRequest({ ...journey, path }, ID);
      let linkKey = copyOf(first);
      for (let at = 1; at <= hops; at++) {
        const walk = given(unwrap(given(arrive(parsed(request), `n${at}`)), linkKey));
        expect(walk.key.id).toBe(ID);
        expect([...walk.key.bytes]).toEqual([...first]);
        if (walk.state === "ended") {
          expect(at).toBe(hops);
          return;
        }
        const next = pad();
        linkKey = copyOf(next);
        request = given(onward(walk, { id: ID.replace("bc", `${at}0`), bytes: next }));
        expect(request.key).toBe(toBase64(first.map((byte, i) => byte ^ (linkKey[i] as number))));
        // Both are wiped.
        expect([...walk.key.bytes, ...next].every((byte) => byte === 0)).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

const parsed = (request: ExtKeysRequest): ExtKeysRequest => {
  const { key, ...rest } = request;
  return given(parseShape(ExtKeysRequestSchema, JSON.parse(JSON.stringify(key === null ? rest : request)), "it"));
};

describe("what is refused before a key is taken", () => {
  const request = firstRequest(journey, ID);
  test.each<readonly [what: string, change: Partial<ExtKeysRequest>, words: string]>([
    ["another's path", { path_to_go: ["n2", "n3"] }, "does not begin with the node that is asked"],
    ["no path", { path_to_go: [] }, "does not begin with the node that is asked"],
    ["a loop", { path_to_go: ["n1", "n2", "n1"] }, "leads to a node twice"],
    ["another target", { target_trusted_node_id: "n9" }, "is not the last of path_to_go"],
    ["no key beyond the first link", { key_id: ID.replace("bc", "00") }, "this is not the first link"],
  ])("%s", (_, change, words) => {
    expect(() => given(arrive({ ...request, ...change }, "n1"))).toThrow(words);
  });

  test("a key that is longer than the link's", () => {
    const arrived = given(arrive({ ...request, key: toBase64(new Uint8Array(9)) }, "n1"));
    expect(() => given(unwrap(arrived, new Uint8Array(8)))).toThrow("longer than the link's");
  });

  test("a next link whose key is too short", () => {
    const walk = given(unwrap(given(arrive(request, "n1")), new Uint8Array(8)));
    if (walk.state !== "underway") throw new Error("ended");
    expect(() => given(onward(walk, { id: ID, bytes: new Uint8Array(7) }))).toThrow("too short");
  });
});

test("a link's key that is longer is used as far as the key goes, as the original does", () => {
  const arrived = given(arrive({ ...firstRequest(journey, ID), key: toBase64(Uint8Array.of(1, 2)) }, "n1"));
  expect([...given(unwrap(arrived, Uint8Array.of(3, 3, 3))).key.bytes]).toEqual([2, 1]);
});

test("IDs are looked at in lower case, whatever a KME writes", () => {
  const [upper, lower] = [ID.toUpperCase(), { first_key_id: ID, key_id: ID }];
  const arrived = given(arrive(parsed({ ...firstRequest(journey, upper), key_id: ID }), "n1"));
  expect(arrived.request).toMatchObject(lower);
});

test("void asks along the path for keys by their IDs", () => {
  const request = given(parseShape(VoidRequestSchema, fetchRequest(journey, [ID]), "it"));
  expect(request).toMatchObject({ key_ids: [ID], initiator_sae_id: "sae-a", target_sae_id: "sae-b" });
  expect(given(nextOf(request, "n1"))).toBe("n2");
});
