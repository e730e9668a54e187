/**
 * Who wants hybrid key, and of what: `hybrid://<name>@<UUID>?hybridization=<method>&<sources>`, as the hybridization
 * module and the proxy agents write it. Split as Python's `urlparse` and `parse_qs` do, which the module uses: path and
 * fragment are ignored, parameters without a value are as absent. Stricter where the module would pass over what was
 * asked for: an unknown parameter, such as a source after `&` in place of a comma, or one that is named twice with
 * different values, is a fault.
 */
import { type Result, err, ok } from "../result.ts";
import { LIMITS } from "../limits.ts";
import { percentDecoded } from "../bytes/percent.ts";
import { kemNamed } from "../kem/names.ts";
import { DEFAULT_METHOD, METHOD_NAMES, type MethodName, methodNamed } from "./methods.ts";
import type { Source, SourceAlgorithm } from "./types.ts";

/** Where KEM keys and combining live: in the two sites' agents, or in the edge. */
export type KemPlace = "agent" | "edge";

export interface HybridUri {
  /** As written; may be empty. */
  readonly name: string;
  /** The node's UUID, in lower case. */
  readonly node: string;
  readonly method: MethodName;
  readonly sources: readonly Source[];
  /** Null where the URI does not say. */
  readonly kem: KemPlace | null;
}

export type UriCode =
  | "not-hybrid"
  | "bad-uri"
  | "unknown-method"
  | "unknown-kem"
  | "no-sources"
  | "too-many-sources"
  | "uris-differ";

export interface UriFault {
  readonly code: UriCode;
  /** The part of the URI that is at fault: a parameter's name, `scheme`, `node` or `uri`. */
  readonly member: string;
  /** Begins with the code; fit for the caller. */
  readonly message: string;
}

const SHOWN_CHARS = 64;
const shown = (text: string): string =>
  JSON.stringify(text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}...` : text);

const fault = (code: UriCode, member: string, what: string) =>
  err<UriFault>({ code, member, message: `${code}: ${member}: ${what}` });

/** RFC 3986 clause 3: authority, path, query, fragment. */
const PARTS = /^hybrid:\/\/(?<authority>[^/?#]*)[^?#]*(?:\?(?<query>[^#]*))?(?:#.*)?$/isu;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Which parameters list sources: are these required, and is QKD meant besides? */
const LISTS = {
  key_sources: { required: true, andQkd: false },
  req_key_sources: { required: true, andQkd: false },
  opt_key_sources: { required: false, andQkd: false },
  kem_mec: { required: true, andQkd: true },
} as const;
type ListName = keyof typeof LISTS;
const isList = (name: string): name is ListName => Object.hasOwn(LISTS, name);

type Parameters = ReadonlyMap<string, string>;

/** @returns in the order of the URI */
function parametersOf(query: string): Result<Parameters, UriFault> {
  const parameters = new Map<string, string>();
  for (const field of query.split("&")) {
    if (field === "") continue;
    const at = field.includes("=") ? field.indexOf("=") : field.length;
    const [name, value] = [field.slice(0, at), field.slice(at + 1)].map((part) =>
      percentDecoded(part.replaceAll("+", " ")),
    );
    if (typeof name !== "string" || typeof value !== "string") {
      return fault("bad-uri", "uri", `shall be percent-encoded UTF-8, which ${shown(field)} is not`);
    }
    if (!isList(name) && name !== "hybridization" && name !== "kem") {
      return fault("bad-uri", "uri", `has no parameter ${shown(name)}`);
    }
    if (value === "") continue;
    const before = parameters.get(name);
    if (before !== undefined && before !== value) {
      return fault("bad-uri", name, `is named twice, as ${shown(before)} and as ${shown(value)}`);
    }
    parameters.set(name, value);
  }
  return ok(parameters);
}

const algorithmNamed = (text: string): SourceAlgorithm | null =>
  text.toLowerCase() === "qkd" ? "QKD" : kemNamed(text);

/**
 * KEMs in the order of the URI, each mention a secret of its own; then QKD, which is one stream however often it is
 * named, and required where it is so once.
 */
function sourcesOf(parameters: Parameters): Result<readonly Source[], UriFault> {
  const kems: Source[] = [];
  let qkd: "absent" | "optional" | "required" = "absent";
  for (const [list, text] of parameters) {
    if (!isList(list)) continue;
    const { required, andQkd } = LISTS[list];
    for (const name of [...text.split(","), ...(andQkd ? ["QKD"] : [])]) {
      const algorithm = algorithmNamed(name);
      if (algorithm === null) return fault("unknown-kem", list, `there is no source ${shown(name)}`);
      if (algorithm !== "QKD") kems.push({ algorithm, slot: kems.length, required });
      else if (qkd !== "required") qkd = required ? "required" : "optional";
    }
  }
  const sources: readonly Source[] =
    qkd === "absent" ? kems : [...kems, { algorithm: "QKD", slot: 0, required: qkd === "required" }];
  if (sources.length === 0) {
    return fault("no-sources", "key_sources", `name at least one in ${Object.keys(LISTS).join(", ")}`);
  }
  if (sources.length > LIMITS.hybridSources) {
    return fault("too-many-sources", "key_sources", `${sources.length}, at most ${LIMITS.hybridSources}`);
  }
  return ok(sources);
}

function methodOf(parameters: Parameters): Result<MethodName, UriFault> {
  const text = parameters.get("hybridization");
  const method = text === undefined ? DEFAULT_METHOD : methodNamed(text);
  return method === null
    ? fault("unknown-method", "hybridization", `${shown(text ?? "")} is none of ${METHOD_NAMES.join(", ")}`)
    : ok(method);
}

function kemPlaceOf(parameters: Parameters): Result<KemPlace | null, UriFault> {
  const place = parameters.get("kem")?.toLowerCase() ?? null;
  return place === null || place === "agent" || place === "edge"
    ? ok(place)
    : fault("bad-uri", "kem", `${shown(place)} is neither agent nor edge`);
}

interface Split {
  readonly name: string;
  readonly node: string;
  readonly query: string;
}

function split(text: string): Result<Split, UriFault> {
  if (text.length > LIMITS.streamUriChars) return fault("bad-uri", "uri", `longer than ${LIMITS.streamUriChars}`);
  if (!/^hybrid:/i.test(text)) return fault("not-hybrid", "scheme", "shall be hybrid");
  const parts = PARTS.exec(text)?.groups;
  if (parts === undefined) return fault("bad-uri", "uri", "shall be hybrid://<name>@<UUID>?<parameters>");
  const [name, node, ...more] = (parts["authority"] ?? "").split("@");
  if (name === undefined || node === undefined || more.length > 0 || !UUID.test(node)) {
    return fault("bad-uri", "node", "shall be <name>@<UUID>");
  }
  return ok({ name, node: node.toLowerCase(), query: parts["query"] ?? "" });
}

function ofSplit({ name, node, query }: Split): Result<HybridUri, UriFault> {
  const parameters = parametersOf(query);
  if (!parameters.ok) return parameters;
  const method = methodOf(parameters.value);
  if (!method.ok) return method;
  const kem = kemPlaceOf(parameters.value);
  if (!kem.ok) return kem;
  const sources = sourcesOf(parameters.value);
  return sources.ok ? ok({ name, node, method: method.value, sources: sources.value, kem: kem.value }) : sources;
}

export function parseHybridUri(text: string): Result<HybridUri, UriFault> {
  const parts = split(text);
  return parts.ok ? ofSplit(parts.value) : parts;
}

/** What both URIs of an OPEN_CONNECT say. */
export interface Roles {
  /** UUIDs of nodes: the initiator's is the source's. */
  readonly initiator: string;
  readonly responder: string;
  readonly method: MethodName;
  readonly sources: readonly Source[];
  readonly kem: KemPlace | null;
}

const listed = (sources: readonly Source[]): string =>
  sources.map(({ algorithm, required }) => (required ? algorithm : `${algorithm} (optional)`)).join(", ");

/**
 * Both ends pass the same two texts, so roles need no negotiation. A destination without any query means the source's:
 * the hybridization module reads no other.
 */
export function rolesOf(sourceUri: string, destinationUri: string): Result<Roles, UriFault> {
  const source = parseHybridUri(sourceUri);
  if (!source.ok) return source;
  const parts = split(destinationUri);
  if (!parts.ok) return parts;
  const destination = parts.value.query === "" ? ok({ ...source.value, node: parts.value.node }) : ofSplit(parts.value);
  if (!destination.ok) return destination;
  const [from, to] = [source.value, destination.value];
  if (from.node === to.node) return fault("bad-uri", "node", "source and destination name the same");
  const told: readonly (readonly [member: string, from: string, to: string])[] = [
    ["hybridization", from.method, to.method],
    ["key_sources", listed(from.sources), listed(to.sources)],
    ["kem", from.kem ?? "unsaid", to.kem ?? "unsaid"],
  ];
  for (const [member, ours, theirs] of told) {
    if (ours !== theirs) return fault("uris-differ", member, `${ours} in the source, ${theirs} in the destination`);
  }
  return ok({ initiator: from.node, responder: to.node, method: from.method, sources: from.sources, kem: from.kem });
}
