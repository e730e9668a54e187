/** How the bench's Worker is told to compute one operation of a KEM. Pure. */
import { KEM_NAMES, type KemName } from "../../shared/kem/registry.ts";

/** In the order in which they need each other. */
export const OPERATIONS = ["generate", "encapsulate", "decapsulate"] as const;
export type OperationName = (typeof OPERATIONS)[number];

const PREFIX = "/bench/kem/";

export const kemPath = (name: KemName, operation: OperationName): string => `${PREFIX}${name}/${operation}`;

/** @returns null for any other path */
export function kemOfPath(path: string): { readonly name: KemName; readonly operation: OperationName } | null {
  if (!path.startsWith(PREFIX)) return null;
  const [asked, wanted] = path.slice(PREFIX.length).split("/");
  const name = KEM_NAMES.find((each) => each === asked);
  const operation = OPERATIONS.find((each) => each === wanted);
  return name === undefined || operation === undefined ? null : { name, operation };
}
