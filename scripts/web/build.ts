/**
 * Builds the pages into `dist/web`, from where the Worker serves them (workers/routes/pages.ts). A page is built only if
 * something that went into it last time has changed: each start, test and deployment asks for it.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Rollup } from "vite";
import { PROJECT } from "../start/paths.ts";
import { docsInputs } from "./docs/inputs.ts";

/** What the Worker's `ASSETS` holds. */
export const WEB = "dist/web";
/** Not among what is served: what each page was made from. */
const STAMPS = "dist/web-stamps";
/** Nor is what is being written: other processes may put the same pages, and take away what they do not know. */
const DRAFTS = "dist/web-drafts";
/** What the documentation is made with. */
const SITE_TOOLS = ["contents", "inputs", "markdown", "paths", "site"].map((name) => `scripts/web/docs/${name}.ts`);
/** What any page is made with. */
const TOOLS = ["package-lock.json", "scripts/web/build.ts", "tsconfig.base.json", "tsconfig.web.json"];

export interface PageSource {
  /** First segment of its paths, and its folder in `dist/web`. */
  readonly name: string;
  /** Folder of its `index.html`, from the project's. */
  readonly source: string;
  /** Of a site with many pages, for which that is the shell. */
  readonly site?: {
    /** What they are made of, from the project's folder. */
    readonly inputs: (project: string) => readonly string[];
    /** File -> what it holds, with `index.html` among them. */
    readonly files: (project: string, shell: string) => Promise<ReadonlyMap<string, string | Uint8Array>>;
  };
}

const DOCS: PageSource = {
  name: "docs",
  source: "docs/site",
  site: {
    inputs: (project) => [...docsInputs(project), "dashboard/styles/colours.css"],
    // Loaded where there is something to build: what it takes is not there in production.
    files: async (project, shell) => (await import("./docs/site.ts")).siteFiles(project, shell),
  },
};

const PAGE_SOURCES: readonly PageSource[] = [
  { name: "dashboard", source: "dashboard" },
  { name: "messenger", source: "examples/messenger" },
  DOCS,
];

/** File, from the project's folder, -> SHA-256 of what it held; "" where there was none. */
type Stamp = Readonly<Record<string, string>>;

/**
 * @returns the names of those that had to be built
 * @throws where one cannot be; what there was of it stays
 */
export async function buildPages(project: string = PROJECT, pages = PAGE_SOURCES): Promise<readonly string[]> {
  // Wrangler wants it even while there is nothing in it.
  mkdirSync(join(project, WEB), { recursive: true });
  const due = pages.filter((page) => !isBuilt(project, page));
  for (const page of due) await buildPage(project, page);
  return due.map(({ name }) => name);
}

/** Vitest's name for what comes before all tests. Most of them need no page: one that does not build fails its own. */
export async function setup(): Promise<void> {
  try {
    await buildPages();
  } catch (thrown) {
    console.error("pages:", thrown);
  }
}

const stampFile = (project: string, { name }: PageSource): string => join(project, STAMPS, `${name}.json`);

function isBuilt(project: string, page: PageSource): boolean {
  const file = stampFile(project, page);
  if (!existsSync(file) || !existsSync(join(project, WEB, page.name, "index.html"))) return false;
  const made = JSON.parse(readFileSync(file, "utf8")) as Stamp;
  const files = new Set([...Object.keys(made), ...sourcesOf(project, page)]);
  return [...files].every((each) => made[each] === sha256Of(join(project, each)));
}

async function buildPage(project: string, page: PageSource): Promise<void> {
  const { build, createLogger, defaultClientConditions } = await import("vite");
  const warnings: string[] = [];
  const customLogger = createLogger("warn");
  customLogger.warn = customLogger.warnOnce = (message) => void warnings.push(message);
  const built = await build({
    root: join(project, page.source),
    base: `/${page.name}/`,
    configFile: false,
    envDir: false,
    logLevel: "warn",
    customLogger,
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    resolve: { conditions: ["qkd-edge-source", ...defaultClientConditions] },
    build: {
      write: false,
      target: "es2023",
      // The pages' Content-Security-Policy allows no data: URLs and no inline script.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
  // Such as for a file that is not there: the page would be served, and not work.
  if (warnings.length > 0) throw new Error(`${page.source}: ${warnings.join("; ")}`);
  const { output } = Array.isArray(built) ? onlyOne(built) : (built as Rollup.RollupOutput);
  const files = output.map((part) => ({ name: part.fileName, bytes: part.type === "chunk" ? part.code : part.source }));
  const parts = page.site === undefined ? files : await sitePages(project, page.site, files);
  const inputs = [...TOOLS, ...sourcesOf(project, page), ...output.flatMap((part) => inputsOf(project, part))];
  const stamp: Stamp = Object.fromEntries(inputs.map((file) => [file, sha256Of(join(project, file))]));
  mkdirSync(join(project, DRAFTS), { recursive: true });
  const drafts = mkdtempSync(join(project, DRAFTS, `${page.name}-`));
  try {
    put(join(project, WEB, page.name), parts, drafts);
    replace(stampFile(project, page), JSON.stringify(stamp, null, 1), drafts);
  } finally {
    rmSync(drafts, { recursive: true, force: true });
  }
}

function onlyOne<T>(items: readonly T[]): T {
  const [first, ...more] = items;
  if (first === undefined || more.length > 0) throw new Error(`one output was expected of a page, not ${items.length}`);
  return first;
}

/** All in its own folder but what stays there: whatever is new may be of the page. */
const sourcesOf = (project: string, { source, site }: PageSource): string[] => [
  ...filesIn(join(project, source))
    .filter((file) => !/\.(?:test\.tsx?|md)$/.test(file))
    .map((file) => relative(project, file)),
  ...(site === undefined ? [] : [...site.inputs(project), ...SITE_TOOLS]),
];

interface Part {
  readonly name: string;
  readonly bytes: string | Uint8Array;
}

async function sitePages(
  project: string,
  { files }: NonNullable<PageSource["site"]>,
  built: readonly Part[],
): Promise<readonly Part[]> {
  const shell = built.find(({ name }) => name === "index.html");
  if (typeof shell?.bytes !== "string") throw new Error("a site needs a shell: index.html");
  const pages = await files(project, shell.bytes);
  return [...built.filter((part) => part !== shell), ...[...pages].map(([name, bytes]) => ({ name, bytes }))];
}

/** Modules from elsewhere in the project. Packages are told by their lock. */
const inputsOf = (project: string, part: Rollup.OutputChunk | Rollup.OutputAsset): string[] =>
  (part.type === "chunk" ? part.moduleIds : [])
    .map((id) => relative(project, id.split("?", 1)[0] ?? ""))
    .filter((file) => !/^\.\.|(?:^|\/)node_modules\//.test(file) && existsSync(join(project, file)));

/** The page itself last, and what it does not need any more after that: it may be served meanwhile. */
function put(folder: string, parts: readonly Part[], drafts: string): void {
  for (const { name, bytes } of parts.toSorted((a, b) => Number(isPage(a.name)) - Number(isPage(b.name)))) {
    replace(join(folder, name), bytes, drafts);
  }
  const kept = new Set(parts.map(({ name }) => name));
  for (const file of filesIn(folder)) if (!kept.has(relative(folder, file))) rmSync(file, { force: true });
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();

const isPage = (name: string): boolean => name.endsWith(".html");

/** @param drafts a folder of the same file system: what is at `file` is whole at any moment */
function replace(file: string, bytes: string | Uint8Array, drafts: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = join(drafts, "draft");
  writeFileSync(draft, bytes);
  renameSync(draft, file);
}

const sha256Of = (file: string): string =>
  existsSync(file) ? createHash("sha256").update(readFileSync(file)).digest("hex") : "";
