/**
 * The client library as a package that can be installed: one file of JavaScript that imports nothing, and its types. What it
 * uses of shared/ and of valibot lies inside. The project's own manifest names all that the edge needs; this one names none.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "vite";
import { StartFailure } from "../start/failure.ts";
import { PROJECT } from "../start/paths.ts";
import { runTool, tool } from "../start/tools.ts";

const ENTRY = join(PROJECT, "client", "index.ts");
const TYPES = join("types", "client", "index.d.ts");

/** Makes the folder anew. @throws StartFailure where the sources are wrong */
export async function buildClient(folder: string, stop: AbortSignal): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  await Promise.all([bundle(folder), writeTypes(folder, stop)]);
  cpSync(join(PROJECT, "LICENSE"), join(folder, "LICENSE"));
  cpSync(join(PROJECT, "node_modules", "valibot", "LICENSE.md"), join(folder, "LICENSE-valibot.md"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
}

async function bundle(folder: string): Promise<void> {
  await build({
    configFile: false,
    root: PROJECT,
    logLevel: "error",
    resolve: { conditions: ["qkd-edge-source"] },
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: "es2022",
      // Whoever bundles it minifies; whoever debugs reads.
      minify: false,
      lib: { entry: ENTRY, formats: ["es"], fileName: () => "index.js" },
      // Modules of shared/ do nothing but define: the tables of bounds that only servers need stay out.
      rolldownOptions: { treeshake: { moduleSideEffects: false, propertyReadSideEffects: false } },
    },
  });
}

/** As the compiler derives them, of the modules that `index.ts` leads to. */
async function writeTypes(folder: string, stop: AbortSignal): Promise<void> {
  const cache = join(PROJECT, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const all = mkdtempSync(join(cache, "client-types-"));
  try {
    const args = ["-p", join(PROJECT, "client"), "--emitDeclarationOnly", "--outDir", all];
    const { code, output } = await runTool(tool("tsc"), args, stop, false);
    if (code !== 0) throw new StartFailure(`the client library does not compile: ${output}`);
    for (const file of reached(join(all, "client", "index.d.ts"))) {
      const target = join(folder, "types", relative(all, file));
      mkdirSync(dirname(target), { recursive: true });
      cpSync(file, target);
    }
  } finally {
    rmSync(all, { recursive: true, force: true });
  }
}

const IMPORTED = /(?:from|import)\s*\(?\s*"([^"]+)"/g;

/** @throws StartFailure where a declaration leads to another package, which who installs this one has not */
function reached(entry: string): ReadonlySet<string> {
  const files = new Set([entry]);
  for (const file of files) {
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(IMPORTED)) {
      if (!name.startsWith(".")) throw new StartFailure(`a type of the client library needs the package ${name}`);
      files.add(join(dirname(file), name.replace(/(?:\.d)?\.[jt]s$/, ".d.ts")));
    }
  }
  return files;
}

function manifest(): object {
  const { name, version, license, engines } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as Record<
    string,
    unknown
  >;
  return {
    name,
    version,
    description: "Keys for applications: ETSI GS QKD 014, ETSI GS QKD 004 and the KMS API of Open-QKD-Network",
    license,
    type: "module",
    sideEffects: false,
    exports: { "./client": { types: `./${TYPES}`, default: "./index.js" } },
    engines,
  };
}
