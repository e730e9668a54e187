/** The objects as they are deployed: all in one jurisdiction, and each knows what request it is called for. */
import type { ObjectsEnv } from "./env.ts";
import { inJurisdiction, type Placeable } from "./jurisdiction.ts";
import { calledNamespace } from "./telemetry/calls.ts";
import { type ObjectClass, servingObject } from "./telemetry/served.ts";

/** Of services every name is one of a method, as callers see it: what has `fetch` is one of those. */
const isNamespace = (binding: unknown): binding is Placeable =>
  typeof binding === "object" && binding !== null && "idFromName" in binding && !("fetch" in binding);

const made = new WeakMap<object, object>();

/** The bindings, with the namespaces of objects as callers shall have them. */
export function deployedEnv<E extends ObjectsEnv>(env: E): E {
  const known = made.get(env);
  if (known !== undefined) return known as E;
  const bindings = Object.entries(env).map(([key, binding]: [string, unknown]) => {
    return [key, isNamespace(binding) ? calledNamespace(inJurisdiction(binding, env), classOf(key)) : binding] as const;
  });
  const deployed = { ...env, ...Object.fromEntries(bindings) };
  made.set(env, deployed);
  return deployed;
}

/** `KEY_POOL` -> `KeyPool`. */
const classOf = (binding: string): string =>
  binding
    .split("_")
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join("");

/** An object that finds the others as the Worker does. */
export const deployedObject = (Class: ObjectClass): ObjectClass =>
  class extends servingObject(Class) {
    constructor(ctx: DurableObjectState, env: ObjectsEnv) {
      super(ctx, deployedEnv(env));
    }
  };
