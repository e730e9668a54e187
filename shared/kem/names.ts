/** Names as people write them, in URIs and settings: in any case, and with one well-known slip. */
import { KEM_NAMES, type KemName } from "./registry.ts";

/** What the hybridization module's own documents call ML-KEM-768 in places. */
const ALIASES: Readonly<Record<string, KemName>> = { "ml-kem-786": "ML-KEM-768" };

const NAMES: ReadonlyMap<string, KemName> = new Map([
  ...KEM_NAMES.map((name): [string, KemName] => [name.toLowerCase(), name]),
  ...Object.entries(ALIASES),
]);

/** @returns null where there is no such mechanism */
export const kemNamed = (text: string): KemName | null => NAMES.get(text.toLowerCase()) ?? null;
