/** The bundles that run side by side: the release before, frozen in this folder, and the present code. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { ensureBundle } from "../../scripts/start/bundle.ts";

/** The release before: see README.md. */
const FROZEN = fileURLToPath(new URL("release-0.1.0.js.gz", import.meta.url));

export type Version = "previous" | "present";

/** Writes both bundles, an ES module each, into a folder. @returns their file names */
export async function writeBundles(folder: string): Promise<Readonly<Record<Version, string>>> {
  const present = readFileSync(join(await ensureBundle(new AbortController().signal), "index.js"));
  const bundles: Readonly<Record<Version, Buffer>> = { previous: gunzipSync(readFileSync(FROZEN)), present };
  const files = { previous: "previous.js", present: "present.js" };
  for (const version of ["previous", "present"] as const) writeFileSync(join(folder, files[version]), bundles[version]);
  return files;
}
