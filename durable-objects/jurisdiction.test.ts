/** The engine of the tests has no jurisdictions: namespaces here are told by their names. */
import { runInDurableObject } from "cloudflare:test";
import { DurableObject, env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { ObjectsEnv } from "./env.ts";
import { inJurisdiction, placedObject } from "./jurisdiction.ts";

const namespace = (place: string) => ({
  place,
  idFromName: (name: string) => `${place}/${name}`,
  jurisdiction: (name: string) => namespace(name),
});
const bindings = (jurisdiction?: string): ObjectsEnv =>
  ({
    KEY_POOL: namespace("anywhere"),
    ASSETS: { fetch: () => "a file" },
    QKD_GENERATION: "3",
    ...(jurisdiction === undefined ? {} : { QKD_JURISDICTION: jurisdiction }),
  }) as unknown as ObjectsEnv;
const placeOf = (of: ObjectsEnv): unknown => (of.KEY_POOL as unknown as { place: string }).place;

test("where none is set all is as it was", () => {
  for (const each of [bindings(), bindings("")]) expect(inJurisdiction(each)).toBe(each);
});

test("namespaces are those of the jurisdiction, and what else there is stays", () => {
  const before = bindings("eu");
  const made = inJurisdiction(before);
  expect(placeOf(made)).toBe("eu");
  expect({ ...made, KEY_POOL: null }).toEqual({ ...before, KEY_POOL: null });
  expect(inJurisdiction(before), "made once for an isolate").toBe(made);
});

test("an object gets them too", async () => {
  const seen: unknown[] = [];
  class Example extends DurableObject<ObjectsEnv> {
    constructor(ctx: DurableObjectState, own: ObjectsEnv) {
      super(ctx, own);
      seen.push(placeOf(own), placeOf(this.env));
    }
  }
  const Placed = placedObject(Example);
  const room = (env as unknown as ObjectsEnv).ROOM.getByName("of a state") as never;
  await runInDurableObject(room, async (_: unknown, ctx: DurableObjectState) => void new Placed(ctx, bindings("eu")));
  expect(seen).toEqual(["eu", "eu"]);
});
