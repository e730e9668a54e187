/**
 * Hybrid streams that the edge makes itself (`kem=edge`): what both ends agree on by the addresses they pass. Each is a
 * QKD stream whose chunks are mixed with KEM secrets of the two KeyStream halves. Refused, never passed over, is what
 * the edge does not do:
 * - a stream without QKD: which chunks there are, and who has had them, is the pool's ledger of QKD key;
 * - the hybridization module's own methods: they need a KEM exchange for each chunk, and have no key confirmation;
 * - a KEM that an edge would stand still for. One that is only optional is left out, and that is told.
 */
import { parseJson } from "../../bytes/json.ts";
import type { NodeId } from "../../ids.ts";
import { KEMS } from "../../kem/registry.ts";
import { LIMITS } from "../../limits.ts";
import { type Result, err, ok } from "../../result.ts";
import { isKdf, type KdfMethod, METHOD_NAMES } from "../methods.ts";
import type { Source } from "../types.ts";
import { rolesOf, type UriCode } from "../uri.ts";

/** A QKD secret of a chunk: a key derivation needs no more of one source than of any other. */
export const EDGE_QKD_BYTES = 32;

/** A node, as addresses have it and as the network document does. */
export interface HybridNode {
  /** In lower case. */
  readonly uuid: string;
  readonly node: NodeId;
}

export interface HybridTerms {
  readonly method: KdfMethod;
  /** KEMs by slot, then QKD. */
  readonly sources: readonly Source[];
  /** Optional KEMs that the edge does not compute. */
  readonly dropped: readonly string[];
  /** Who makes the KEMs' key pairs: the source's node. */
  readonly initiator: HybridNode;
  readonly responder: HybridNode;
}

/** As the addresses say it, before they are looked up. */
export type HybridWish = Pick<HybridTerms, "method" | "sources" | "dropped"> & {
  /** UUIDs of nodes. */
  readonly initiator: string;
  readonly responder: string;
};

/** What a fault's message begins with. */
export type HybridCode = UriCode | "method-not-here" | "kem-not-here";

export interface HybridFault {
  readonly code: HybridCode;
  /** Fit for the caller. */
  readonly message: string;
}

const fault = (code: HybridCode, what: string) => err<HybridFault>({ code, message: `${code}: ${what}` });

/** Does an address ask for hybrid key, however badly it is written? */
export const isHybridAddress = (text: string): boolean => /^hybrid:/i.test(text);

/** Sources are named, whatever the scheme: in an address of QKD key alone nobody would look at them. */
const namesSources = (text: string): boolean =>
  /^[^?#]*\?(?:[^#]*&)?(?:hybridization|(?:req_|opt_)?key_sources|kem_mec)=/i.test(text);

const HERE = METHOD_NAMES.filter(isKdf).join(", ");

/** For an agent to do. */
const notHere = ({ algorithm }: Source): boolean => algorithm !== "QKD" && KEMS[algorithm].runs === "agent";

/**
 * What the two addresses of an OPEN_CONNECT ask for.
 * @param source null: not told
 * @returns null where neither is `hybrid:`, nor names sources as such a one does
 */
export function hybridWishOf(source: string | null, destination: string): Result<HybridWish | null, HybridFault> {
  const addresses = source === null ? [destination] : [source, destination];
  if (!addresses.some(isHybridAddress)) {
    const isSlip = addresses.some(namesSources);
    return isSlip ? fault("not-hybrid", "scheme: shall be hybrid in an address that names sources") : ok(null);
  }
  if (source === null) return fault("bad-uri", "source: a hybrid stream has two hybrid:// addresses");
  const roles = rolesOf(source, destination);
  if (!roles.ok) return roles;
  const { method, sources, kem, initiator, responder } = roles.value;
  if (kem === "agent") return fault("kem-not-here", "kem: agent: ask the sites' agents, or leave it to the edge");
  if (!isKdf(method)) {
    return fault(
      "method-not-here",
      `hybridization: ${method} needs an agent (kem=agent); at the edge there are ${HERE}`,
    );
  }
  if (!sources.some(({ algorithm }) => algorithm === "QKD")) {
    return fault("kem-not-here", "key_sources: KEMs without QKD need an agent (kem=agent)");
  }
  const [slow] = sources.filter((each) => each.required && notHere(each));
  if (slow !== undefined) {
    return fault(
      "kem-not-here",
      `key_sources: ${slow.algorithm} takes too long for an edge, and needs an agent (kem=agent)`,
    );
  }
  const dropped = sources.filter(notHere).map(({ algorithm }) => algorithm);
  return ok({ method, sources: sources.filter((each) => !notHere(each)), dropped, initiator, responder });
}

/** What a terms' member says, in words. */
const TOLD = {
  hybridization: ({ method }: HybridTerms) => method,
  key_sources: ({ sources, dropped }: HybridTerms) =>
    [...sources.map(({ algorithm, required }) => (required ? algorithm : `${algorithm} (optional)`)), ...dropped].join(
      ", ",
    ),
  source: ({ initiator }: HybridTerms) => initiator.uuid,
  destination: ({ responder }: HybridTerms) => responder.uuid,
} as const;

/**
 * Where the two ends of a stream want different things: begins with `uris-differ`, fit for the one who comes second.
 * Null: they agree. Undefined stands for a plain stream.
 */
export function differenceOf(first: HybridTerms | undefined, second: HybridTerms | undefined): string | null {
  if (first === undefined && second === undefined) return null;
  if (first === undefined) return "uris-differ: the other end has opened this stream without hybrid:// addresses";
  if (second === undefined) return "uris-differ: the other end has opened this stream with hybrid:// addresses";
  for (const [member, tell] of Object.entries(TOLD)) {
    const [theirs, ours] = [tell(first), tell(second)];
    if (theirs !== ours) return `uris-differ: ${member}: ${ours} here, ${theirs} at the other end`;
  }
  return null;
}

/** What metadata says of a chunk's making, beside its age. */
export interface HybridMetadata {
  readonly method: KdfMethod;
  readonly sources: readonly string[];
  /** Absent where nothing was left out. */
  readonly dropped?: readonly string[];
  /** Have the two halves shown each other that their KEM secrets are the same? Not where there are none. */
  readonly confirmed: boolean;
  readonly kem: "edge";
}

export const hybridMetadata = ({ method, sources, dropped }: HybridTerms): HybridMetadata => ({
  method,
  sources: sources.map(({ algorithm }) => algorithm),
  ...(dropped.length === 0 ? {} : { dropped }),
  confirmed: sources.some(({ algorithm }) => algorithm !== "QKD"),
  kem: "edge",
});

/** Does an answer's metadata tell of a chunk's making? That of plain streams is of its age only. */
export function isHybridMetadata(text: string): boolean {
  const json = parseJson(text, LIMITS.jsonDepth);
  return json.ok && typeof json.value === "object" && json.value !== null && "method" in json.value;
}
