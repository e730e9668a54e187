/** The bundles that run side by side: the release before, frozen in this folder, and the present code. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { ensureBundle } from "../../scripts/start/bundle.ts";
import { isModule, moduleOf } from "../../scripts/start/capnp.ts";

/** The release before: see README.md. */
const FROZEN = fileURLToPath(new URL("release-0.1.0.js.gz", import.meta.url));

export type Version = "previous" | "present";

const ENTRY = "index.js";

/** Writes both bundles into a folder: an ES module each, and what that imports. @returns their modules, for the engine */
export async function writeBundles(folder: string): Promise<Readonly<Record<Version, string>>> {
  const bundle = await ensureBundle(new AbortController().signal);
  const imported = readdirSync(bundle).filter((file) => isModule(file) && file !== ENTRY);
  writeFileSync(join(folder, "previous.js"), gunzipSync(readFileSync(FROZEN)));
  copyFileSync(join(bundle, ENTRY), join(folder, "present.js"));
  for (const file of imported) copyFileSync(join(bundle, file), join(folder, file));
  return {
    previous: moduleOf(ENTRY, "previous.js"),
    present: [moduleOf(ENTRY, "present.js"), ...imported.map((file) => moduleOf(file))].join(", "),
  };
}
