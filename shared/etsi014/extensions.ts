/**
 * Extension parameters of a Key request (ETSI GS QKD 014 V1.1.1 clause 6.2), as a table: a parameter that stands here
 * is supported; its entry says which values it takes and whether a wish can be met.
 */
import { type Fault, fail, type JsonValue, mandatedFault } from "../errors/errors.ts";
import { MAX_DISJOINT_PATHS } from "../keypool/relay-shard.ts";
import { LIMITS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";

/** How master and slave are connected: one QKD link, one node, other nodes, or not at all. */
export type RouteType = "direct" | "same-node" | "relay" | "none";

export interface Extension {
  readonly name: string;
  readonly value: JsonValue;
}

/** What the parameters of a request come to. */
export interface Wishes {
  /** Over a link between the two nodes, without trusted nodes in between. */
  readonly isDirect: boolean;
  /** Links that the key may have come over; null: any number. */
  readonly maxHops: number | null;
  /** Node-disjoint paths that its shares come over, at least. */
  readonly disjointPaths: number;
}

/** What a wish is judged by. */
export interface Connection {
  readonly route: RouteType;
  /** Node-disjoint paths that the pair's relayed key comes over, whoever asks; null: no key is relayed between the two. */
  readonly relayPaths: number | null;
  /** Links of each path, as many as are disjoint where that is asked for; null: no wish depends on it. */
  readonly pathHops: readonly number[] | null;
}

/** Values that a parameter takes: whole numbers of a range, or one of these texts. */
type Values = readonly [min: number, max: number] | { readonly texts: readonly string[] };

interface Parameter {
  readonly values: Values;
  /** @param all the wishes of the request, this one among them @returns why it cannot be met; null where it can */
  readonly obstacle: (value: JsonValue, connection: Connection, all: Wishes) => string | null;
}

const NO_REASON = "";

/** name -> what it asks for */
const PARAMETERS: Readonly<Record<string, Parameter>> = {
  /** "direct": the key shall come from a link between the two nodes, without trusted nodes in between. */
  qkdedge_route_type: {
    values: { texts: ["direct"] },
    obstacle: (_, { route }, { disjointPaths }) => (route === "direct" && disjointPaths === 1 ? null : NO_REASON),
  },
  /** The key shall have come over so many links at most. */
  qkdedge_max_hops: { values: [1, LIMITS.relayHops], obstacle: (_, connection, all) => tooFar(connection, all) },
  /** The key shall be the XOR of shares that came over so many node-disjoint paths. */
  qkdedge_disjoint_paths: {
    values: [1, MAX_DISJOINT_PATHS],
    obstacle: (value, connection) => tooFewPaths(Number(value), connection),
  },
};

/** A link is one hop; over other nodes some path shall do, or all those that shares come over. */
function tooFar({ route, relayPaths, pathHops }: Connection, { maxHops, disjointPaths }: Wishes): string | null {
  if (route === "none") return NO_REASON;
  if (maxHops === null || pathHops === null || pathHops.length === 0) return null;
  const shares = Math.max(disjointPaths, relayPaths ?? 1);
  const hops = shares > 1 ? Math.max(...pathHops.slice(0, shares)) : Math.min(...pathHops);
  return hops <= maxHops ? null : `it takes ${hops} hops`;
}

/** Where nothing connects the nodes at present there may be key in store: the wish does not fail for the graph. */
function tooFewPaths(wanted: number, { pathHops, relayPaths }: Connection): string | null {
  if (wanted === 1) return null;
  if (relayPaths === null) return NO_REASON;
  const found = pathHops?.length ?? 0;
  if (found === 0 || wanted <= found) return null;
  return `between the nodes there ${found === 1 ? "is one path" : `are ${found} node-disjoint paths`}`;
}

const isSupported = (name: string): boolean => Object.hasOwn(PARAMETERS, name);

export const NO_WISHES: Wishes = { isDirect: false, maxHops: null, disjointPaths: 1 };

/** Of all these parameters together: what is asked for twice counts in its stricter form. */
export function wishesOf(extensions: readonly Extension[], base: Wishes = NO_WISHES): Wishes {
  const valuesOf = (name: string) => extensions.flatMap((each) => (each.name === name ? [each.value] : []));
  const hops = valuesOf("qkdedge_max_hops").map(Number);
  const maxHops = Math.min(base.maxHops ?? Infinity, ...hops);
  return {
    isDirect: base.isDirect || valuesOf("qkdedge_route_type").includes("direct"),
    maxHops: maxHops === Infinity ? null : maxHops,
    disjointPaths: Math.max(base.disjointPaths, ...valuesOf("qkdedge_disjoint_paths").map(Number)),
  };
}

/** Must it be known which paths there are, to judge these wishes? A link is one hop, whatever else there is. */
export function dependsOnPaths(wishes: Wishes, { route, relayPaths }: Omit<Connection, "pathHops">): boolean {
  if (relayPaths === null) return false;
  const isRelayed = route === "relay" || wishes.disjointPaths > 1;
  return wishes.disjointPaths > relayPaths || (isRelayed && wishes.maxHops !== null);
}

/** One detail per offending parameter, in the words of the standard's sample. */
const detailsOf = (member: string, complaints: readonly (readonly [name: string, complaint: string])[]) =>
  complaints.map(([name, complaint]) => ({ [member]: `${name} ${complaint}` }));

/** @returns `extension-mandatory-unsupported` naming each parameter that is not in the table. */
export function checkMandatorySupported(extensions: readonly Extension[]): Result<null, Fault> {
  const unknown = extensions.filter(({ name }) => !isSupported(name));
  if (unknown.length === 0) return ok(null);
  const details = detailsOf(
    "extension_mandatory_unsupported",
    unknown.map(({ name }) => [name, "is not supported"]),
  );
  return err(mandatedFault("extension-mandatory-unsupported", details));
}

const isAmong = (value: JsonValue, values: Values): boolean =>
  "texts" in values
    ? typeof value === "string" && values.texts.includes(value)
    : typeof value === "number" && Number.isInteger(value) && value >= values[0] && value <= values[1];

function misfit(member: string, parameter: string, values: Values): Result<never, Fault> {
  const shall = `${member}: ${parameter}: shall be`;
  if ("texts" in values) {
    const quoted = values.texts.map((text) => JSON.stringify(text)).join(" or ");
    return fail("bad-request", `${shall} ${quoted}`, [{ parameter, values: [...values.texts] }]);
  }
  const [min, max] = values;
  return fail("bad-request", `${shall} an integer, ${min} to ${max}`, [{ parameter, min, max }]);
}

/** @param member of the request: `extension_mandatory` @returns `bad-request` naming a parameter of a wrong value */
export function checkValues(member: string, extensions: readonly Extension[]): Result<null, Fault> {
  for (const { name, value } of extensions) {
    const values = isSupported(name) ? PARAMETERS[name]?.values : undefined;
    if (values !== undefined && !isAmong(value, values)) return misfit(member, name, values);
  }
  return ok(null);
}

/** Why these parameters cannot be met, all of them together; null where they can. */
function obstaclesTo(extensions: readonly Extension[], connection: Connection, all: Wishes): [string, string][] {
  return extensions.flatMap(({ name, value }): [string, string][] => {
    const obstacle = isSupported(name) ? (PARAMETERS[name]?.obstacle(value, connection, all) ?? null) : NO_REASON;
    return obstacle === null ? [] : [[name, obstacle === NO_REASON ? "" : `: ${obstacle}`]];
  });
}

/** @returns `extension-mandatory-unmet` naming each parameter whose wish this connection cannot meet. */
export function checkMandatoryMet(extensions: readonly Extension[], connection: Connection): Result<null, Fault> {
  const unmet = obstaclesTo(extensions, connection, wishesOf(extensions));
  if (unmet.length === 0) return ok(null);
  const complaints = unmet.map(([name, reason]) => [name, `cannot be met${reason}`] as const);
  return err(mandatedFault("extension-mandatory-unmet", detailsOf("extension_mandatory_unmet", complaints)));
}

/** Optional parameters that are unknown or cannot be met, where the policy refuses them: clause 6.2 leaves the choice. */
export function checkOptionalMet(
  extensions: readonly Extension[],
  connection: Connection,
  firm: Wishes,
): Result<null, Fault> {
  const left = obstaclesTo(extensions, connection, wishesOf(extensions, firm));
  if (left.length === 0) return ok(null);
  const complaints = left.map(([name, reason]) => [name, `is not handled${reason}`] as const);
  return err(mandatedFault("extension-optional-unhandled", detailsOf("extension_optional_unhandled", complaints)));
}

/** What is tried first where the policy ignores optional parameters that are unknown or cannot be met: the others. */
export function preferencesOf(extensions: readonly Extension[], connection: Connection, firm: Wishes): Wishes {
  const known = extensions.filter(({ name }) => isSupported(name));
  const all = wishesOf(known, firm);
  return wishesOf(
    known.filter((extension) => obstaclesTo([extension], connection, all).length === 0),
    firm,
  );
}
