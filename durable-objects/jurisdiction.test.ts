/** The engine of the tests has no jurisdictions: namespaces here are told by their names. */
import { expect, test } from "vitest";
import type { ObjectsEnv } from "./env.ts";
import { inJurisdiction, type Placeable } from "./jurisdiction.ts";

const namespace = (place: string) => ({ place, jurisdiction: namespace }) as unknown as Placeable;
const bindings = (jurisdiction?: string): ObjectsEnv =>
  (jurisdiction === undefined ? {} : { QKD_JURISDICTION: jurisdiction }) as ObjectsEnv;

test("a namespace is the one of the jurisdiction; as it was where none is set", () => {
  const anywhere = namespace("anywhere");
  for (const none of [undefined, ""]) expect(inJurisdiction(anywhere, bindings(none))).toBe(anywhere);
  expect(inJurisdiction(anywhere, bindings("eu"))).toMatchObject({ place: "eu" });
});
