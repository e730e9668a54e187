import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { buildPages, type PageSource, WEB } from "./build.ts";

const PAGES: readonly PageSource[] = [{ name: "hello", source: "pages/hello" }];
let project: string;

const put = (file: string, text: string): void => {
  mkdirSync(dirname(join(project, file)), { recursive: true });
  writeFileSync(join(project, file), text);
};
const built = (): readonly string[] =>
  readdirSync(join(project, WEB, "hello"), { recursive: true })
    .map(String)
    .toSorted();
const page = (): string => readFileSync(join(project, WEB, "hello", "index.html"), "utf8");
const build = async (): Promise<readonly string[]> => await buildPages(project, PAGES);

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "qkd-pages-"));
  put("pages/hello/index.html", '<!doctype html><title>x</title><script type="module" src="./main.ts"></script>');
  put("pages/hello/main.ts", 'import { word } from "../../shared/word.ts";\ndocument.title = word;');
  put("shared/word.ts", 'export const word: string = "first";');
  put("shared/other.ts", "export const other = 1;");
});
afterAll(() => rmSync(project, { recursive: true }));

test("a page is built, with all it needs under its own path", async () => {
  expect(await build()).toEqual(["hello"]);
  const [, script, html] = built();
  expect([script, html]).toEqual([expect.stringMatching(/^assets\/index-[\w-]{8}\.js$/), "index.html"]);
  expect(page()).toContain(`src="/hello/${script}"`);
  expect(page()).not.toMatch(/<script(?![^>]*src=)/);
  expect(readFileSync(join(project, WEB, "hello", script ?? ""), "utf8")).toContain("first");
});

test("nothing but whole files is ever in what is served: another process would take away what it does not know", async () => {
  const seen = new Set<string>();
  const folder = join(project, WEB, "hello");
  const watcher = watch(folder, (_event, name) => void seen.add(name ?? "nameless"));
  onTestFinished(() => watcher.close());
  put("shared/word.ts", 'export const word: string = "watched";');
  expect(await build()).toEqual(["hello"]);
  writeFileSync(join(folder, "last"), "");
  await expect.poll(() => seen.has("last")).toBe(true);
  expect([...seen].toSorted()).toEqual(["index.html", "last"]);
  rmSync(join(folder, "last"));
  expect(readdirSync(join(project, "dist/web-drafts"))).toEqual([]);
});

test("and not again while nothing changes of what went into it", async () => {
  expect(await build()).toEqual([]);
  put("shared/other.ts", "export const other = 2;");
  put("pages/hello/main.test.ts", "");
  expect(await build()).toEqual([]);
});

test("a change of what it imports builds it anew, under another name, and the old one goes", async () => {
  const before = built();
  put("shared/word.ts", 'export const word: string = "second";');
  expect(await build()).toEqual(["hello"]);
  expect(built()).toHaveLength(before.length);
  expect(built()).not.toEqual(before);
  expect(await build()).toEqual([]);
});

test("a new file of its own builds it anew, and so does a missing part", async () => {
  put("pages/hello/more.ts", "export {};");
  expect(await build()).toEqual(["hello"]);
  rmSync(join(project, WEB, "hello", "index.html"));
  expect(await build()).toEqual(["hello"]);
});

test("one that does not build is told, and the one before stays", async () => {
  const before = page();
  put("pages/hello/main.ts", 'import { nothing } from "./nowhere.ts";\ndocument.title = nothing;');
  await expect(build()).rejects.toThrow("nowhere.ts");
  expect(page()).toBe(before);
  put("pages/hello/main.ts", "export {};");
  const html = readFileSync(join(project, "pages/hello/index.html"), "utf8");
  put("pages/hello/index.html", `${html}<link rel="stylesheet" href="./missing.css">`);
  await expect(build()).rejects.toThrow("missing.css");
  expect(page()).toBe(before);
  put("pages/hello/index.html", html);
  put("pages/hello/main.ts", 'document.title = "third";');
  expect(await build()).toEqual(["hello"]);
});
