/** The engine of the tests has no jurisdictions: namespaces here are told by their names. */
import { runInDurableObject } from "cloudflare:test";
import { DurableObject, env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { deployedEnv, deployedObject } from "./deployed.ts";
import type { ObjectsEnv } from "./env.ts";

const namespace = (place: string) => ({
  idFromName: (name: string) => `${place}/${name}`,
  jurisdiction: (name: string) => namespace(name),
});
const bindings = (jurisdiction: string): ObjectsEnv =>
  ({
    KEY_POOL: namespace("anywhere"),
    ASSETS: (env as unknown as { readonly ASSETS: unknown }).ASSETS,
    QKD_GENERATION: "3",
    QKD_JURISDICTION: jurisdiction,
  }) as unknown as ObjectsEnv;
const placeOf = (of: ObjectsEnv): unknown => of.KEY_POOL.idFromName("pool");

test("namespaces are those of the jurisdiction, and what else there is stays", () => {
  for (const [set, place] of [
    ["", "anywhere/pool"],
    ["eu", "eu/pool"],
  ] as const) {
    const before = bindings(set);
    const made = deployedEnv(before);
    expect(placeOf(made)).toBe(place);
    const others = Object.entries(before).filter(([key]) => key !== "KEY_POOL");
    for (const [key, binding] of others) expect(Reflect.get(made, key)).toBe(binding);
    expect(Object.keys(made)).toEqual(Object.keys(before));
    expect(deployedEnv(before), "made once for an isolate").toBe(made);
  }
});

test("an object gets them too", async () => {
  const seen: unknown[] = [];
  class Example extends DurableObject<ObjectsEnv> {
    constructor(ctx: DurableObjectState, own: ObjectsEnv) {
      super(ctx, own);
      seen.push(placeOf(own), placeOf(this.env));
    }
  }
  const Deployed = deployedObject(Example);
  const room = (env as unknown as ObjectsEnv).ROOM.getByName("of a state") as never;
  await runInDurableObject(room, async (_: unknown, ctx: DurableObjectState) => void new Deployed(ctx, bindings("eu")));
  expect(seen).toEqual(["eu/pool", "eu/pool"]);
});
