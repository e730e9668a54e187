/**
 * What comes over the wire. Each advertisement of a call is looked at by itself: one that is no good shall not hold up
 * the others.
 */
import { utf8ToBytes } from "@noble/hashes/utils.js";
import * as v from "valibot";
import { canonicalJson } from "../../audit/canonical-json.ts";
import type { LinkId, NodeId, SaeId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import { boundedList } from "../../network/bounded-list.ts";
import { PLAIN_ID } from "../../network/plain-id.ts";
import type { Advertisement } from "../types.ts";

const DOMAIN = "qkd-edge advertisement v1\n";
/** Leaves a node room to go above any sequence that it hears of. */
export const MAX_SEQUENCE = 2 ** 52;

const plainId = new RegExp(`^${PLAIN_ID}$`);
const id = <Id extends string>() => v.custom<Id>((value) => typeof value === "string" && plainId.test(value));
// oxlint-disable-next-line no-control-regex
const noControls = /^[^\u0000-\u001f\u007f]+$/;
const saeId = v.custom<SaeId>(
  (value) => typeof value === "string" && value.length <= LIMITS.saeIdChars && noControls.test(value),
);
const wholeNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sequence = v.pipe(wholeNumber, v.minValue(1), v.maxValue(MAX_SEQUENCE));

const LinkStateSchema = v.strictObject({
  link: id<LinkId>(),
  peer: id<NodeId>(),
  availableBits: wholeNumber,
  keyRateBps: wholeNumber,
  qber: v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(0.5))),
});

const AdvertisementSchema: v.GenericSchema<unknown, Advertisement> = v.strictObject({
  node: id<NodeId>(),
  sequence,
  ageMs: wholeNumber,
  links: boundedList(LinkStateSchema, LIMITS.floodLinks),
  saes: boundedList(saeId, LIMITS.remoteSaes),
  signature: v.nullable(v.pipe(v.string(), v.maxLength(LIMITS.floodSignatureChars), v.regex(/^[A-Za-z0-9+/]+={0,2}$/))),
});

const EnvelopeSchema = v.strictObject({
  from: id<NodeId>(),
  advertisements: v.array(v.unknown()),
  has: v.optional(v.array(v.unknown())),
});
const HasSchema = boundedList(v.strictTuple([id<NodeId>(), sequence]), LIMITS.nodes);

/** A call whose advertisements have not been looked at yet. */
export interface Envelope {
  readonly from: NodeId;
  readonly advertisements: readonly unknown[];
  readonly has: readonly (readonly [NodeId, number])[] | null;
}

export function readEnvelope(call: unknown): Envelope | "malformed" | "oversized" {
  const parsed = v.safeParse(EnvelopeSchema, call, { abortEarly: true });
  if (!parsed.success) return "malformed";
  const { from, advertisements, has } = parsed.output;
  if (advertisements.length > LIMITS.floodBatchAdvertisements || (has?.length ?? 0) > LIMITS.nodes) return "oversized";
  if (has === undefined) return { from, advertisements, has: null };
  const known = v.safeParse(HasSchema, has, { abortEarly: true });
  return known.success ? { from, advertisements, has: known.output } : "malformed";
}

/** Null for what is no advertisement, names a link or an SAE twice, or a link of the node to itself. */
export function readAdvertisement(value: unknown): Advertisement | null {
  const parsed = v.safeParse(AdvertisementSchema, value, { abortEarly: true });
  if (!parsed.success) return null;
  const { node, links, saes } = parsed.output;
  if (new Set(links.map(({ link }) => link)).size < links.length || new Set(saes).size < saes.length) return null;
  return links.some(({ peer }) => peer === node) ? null : parsed.output;
}

/** All that a node says: what does not change on the way. One spelling for each. */
export const textOfAdvertisement = ({ node, sequence: number, links, saes }: Advertisement): string =>
  canonicalJson({ node, sequence: number, links, saes });

/** What a signature covers: all but age and signature. */
export const bytesOfAdvertisement = (advertisement: Advertisement): Uint8Array =>
  bytesToSign(textOfAdvertisement(advertisement));
/** The same, of its text. */
export const bytesToSign = (text: string): Uint8Array => utf8ToBytes(DOMAIN + text);

/** On the wire and in memory, near enough. */
export const sizeBytes = (text: string, signature: string | null): number =>
  utf8ToBytes(text).length + (signature?.length ?? 0);
