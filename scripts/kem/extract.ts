/**
 * Takes the WebAssembly modules of the mechanisms that an edge computes out of @oqs/liboqs-js, where each is a string in
 * its own copy of Emscripten's glue. workerd does not compile bytes at run time: a module is to be imported. Written to
 * dist/kem: a module each, and the glue, which is the same for all.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LiboqsFactory } from "../../shared/kem/liboqs/module.ts";
import { fileOf, LIBOQS_NAMES, moduleOf } from "../../shared/kem/liboqs/names.ts";
import { KEMS } from "../../shared/kem/registry.ts";

const FOLDER = fileURLToPath(new URL("../../dist/kem", import.meta.url));
/** Not what its package.json exports. */
const BUILDS = new URL("../../node_modules/@oqs/liboqs-js/dist/", import.meta.url);

interface Platform {
  instantiate(bytes: Uint8Array, imports: object): Promise<unknown>;
}
const platform = (globalThis as unknown as { readonly WebAssembly: Platform }).WebAssembly;

export async function extractKems(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const glues = new Set<string>();
  for (const name of LIBOQS_NAMES.filter((liboqsName) => KEMS[liboqsName].runs === "anywhere")) {
    const build = new URL(fileOf(name), BUILDS);
    glues.add(glueOf(readFileSync(build, "utf8")));
    put(moduleOf(name), await bytesOf(build));
  }
  const [glue] = glues;
  if (glue === undefined || glues.size > 1)
    throw new Error("the builds in @oqs/liboqs-js have no glue in common any more: see scripts/kem/extract.ts");
  put("glue.js", Buffer.from(glue));
}

/** Vitest's name for what comes before all tests. */
export { extractKems as setup };

/** Only if it is another: bundlers watch it, and several may run at once. */
function put(name: string, bytes: Uint8Array): void {
  const file = join(FOLDER, name);
  if (existsSync(file) && readFileSync(file).equals(bytes)) return;
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, bytes);
  renameSync(draft, file);
}

/** Without the module's string and the mechanism's name. */
function glueOf(text: string): string {
  const glue = text
    .replace(/(\?\?=\w+\()(?:'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*")/, '$1""')
    .replace(/LibOQS_\w+/g, "liboqs");
  if (glue.length > 16_384) throw new Error("no module was found in a build of @oqs/liboqs-js");
  return glue;
}

/** What the glue asks the platform to instantiate. */
async function bytesOf(build: URL): Promise<Uint8Array> {
  const { default: factory } = (await import(build.href)) as { readonly default: LiboqsFactory };
  const instantiate = platform.instantiate.bind(platform);
  let found: Uint8Array | undefined;
  platform.instantiate = async (bytes, imports) => {
    found = bytes;
    return await instantiate(bytes, imports);
  };
  try {
    await factory();
  } finally {
    platform.instantiate = instantiate;
  }
  if (found === undefined) throw new Error(`${build.href} instantiates no WebAssembly`);
  return found;
}
