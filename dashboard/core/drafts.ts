/** Entries of the network document as forms hold them: all fields at hand, as texts where people write them. */
import type { Credential, LinkEntry, SaeEntry } from "../../shared/network/document.ts";

export interface LinkDraft {
  readonly id: string;
  readonly a: string;
  readonly b: string;
  readonly source: LinkEntry["source"];
  readonly feed: LinkEntry["feed"];
  readonly health: LinkEntry["health"];
  readonly keyRateBps: string;
  readonly lossDb: string;
  readonly minEntropyPerBit: string;
  readonly conditioningSeed: string;
  readonly shards: string;
}

/** Of members that are there only for some sources or policies. */
const DEFAULTS = { lossDb: "10", minEntropyPerBit: "0.8", keyRateBps: "1000000" } as const;

/** The first two nodes that no link joins; the first two where all are joined. */
export function pairWithoutLink(nodes: readonly { readonly id: string }[], links: readonly LinkEntry[]) {
  const linked = new Set(links.flatMap(({ nodes: [a, b] }) => [`${a} ${b}`, `${b} ${a}`]));
  const ids = nodes.map(({ id }) => id);
  for (const [at, a] of ids.entries())
    for (const b of ids.slice(at + 1)) if (!linked.has(`${a} ${b}`)) return [a, b] as const;
  return [ids[0] ?? "", ids[1] ?? ""] as const;
}

/** @param seed 64 hex digits, for where the link's health policy will need them */
export const newLinkDraft = ([a, b]: readonly [string, string], seed: string): LinkDraft => ({
  id: b === "" ? "" : `${a}-${b}`,
  a,
  b,
  source: "simulated",
  feed: "one-ended",
  health: "reject",
  ...DEFAULTS,
  conditioningSeed: seed,
  shards: "1",
});

export const linkDraft = (link: LinkEntry, seed: string): LinkDraft => ({
  id: link.id,
  a: link.nodes[0],
  b: link.nodes[1],
  source: link.source,
  feed: link.feed,
  health: link.health,
  keyRateBps: String(link.key_rate_bps),
  lossDb: String(link.module?.loss_db ?? DEFAULTS.lossDb),
  minEntropyPerBit: String(link.min_entropy_per_bit ?? DEFAULTS.minEntropyPerBit),
  conditioningSeed: link.conditioning_seed ?? seed,
  shards: String(link.shards),
});

export const isModuleSource = (source: LinkEntry["source"]): boolean => source === "bb84" || source === "fake";
/** Sources that make key at a rate that is set. */
export const hasRate = (source: LinkEntry["source"]): boolean => source === "simulated" || source === "fake";
/** Only what is pushed can come from one end or from two as one likes. */
export const feedOf = ({ source, feed }: Pick<LinkDraft, "source" | "feed">): LinkEntry["feed"] => {
  if (isModuleSource(source)) return "two-ended";
  return source === "simulated" ? "one-ended" : feed;
};

/** What is no number stays a text: the document's rules tell where it is wrong. */
const numberOf = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

/** @param before what it replaces: members that no field shows stay as they are */
export function linkEntry(draft: LinkDraft, before: LinkEntry | null): LinkEntry {
  const { source, health } = draft;
  const { min_entropy_per_bit: _entropy, conditioning_seed: _seed, module, ...others } = before ?? {};
  const settings = { ...module, ...(source === "bb84" ? { loss_db: numberOf(draft.lossDb) } : {}) };
  return {
    ...others,
    id: draft.id.trim(),
    nodes: [draft.a, draft.b],
    source,
    feed: feedOf(draft),
    health,
    key_rate_bps: hasRate(source) ? numberOf(draft.keyRateBps) : 0,
    shards: numberOf(draft.shards),
    ...(isModuleSource(source) ? { module: settings as NonNullable<LinkEntry["module"]> } : {}),
    ...(health === "condition"
      ? { min_entropy_per_bit: numberOf(draft.minEntropyPerBit), conditioning_seed: draft.conditioningSeed.trim() }
      : {}),
  };
}

export interface SaeDraft {
  readonly id: string;
  readonly node: string;
  readonly credentials: readonly Credential[];
  /** One a line. */
  readonly addresses: string;
}

export const saeDraft = (node: string, sae: SaeEntry | null): SaeDraft => ({
  id: sae?.id ?? "",
  node: sae?.node ?? node,
  credentials: sae?.credentials ?? [{ type: "certificate", match: "cn", value: "" }],
  addresses: (sae?.addresses ?? []).join("\n"),
});

export function saeEntry(draft: SaeDraft): SaeEntry {
  const addresses = draft.addresses
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return {
    id: draft.id.trim(),
    node: draft.node,
    credentials: [...draft.credentials],
    ...(addresses.length === 0 ? {} : { addresses }),
  };
}
