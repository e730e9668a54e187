/**
 * What a connection between two hybridization modules is for: its first bytes say so, as one JSON object. Names are made
 * alike at both ends, from the two URIs and from the KSID.
 */
import { createHash } from "node:crypto";
import * as v from "valibot";
import { parseJson } from "../../../../shared/bytes/json.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { JsonSplitter } from "../../../../shared/etsi004/json-tcp/splitter.ts";
import type { Source } from "../../../../shared/hybrid/types.ts";
import type { KemName } from "../../../../shared/kem/registry.ts";
import { LIMITS } from "../../../../shared/limits.ts";

/** `blink`: by which a module that stops wakes its own listener. */
const SESSION_TYPES = { blink: 0, "share-ksid": 1, pqc: 2 } as const;

export type SessionType = keyof typeof SESSION_TYPES;

export interface Reference {
  readonly type: SessionType;
  readonly id: string;
}

/** A KEM source and its connection's name. */
export interface KemReference {
  readonly slot: number;
  readonly algorithm: KemName;
  readonly required: boolean;
  readonly reference: Reference;
}

/** By which two applications that pass the same two texts meet. */
export const ksidReference = (source: string, destination: string): Reference => ({
  type: "share-ksid",
  id: createHash("sha256").update(`${source}${destination}`).digest("hex"),
});

/** One connection each. Sources of one mechanism are counted from 0, in the order of the URI. */
export function kemReferences(ksid: Ksid, sources: readonly Source[]): readonly KemReference[] {
  const appearances = new Map<KemName, number>();
  const references: KemReference[] = [];
  for (const { algorithm, slot, required } of sources) {
    if (algorithm === "QKD") continue;
    const before = appearances.get(algorithm) ?? 0;
    appearances.set(algorithm, before + 1);
    references.push({ slot, algorithm, required, reference: { type: "pqc", id: `${algorithm}-${before}-${ksid}` } });
  }
  return references;
}

/** To be looked up by. */
export const keyOf = ({ type, id }: Reference): string => `${type} ${id}`;

export const referenceBytes = ({ type, id }: Reference): Uint8Array =>
  Buffer.from(JSON.stringify({ session_type: SESSION_TYPES[type], id }));

const ReferenceSchema = v.object({
  session_type: v.picklist(Object.values(SESSION_TYPES)),
  id: v.pipe(v.string(), v.maxLength(LIMITS.hybridModuleIdChars)),
});
const TYPES = Object.keys(SESSION_TYPES) as readonly SessionType[];

function parse(text: string): Reference | null {
  const json = parseJson(text, LIMITS.jsonDepth);
  const parsed = json.ok ? v.safeParse(ReferenceSchema, json.value) : null;
  if (parsed?.success !== true) return null;
  const { session_type: number, id } = parsed.output;
  const type = TYPES.find((each) => SESSION_TYPES[each] === number);
  return type === undefined ? null : { type, id };
}

/** The original takes the first segment for the whole object; here it may come in several. Nothing may follow it. */
export class ReferenceReader {
  readonly #splitter = new JsonSplitter();
  #readBytes = 0;

  /** @returns null until it is there */
  push(segment: Uint8Array): Reference | "bad" | null {
    this.#readBytes += segment.length;
    if (this.#readBytes > LIMITS.hybridModuleReferenceBytes) return "bad";
    const [piece, ...more] = this.#splitter.push(segment);
    if (piece === undefined) return null;
    if (piece.kind !== "object" || more.length > 0 || this.#splitter.pendingBytes > 0) return "bad";
    return parse(piece.text) ?? "bad";
  }
}
