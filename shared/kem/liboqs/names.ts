/** Which build of @oqs/liboqs-js holds a mechanism, and what it is called there. */
import { KEM_NAMES, type KemName } from "../registry.ts";

/** BIKE is not in that package. */
export type LiboqsName = Exclude<KemName, `BIKE-${string}`>;

export const isLiboqsName = (name: KemName): name is LiboqsName => !name.startsWith("BIKE-");

export const LIBOQS_NAMES: readonly LiboqsName[] = KEM_NAMES.filter(isLiboqsName);

/**
 * What liboqs up to 0.15 calls FrodoKEM, its successors call eFrodoKEM (for ephemeral keys), and FrodoKEM what has a
 * salt (pull request 2342 of open-quantum-safe/liboqs). The package's 0.15.1 is such a successor; both give the same
 * known answers for the same mechanism.
 */
export const identifierOf = (name: LiboqsName): string => (name.startsWith("FrodoKEM-") ? `e${name}` : name);

/** In the package's `dist`: a module each, with its WebAssembly inside. */
export const fileOf = (name: LiboqsName): string => `${name.toLowerCase().replace(/^kyber/, "kyber-")}.deno.js`;

/** The same mechanism's module, once it was taken out of there. */
export const moduleOf = (name: LiboqsName): string => fileOf(name).replace(/\.deno\.js$/, ".wasm");
