/** What a hybrid key was made of, as its metadata tells an application. */
import { parseJson } from "../bytes/json.ts";
import { isRecord } from "../records.ts";
import { LIMITS } from "../limits.ts";

export interface Mixture {
  readonly method: string;
  readonly sources: readonly string[];
  /** Optional ones that were left out. */
  readonly dropped?: readonly string[];
  /** Have the two ends shown each other that they made the same key? */
  readonly confirmed: boolean;
  /** Who made it; absent where that is not told. */
  readonly kem?: "agent" | "edge";
  /** A single source's key was combined with what both ends have in their configurations, the same every time. */
  readonly seedFallback?: true;
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

/** @param metadata of an answer to GET_KEY in the hybridization module's protocol */
export function readMixture(metadata: unknown): Mixture | null {
  const buffer = isRecord(metadata) ? metadata["buffer"] : null;
  return typeof buffer === "string" ? mixtureOf(buffer) : null;
}

/** @param text the buffer of such metadata */
export function mixtureOf(text: string): Mixture | null {
  const json = parseJson(text, LIMITS.jsonDepth);
  return json.ok ? mixtureIn(json.value) : null;
}

/** @returns null for what tells of no mixture */
export function mixtureIn(metadata: unknown): Mixture | null {
  if (!isRecord(metadata)) return null;
  const { method, sources, dropped, confirmed, kem, seedFallback } = metadata;
  if (typeof method !== "string" || !isTexts(sources) || typeof confirmed !== "boolean") return null;
  return {
    method,
    sources,
    ...(isTexts(dropped) ? { dropped } : {}),
    confirmed,
    ...(kem === "agent" || kem === "edge" ? { kem } : {}),
    ...(seedFallback === true ? { seedFallback } : {}),
  };
}

export const isSameMixture = (a: Mixture, b: Mixture): boolean => mixtureText(a) === mixtureText(b);

export const mixtureText = ({ method, sources, dropped = [], confirmed, kem, seedFallback }: Mixture): string =>
  [
    `${method} of ${sources.join(", ")}`,
    ...(dropped.length === 0 ? [] : [`without ${dropped.join(", ")}`]),
    ...(seedFallback === true ? ["with the seed's key"] : []),
    ...(kem === "edge" ? ["made by the edge"] : []),
    confirmed ? "confirmed" : "not confirmed",
  ].join("; ");
