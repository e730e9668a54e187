/** The documentation's site: every page as HTML in the site's shell, the pictures, and what the search looks in. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import MiniSearch from "minisearch";
import { CONTENTS } from "./contents.ts";
import { docsInputs } from "./inputs.ts";
import { escapeHtml } from "../../../shared/escape-html.ts";
import { type Page, renderPage } from "./markdown.ts";
import { addressOf, pageOf } from "./paths.ts";
import { SEARCH_OPTIONS } from "../../../docs/site/search-options.ts";

export interface Site {
  readonly pages: ReadonlyMap<string, Page>;
  /** `file: href`, of links that lead nowhere. */
  readonly broken: readonly string[];
}

export function renderSite(project: string): Site {
  const inputs = docsInputs(project);
  const served = new Set(inputs);
  const pages = new Map(
    inputs
      .filter((file) => file.endsWith(".md"))
      .map((file) => [file, renderPage(file, readFileSync(join(project, file), "utf8"), (path) => served.has(path))]),
  );
  const broken = [...pages].flatMap(([from, { links }]) =>
    links
      .filter(({ file, anchor }) => {
        const page = pages.get(file);
        if (page === undefined) return !existsSync(join(project, file));
        return anchor !== "" && !page.anchors.has(anchor);
      })
      .map(({ href }) => `${from}: ${href}`),
  );
  return { pages, broken };
}

/** For who has followed a link to nowhere; served with status 404. */
const LOST: Pick<Page, "title" | "html"> = {
  title: "No such page",
  html: "<h1>No such page</h1><p>The documentation has none at this address, or not any more. The contents list all there are, and the search looks in them.</p>",
};

/**
 * @param shell HTML of the empty page, with `<!--title-->`, `<!--contents-->` and `<!--page-->` in it
 * @returns file of the site -> what it holds
 */
export function siteFiles(project: string, shell: string): ReadonlyMap<string, string | Uint8Array> {
  const { pages } = renderSite(project);
  const files = new Map<string, string | Uint8Array>();
  for (const [file, page] of pages) {
    const name = pageOf(file) || "index";
    files.set(`${name}.html`, inShell(shell, file, page, pages));
    for (const [diagram, svg] of page.diagrams) files.set(`${name}.diagrams/${diagram}`, svg);
  }
  for (const file of docsInputs(project)) {
    if (!file.endsWith(".md")) files.set(file.replace(/^docs\//, ""), readFileSync(join(project, file)));
  }
  return files.set("404.html", inShell(shell, "", LOST, pages)).set("search.json", searchIndex(pages));
}

const inShell = (
  shell: string,
  file: string,
  { title, html }: Pick<Page, "title" | "html">,
  pages: ReadonlyMap<string, Page>,
): string =>
  // By functions: `$` in a page means nothing.
  shell
    .replace("<!--title-->", () => escapeHtml(title))
    .replace("<!--contents-->", () => contentsOf(file, pages))
    .replace("<!--page-->", () => html);

const contentsOf = (current: string, pages: ReadonlyMap<string, Page>): string =>
  CONTENTS.map(({ title, pages: listed }) => {
    const items = listed.map((file) => {
      const mark = file === current ? ' aria-current="page"' : "";
      return `<li><a href="${addressOf(file)}"${mark}>${escapeHtml(pages.get(file)?.title ?? file)}</a></li>`;
    });
    return `<h2>${escapeHtml(title)}</h2><ul>${items.join("")}</ul>`;
  }).join("\n");

function searchIndex(pages: ReadonlyMap<string, Page>): string {
  const index = new MiniSearch(SEARCH_OPTIONS);
  for (const [file, { title, passages }] of pages) {
    for (const [at, { anchor, heading, text }] of passages.entries()) {
      const url = at === 0 ? addressOf(file) : `${addressOf(file)}#${anchor}`;
      index.add({ id: url, title, heading, text });
    }
  }
  return JSON.stringify(index);
}
