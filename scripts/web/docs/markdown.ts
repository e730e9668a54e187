/** One Markdown file as a page: its HTML, what the search finds in it, its diagrams, and where it leads. */
import { renderMermaidSVG } from "beautiful-mermaid";
import { Marked, type Token, type Tokens } from "marked";
import { escapeHtml } from "../../../shared/escape-html.ts";
import { addressOf, targetOf } from "./paths.ts";

/** An empty heading says nothing: it is a cell. */
const cellOf = (tag: "th" | "td", text: string, html: string): string =>
  tag === "th" && text === "" ? "<td></td>" : `<${tag}>${html}</${tag}>`;

/** What stands under one heading. */
export interface Passage {
  readonly anchor: string;
  readonly heading: string;
  readonly text: string;
}

export interface Link {
  readonly href: string;
  readonly file: string;
  readonly anchor: string;
}

export interface Page {
  readonly title: string;
  readonly html: string;
  readonly passages: readonly Passage[];
  readonly anchors: ReadonlySet<string>;
  /** To files of the project. */
  readonly links: readonly Link[];
  /** SVG, by its name. */
  readonly diagrams: ReadonlyMap<string, string>;
}

/** The same as where the project's files are read on the web: what links to a heading there does so here. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");

/** Words of a token and all that it holds. */
function textOf(token: Token): string {
  if ("tokens" in token && token.tokens !== undefined) return token.tokens.map(textOf).join("");
  if (token.type === "table") {
    const { header, rows } = token as Tokens.Table;
    return [header, ...rows].map((row) => row.map((cell) => cell.tokens.map(textOf).join("")).join(" ")).join("\n");
  }
  if (token.type === "list") return (token as Tokens.List).items.map(textOf).join("\n");
  return "text" in token && typeof token.text === "string" ? token.text : "";
}

/**
 * @param file of the project, by which links are understood
 * @param isServed whether the site has a file
 * @throws where a diagram cannot be drawn
 */
export function renderPage(file: string, source: string, isServed: (path: string) => boolean): Page {
  const [anchors, links, diagrams] = [new Set<string>(), new Array<Link>(), new Map<string, string>()];
  const anchorFor = (heading: string): string => {
    const plain = anchorOf(heading);
    let anchor = plain;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${plain}-${again}`;
    anchors.add(anchor);
    return anchor;
  };
  const linked = (href: string): string | null => {
    const target = targetOf(file, href);
    if (target === null) return href;
    links.push({ href, ...target });
    return isServed(target.file) ? `${addressOf(target.file)}${target.anchor === "" ? "" : `#${target.anchor}`}` : null;
  };
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const anchor = anchorFor(tokens.map(textOf).join(""));
        return `<h${depth} id="${anchor}">${this.parser.parseInline(tokens)} <a class="anchor" href="#${anchor}" aria-label="Link to this section">#</a></h${depth}>\n`;
      },
      link({ href, tokens }) {
        const address = linked(href);
        const inner = this.parser.parseInline(tokens);
        // A source file: it is where the project is.
        return address === null ? inner : `<a href="${escapeHtml(address)}">${inner}</a>`;
      },
      image({ href, text }) {
        return `<img src="${escapeHtml(linked(href) ?? href)}" alt="${escapeHtml(text)}" loading="lazy">`;
      },
      code({ text, lang }) {
        if (lang !== "mermaid") return `<pre tabindex="0"><code>${escapeHtml(text)}</code></pre>\n`;
        const name = `${diagrams.size + 1}.svg`;
        diagrams.set(name, diagramOf(text));
        const address = `${addressOf(file).replace(/\/$/, "/index")}.diagrams/${name}`;
        return `<figure tabindex="0"><img src="${address}" alt="Diagram: ${escapeHtml(wordsOf(text))}" loading="lazy"></figure>\n`;
      },
      table(token) {
        const row = (cells: Tokens.TableCell[], tag: "th" | "td"): string =>
          `<tr>${cells.map((cell) => cellOf(tag, cell.text, this.parser.parseInline(cell.tokens))).join("")}</tr>`;
        const hasHeader = token.header.some(({ text }) => text !== "");
        const head = hasHeader ? `<thead>${row(token.header, "th")}</thead>` : "";
        return `<div class="table" tabindex="0"><table>${head}<tbody>${token.rows.map((cells) => row(cells, "td")).join("")}</tbody></table></div>\n`;
      },
    },
  });
  const tokens = marked.lexer(source);
  const html = marked.parser(tokens);
  const passages = passagesOf(tokens, [...anchors]);
  return { title: passages[0]?.heading ?? file, html, passages, anchors, links, diagrams };
}

function passagesOf(tokens: readonly Token[], anchors: readonly string[]): readonly Passage[] {
  const passages: { anchor: string; heading: string; text: string }[] = [];
  for (const token of tokens) {
    if (token.type === "heading") {
      passages.push({ anchor: anchors[passages.length] ?? "", heading: textOf(token), text: "" });
      continue;
    }
    const last = passages.at(-1);
    const text = textOf(token).trim();
    if (last !== undefined && text !== "") last.text += `${text}\n`;
  }
  return passages;
}

/** As dashboard/styles/colours.css has surface and text: a picture imports nothing. */
const LIGHT = { bg: "#ffffff", fg: "#16211f" } as const;
const DARK = { bg: "#151d20", fg: "#e4ebeb" } as const;
const inStyle = ({ bg, fg }: typeof LIGHT | typeof DARK): string => `--bg:${bg}; --fg:${fg};`;

/** Its own fonts and colours: nothing is fetched from elsewhere, and the dark page has a dark one. */
function diagramOf(text: string): string {
  const svg = renderMermaidSVG(text, LIGHT);
  return svg
    .replaceAll(/^\s*@import [^\n]*\n/gm, "")
    .replaceAll("'Inter', ", "")
    .replace(`style="--bg:${LIGHT.bg};--fg:${LIGHT.fg};background:var(--bg)"`, "")
    .replace(
      "<style>",
      `<style>\n  svg { ${inStyle(LIGHT)} }\n  @media (prefers-color-scheme: dark) { svg { ${inStyle(DARK)} } }`,
    );
}

/** The words of a diagram's source, for who does not see it. */
const wordsOf = (text: string): string =>
  [...text.matchAll(/\[+([^\]]+)\]+|as ([^\n]+)/g)]
    .map(([, box, name]) => (box ?? name ?? "").replaceAll(/<br\s*\/?>/g, " "))
    .join(", ")
    .slice(0, 300);
