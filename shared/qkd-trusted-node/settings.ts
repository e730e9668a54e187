/**
 * `settings-tnN.json` of qkd-trusted-node: what each key becomes in the network document and in `agent.toml`, or why it
 * becomes nothing. The node of the file becomes a hosted one. Of several files, those whose nodes are neighbours of each
 * other become a link of hosted nodes; whoever is named and has no file stays what it is, a neighbour of other software.
 */
import type { IgnoredKey, ImportedKeys, MappedKey } from "../imported-keys.ts";
import { isRecord } from "../records.ts";
import { placeOfUrl, plainId, pathOf } from "./settings-values.ts";

/** A KME of a link, as one of its two nodes has it. */
export interface OriginalKme {
  readonly host: string;
  readonly port: number;
  readonly id: string;
  readonly linkedTo: string;
  /** Our end of the link. */
  readonly isOurs: boolean;
  readonly cert: string;
  readonly key: string;
}

export interface OriginalNeighbour {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly cert: string;
  readonly key: string;
}

export interface OriginalNode {
  readonly id: string;
  readonly ca: string;
  readonly keySizeBits: { readonly min: number; readonly max: number; readonly default: number } | null;
  readonly maxKeysPerRequest: number | null;
  readonly kmes: readonly OriginalKme[];
  readonly saes: readonly string[];
  readonly neighbours: readonly OriginalNeighbour[];
}

export interface ReadSettings extends ImportedKeys {
  readonly node: OriginalNode;
}

/** Is this one of its settings files, by what is in it? */
export const isOriginalSettings = (parsed: unknown): boolean =>
  isRecord(parsed) && Array.isArray(parsed["attached_kmes"]) && Array.isArray(parsed["attached_saes"]);

interface Draft {
  readonly mapped: MappedKey[];
  readonly ignored: IgnoredKey[];
  readonly problems: string[];
}

/** What a key becomes, or (`ignored`) why nothing. `#` stands for the places of a list. */
const MAPPED: Readonly<Record<string, string>> = {
  id: "nodes[].id, and legacy_nodes[].own_id",
  ca_file: "[[service]] https.ca",
  min_key_size: "policy.key_size_bits.min",
  max_key_size: "policy.key_size_bits.max",
  default_key_size: "policy.key_size_bits.default",
  max_keys_per_request: "policy.max_key_per_request",
  "attached_kmes.#.url": "[[service]] host, port of the KME at our end",
  "attached_kmes.#.kme_id": "legacy_nodes[].link.kme_id, or peer_kme_id of the other end",
  "attached_kmes.#.linked_to": "which two KMEs are one link",
  "attached_kmes.#.distance": "which of the two is at our end: 0",
  "attached_kmes.#.sae_cert": "[[service]] https.cert",
  "attached_kmes.#.sae_key": "[[service]] https.key",
  "attached_saes.#.sae_id": "saes[].id, with the CN of its certificate as credential",
  "attached_trusted_nodes.#.id":
    "legacy_nodes[].id, with the CN of its certificate; or links[], where its file is given too",
  "attached_trusted_nodes.#.url": "[[service]] host, port of the neighbour",
  "attached_trusted_nodes.#.cert": "[[service]] https.cert",
  "attached_trusted_nodes.#.key": "[[service]] https.key",
};
const OWN_CERTIFICATE = "the KME front of the node has a certificate of its own: qkd cert, or that of npm start";
const IGNORED: Readonly<Record<string, string>> = {
  server_cert_file: OWN_CERTIFICATE,
  server_key_file: OWN_CERTIFICATE,
  max_key_count: "what a node may hold is bounded by its pools: policy.pool",
  "attached_kmes.#.kme_cert": "the original never looks at it; here the KME's certificate has to be of the ca",
  "attached_saes.#.sae_cert":
    "the original compares its serial number as well: name its SHA-256 fingerprint as credential, if the CN is not enough",
};
const UNKNOWN = "qkd-trusted-node knows no such key";

/** @param parsed one file */
export function readSettings(parsed: unknown): ReadSettings {
  const draft: Draft = { mapped: [], ignored: [], problems: [] };
  const settings = isRecord(parsed) ? parsed : {};
  const seen = new Set<string>();
  for (const [key, value] of Object.entries(settings)) {
    for (const name of namesOf(key, value)) if (!seen.has(name)) tell(name, seen, draft);
  }
  const node: OriginalNode = {
    id: need(plainId(settings["id"]), "id", draft),
    ca: need(pathOf(settings["ca_file"]), "ca_file", draft),
    keySizeBits: keySizes(settings, draft),
    maxKeysPerRequest: optionalCount(settings, "max_keys_per_request", draft),
    kmes: list(settings, "attached_kmes", draft, readKme),
    saes: list(settings, "attached_saes", draft, (sae, at) => need(textOf(sae["sae_id"]), `${at}.sae_id`, draft)),
    neighbours: list(settings, "attached_trusted_nodes", draft, readNeighbour),
  };
  return { ...draft, node };
}

function tell(name: string, seen: Set<string>, { mapped, ignored }: Draft): void {
  seen.add(name);
  const becomes = Object.hasOwn(MAPPED, name) ? MAPPED[name] : undefined;
  if (becomes !== undefined) mapped.push({ key: name, becomes });
  else ignored.push({ key: name, why: (Object.hasOwn(IGNORED, name) ? IGNORED[name] : undefined) ?? UNKNOWN });
}

/** `attached_kmes.#.url` for each member of each entry; the key itself where it is no list of such. */
const namesOf = (key: string, value: unknown): readonly string[] =>
  Array.isArray(value) && LISTS.has(key)
    ? value.flatMap((entry) => (isRecord(entry) ? Object.keys(entry).map((member) => `${key}.#.${member}`) : []))
    : [key];
const LISTS: ReadonlySet<string> = new Set(["attached_kmes", "attached_saes", "attached_trusted_nodes"]);

function list<T>(
  settings: Readonly<Record<string, unknown>>,
  name: string,
  draft: Draft,
  read: (entry: Readonly<Record<string, unknown>>, at: string, draft: Draft) => T,
): readonly T[] {
  const value = settings[name] ?? [];
  if (!Array.isArray(value)) {
    draft.problems.push(`${name}: is no list`);
    return [];
  }
  return value.flatMap((entry: unknown, index) => {
    const at = `${name}.${index}`;
    if (isRecord(entry)) return [read(entry, at, draft)];
    draft.problems.push(`${at}: is no object`);
    return [];
  });
}

function readKme(kme: Readonly<Record<string, unknown>>, at: string, draft: Draft): OriginalKme {
  const { distance } = kme;
  if (distance !== 0 && distance !== 1) draft.problems.push(`${at}.distance: 0 at our end of a link, 1 at the other`);
  return {
    ...place(kme, at, draft),
    id: need(textOf(kme["kme_id"]), `${at}.kme_id`, draft),
    linkedTo: need(textOf(kme["linked_to"]), `${at}.linked_to`, draft),
    isOurs: distance === 0,
    cert: need(pathOf(kme["sae_cert"]), `${at}.sae_cert`, draft),
    key: need(pathOf(kme["sae_key"]), `${at}.sae_key`, draft),
  };
}

const readNeighbour = (node: Readonly<Record<string, unknown>>, at: string, draft: Draft): OriginalNeighbour => ({
  ...place(node, at, draft),
  id: need(plainId(node["id"]), `${at}.id`, draft),
  cert: need(pathOf(node["cert"]), `${at}.cert`, draft),
  key: need(pathOf(node["key"]), `${at}.key`, draft),
});

function place({ url }: Readonly<Record<string, unknown>>, at: string, { problems }: Draft) {
  const found = placeOfUrl(url);
  if (found === null) problems.push(`${at}.url: is no https:// address`);
  return found ?? { host: "", port: 0 };
}

const textOf = (value: unknown): string | null =>
  typeof value === "string" && value !== "" && value.length <= 256 ? value : null;

function need(value: string | null, key: string, { problems }: Draft): string {
  if (value === null) problems.push(`${key}: missing, or none of its values`);
  return value ?? "";
}

function optionalCount(settings: Readonly<Record<string, unknown>>, key: string, { problems }: Draft): number | null {
  const value = settings[key] ?? null;
  if (value === null || (typeof value === "number" && Number.isInteger(value) && value > 0)) return value;
  problems.push(`${key}: is no whole number above 0`);
  return null;
}

/** All three or none: older files have none. */
function keySizes(settings: Readonly<Record<string, unknown>>, draft: Draft): OriginalNode["keySizeBits"] {
  const [min, max, usual] = ["min_key_size", "max_key_size", "default_key_size"].map((key) =>
    optionalCount(settings, key, draft),
  );
  if (min == null || max == null || usual == null) return null;
  return { min, max, default: usual };
}
