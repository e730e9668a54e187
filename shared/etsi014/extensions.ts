/**
 * Extension parameters of a Key request (ETSI GS QKD 014 V1.1.1 clause 6.2), as a table: a parameter that stands here
 * is supported; its entry says whether a wish can be met.
 */
import { type Fault, type JsonValue, mandatedFault } from "../errors/errors.ts";
import { err, ok, type Result } from "../result.ts";

/** How master and slave are connected: one QKD link, one node, or neither. */
export type RouteType = "direct" | "same-node" | "none";

export interface Extension {
  readonly name: string;
  readonly value: JsonValue;
}

/** name -> can this wish be met by a route of this type? */
const EXTENSIONS: Readonly<Record<string, (value: JsonValue, route: RouteType) => boolean>> = {
  /** "direct": the key shall come from a link between the two nodes, without trusted nodes in between. */
  qkdedge_route_type: (value, route) => value === "direct" && route === "direct",
};

const isSupported = (name: string): boolean => Object.hasOwn(EXTENSIONS, name);

/** One detail per offending parameter, in the words of the standard's sample. */
const detailsOf = (member: string, extensions: readonly Extension[], complaint: string) =>
  extensions.map(({ name }) => ({ [member]: `${name} ${complaint}` }));

/** @returns `extension-mandatory-unsupported` naming each parameter that is not in the table. */
export function checkMandatorySupported(extensions: readonly Extension[]): Result<null, Fault> {
  const unknown = extensions.filter(({ name }) => !isSupported(name));
  if (unknown.length === 0) return ok(null);
  const details = detailsOf("extension_mandatory_unsupported", unknown, "is not supported");
  return err(mandatedFault("extension-mandatory-unsupported", details));
}

/** @returns `extension-mandatory-unmet` naming each parameter whose wish this route cannot meet. */
export function checkMandatoryMet(extensions: readonly Extension[], route: RouteType): Result<null, Fault> {
  const unmet = extensions.filter(({ name, value }) => EXTENSIONS[name]?.(value, route) !== true);
  if (unmet.length === 0) return ok(null);
  return err(
    mandatedFault("extension-mandatory-unmet", detailsOf("extension_mandatory_unmet", unmet, "cannot be met")),
  );
}

/**
 * Optional parameters that are unknown or cannot be met are ignored, or refused where the policy says so: clause 6.2
 * leaves the choice.
 */
export function checkOptional(
  extensions: readonly Extension[],
  route: RouteType,
  unhandled: "ignore" | "refuse",
): Result<null, Fault> {
  if (unhandled === "ignore") return ok(null);
  const left = extensions.filter(({ name, value }) => !isSupported(name) || EXTENSIONS[name]?.(value, route) !== true);
  if (left.length === 0) return ok(null);
  const details = detailsOf("extension_optional_unhandled", left, "is not handled");
  return err(mandatedFault("extension-optional-unhandled", details));
}
