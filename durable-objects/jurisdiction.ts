/**
 * Keeps every object of a deployment in one jurisdiction of the platform's, so that no key is stored or used elsewhere. Objects
 * of one do not see those of another: it is chosen before the first object is made.
 */
import type { DurableObject } from "cloudflare:workers";
import type { ObjectsEnv } from "./env.ts";

interface Placeable {
  jurisdiction(name: string): object;
}

const isPlaceable = (binding: unknown): binding is Placeable =>
  typeof binding === "object" && binding !== null && "idFromName" in binding && "jurisdiction" in binding;

const placed = new WeakMap<object, object>();

/** The bindings, with the namespaces of `QKD_JURISDICTION`; as they are where it is not set. */
export function inJurisdiction<E extends ObjectsEnv>(env: E): E {
  const name = env.QKD_JURISDICTION;
  if (name === undefined || name === "") return env;
  const known = placed.get(env);
  if (known !== undefined) return known as E;
  const bindings = Object.entries(env).map(
    ([key, binding]: [string, unknown]) => [key, isPlaceable(binding) ? binding.jurisdiction(name) : binding] as const,
  );
  const made = { ...env, ...Object.fromEntries(bindings) };
  placed.set(env, made);
  return made;
}

type ObjectClass = new (ctx: DurableObjectState, env: ObjectsEnv) => DurableObject<ObjectsEnv>;

/** An object that finds the others where it is itself. */
export const placedObject = (Class: ObjectClass): ObjectClass =>
  class extends Class {
    constructor(ctx: DurableObjectState, env: ObjectsEnv) {
      super(ctx, inJurisdiction(env));
    }
  };
