/** Any of the mechanisms in this thread: from @oqs/liboqs-js, an instance of WebAssembly each, or our own BIKE. */
import { randomBytes } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { bike } from "../../shared/kem/bike/bike.ts";
import type { OpenKem } from "../../shared/kem/kem.ts";
import { LiboqsKem } from "../../shared/kem/liboqs/liboqs-kem.ts";
import type { LiboqsFactory } from "../../shared/kem/liboqs/module.ts";
import { fileOf, isLiboqsName } from "../../shared/kem/liboqs/names.ts";
import type { KemName } from "../../shared/kem/registry.ts";

/** The package exports neither its builds nor its package.json: they lie beside what it does export. */
const buildOf = (file: string): URL => new URL(`../dist/${file}`, import.meta.resolve("@oqs/liboqs-js"));

const random = (lengthBytes: number): Uint8Array => new Uint8Array(randomBytes(lengthBytes));

export async function openKem(name: KemName): Promise<OpenKem> {
  if (!isLiboqsName(name)) return Object.assign(bike(name, random), { close: () => undefined });
  const { default: factory } = (await import(buildOf(fileOf(name)).href)) as { readonly default: LiboqsFactory };
  // Either takes some ms: others may come in between.
  await turn();
  const module = await factory();
  await turn();
  return new LiboqsKem(name, module);
}
