import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PROJECT } from "../../start/paths.ts";
import { CONTENTS } from "./contents.ts";
import { renderPage } from "./markdown.ts";
import { addressOf, pageOf } from "./paths.ts";
import { renderSite, siteFiles } from "./site.ts";

const site = renderSite(PROJECT);

test("no link of the documentation leads nowhere, and every page of docs/ stands in the contents", () => {
  expect(site.broken).toEqual([]);
  const listed = CONTENTS.flatMap(({ pages }) => pages);
  expect(listed.filter((file) => !site.pages.has(file))).toEqual([]);
  const pages = readdirSync(`${PROJECT}/docs`, { recursive: true })
    .map((name) => `docs/${String(name)}`)
    .filter((name) => name.endsWith(".md") && !name.startsWith("docs/adr/0"));
  expect(pages.filter((file) => !listed.includes(file))).toEqual([]);
});

test("every page has an address of its own, without an extension", () => {
  const addresses = [...site.pages.keys()].map(pageOf);
  expect(new Set(addresses).size).toBe(addresses.length);
  for (const address of addresses) expect(address).toMatch(/^[a-z0-9/-]*$/);
  expect(addressOf("docs/etsi004/qkd-module-0.9.md")).toBe("/docs/etsi004/qkd-module-0-9");
});

test("headings get the anchors that links to them have; what the site lacks is no link", () => {
  const source =
    "# One `two`: three?\n\n## Same\n\n## Same\n\n[a](b.md#c) [code](../x.ts) [self](#same-1) [far](https://example.org)\n";
  const page = renderPage("docs/a.md", source, (file) => file === "docs/b.md" || file === "docs/a.md");
  expect([...page.anchors]).toEqual(["one-two-three", "same", "same-1"]);
  expect(page.html).toContain('<a href="/docs/b#c">a</a> code <a href="/docs/a#same-1">self</a>');
  expect(page.html).toContain('<a href="https://example.org">far</a>');
  expect(page.links.map(({ file }) => file)).toEqual(["docs/b.md", "x.ts", "docs/a.md"]);
});

test("diagrams are pictures that fetch nothing, and say in words what they hold", () => {
  const page = renderPage("docs/a.md", "# A\n\n```mermaid\nflowchart LR\n  a[key pool] --> b[SAE]\n```\n", () => true);
  expect(page.html).toContain('<img src="/docs/a.diagrams/1.svg" alt="Diagram: key pool, SAE" loading="lazy">');
  const [svg = ""] = page.diagrams.values();
  expect(svg).toContain("key pool");
  expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|@import|<script/);
});

test("text is text, and the shell is filled whatever a page holds", () => {
  const page = renderPage(
    "docs/a.md",
    "# A\n\n```\n<b>$& $1</b>\n```\n\n| | |\n|---|---|\n| a | `<i>` |\n",
    () => true,
  );
  expect(page.html).toContain("&lt;b&gt;$&amp; $1&lt;/b&gt;");
  expect(page.html).toContain("<tbody><tr><td>a</td><td><code>&lt;i&gt;</code></td></tr></tbody>");
  const files = siteFiles(PROJECT, "<title><!--title--></title><!--contents--><!--page-->");
  expect(files.get("relay.html")).toMatch(/^<title>[^<]+<\/title><h2>First steps<\/h2>.*aria-current="page"/s);
  expect(files.get("404.html")).toMatch(/^<title>No such page<\/title><h2>First steps<\/h2>/);
  expect(String(files.get("search.json")).length).toBeGreaterThan(10_000);
});

test("a title is text in the shell and in the contents", () => {
  const project = mkdtempSync(join(tmpdir(), "qkd-site-"));
  onTestFinished(() => rmSync(project, { recursive: true, force: true }));
  for (const folder of ["docs", "shared", "examples", "tunnel", "test/compat", "bench"]) {
    mkdirSync(join(project, folder), { recursive: true });
  }
  const pages = ["README", "CHANGELOG", "CONTRIBUTING", "SECURITY", "bench/results", "docs/relay"];
  for (const page of pages) writeFileSync(join(project, `${page}.md`), "# `<i>` & more\n");
  const page = siteFiles(project, "<title><!--title--></title><!--contents--><!--page-->").get("relay.html");
  expect(page).toContain("<title>&lt;i&gt; &amp; more</title>");
  expect(page).toContain('aria-current="page">&lt;i&gt; &amp; more</a>');
});
