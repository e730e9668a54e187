/**
 * The Worker's bundle, made by wrangler as for Cloudflare, and made again only when a source has changed: bundles lie
 * in dist/, named by what they were made from.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { messageOf, oneLine, StartFailure } from "./failure.ts";
import { isThere } from "./files.ts";
import { PROJECT } from "./paths.ts";
import { runTool, tool } from "./tools.ts";

const SOURCES = [
  "workers",
  "durable-objects",
  "shared",
  "docs/schema",
  "scripts/build.ts",
  "scripts/kem",
  "wrangler.toml",
  "package-lock.json",
];
const BUNDLES_KEPT = 3;
const folderOf = (stamp: string): string => join(PROJECT, "dist", `edge-${stamp}`);

/** The folder with `index.js` (and whatever modules it imports). */
export async function ensureBundle(signal: AbortSignal): Promise<string> {
  const bundle = folderOf(sourceStamp());
  if (isThere(join(bundle, "index.js"))) return bundle;
  const draft = `${bundle}.${process.pid}`;
  try {
    mkdirSync(dirname(bundle), { recursive: true });
    const { code, output } = await runTool(tool("wrangler"), ["deploy", "--dry-run", "--outdir", draft], signal, false);
    if (code !== 0) throw new Error(output.slice(-2000));
    rmSync(bundle, { recursive: true, force: true });
    renameSync(draft, bundle);
  } catch (thrown) {
    // Two starts may build the same bundle at once: whose comes second finds it done.
    if (!isThere(join(bundle, "index.js")))
      throw new StartFailure(`cannot bundle the Worker: ${oneLine(messageOf(thrown))}`, { cause: thrown });
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  removeOld();
  return bundle;
}

/** Changes with any source file: not with its time, which is another in a copy, as of an image. */
function sourceStamp(): string {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for (const file of filesUnder(join(PROJECT, source))) {
      if (file.endsWith(".test.ts")) continue;
      hash.update(`${relative(PROJECT, file)}\n`).update(readFileSync(file));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function filesUnder(path: string): string[] {
  if (!isThere(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}

function removeOld(): void {
  const dist = join(PROJECT, "dist");
  const bundles = readdirSync(dist).filter((name) => /^edge-[0-9a-f]{16}$/.test(name));
  const ages = bundles.map((name) => ({ path: join(dist, name), madeMs: statSync(join(dist, name)).mtimeMs }));
  ages.sort((a, b) => b.madeMs - a.madeMs);
  for (const { path } of ages.slice(BUNDLES_KEPT)) rmSync(path, { recursive: true, force: true });
}
