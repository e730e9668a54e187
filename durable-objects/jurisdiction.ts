/**
 * Keeps every object of a deployment in one jurisdiction of the platform's, so that no key is stored or used elsewhere. Objects
 * of one do not see those of another: it is chosen before the first object is made.
 */
import type { ObjectNamespace, ObjectsEnv } from "./env.ts";

/** @param namespace as it is bound @returns the one of `QKD_JURISDICTION`; as it is where that is not set */
export function inJurisdiction(namespace: Placeable, { QKD_JURISDICTION: name }: ObjectsEnv): ObjectNamespace<object> {
  return name === undefined || name === "" ? namespace : namespace.jurisdiction(name);
}

export interface Placeable extends ObjectNamespace<object> {
  jurisdiction(name: string): ObjectNamespace<object>;
}
