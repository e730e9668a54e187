/** What the documentation's pages do: search, once somebody asks for it; and fold the contents away where there is little room. */
import MiniSearch, { type SearchResult } from "minisearch";
import { SEARCH_OPTIONS } from "./search-options.ts";

const MAX_FOUND = 12;
const NARROW = "(max-width: 60rem)";

function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`no ${id} in the page`);
  return element;
}

const form = byId("search", HTMLFormElement);
const query = byId("query", HTMLInputElement);
const found = byId("found", HTMLOListElement);

let index: Promise<MiniSearch> | undefined;

async function load(): Promise<MiniSearch> {
  const response = await fetch("/docs/search.json");
  if (!response.ok) throw new Error(`the index cannot be had: ${response.status}`);
  return MiniSearch.loadJSON(await response.text(), SEARCH_OPTIONS);
}

function item({ id, title, heading }: SearchResult): HTMLLIElement {
  const [line, link, page] = [
    document.createElement("li"),
    document.createElement("a"),
    document.createElement("small"),
  ];
  link.href = String(id);
  link.textContent = String(heading);
  page.textContent = String(title);
  if (title !== heading) link.append(" ", page);
  line.append(link);
  return line;
}

function say(text: string): HTMLLIElement {
  const line = document.createElement("li");
  line.textContent = text;
  return line;
}

async function search(): Promise<void> {
  const words = query.value.trim();
  if (words === "") {
    found.hidden = true;
    return;
  }
  try {
    index ??= load();
    const results = (await index).search(words).slice(0, MAX_FOUND);
    // Somebody may have typed on meanwhile.
    if (query.value.trim() !== words) return;
    found.replaceChildren(...(results.length === 0 ? [say("Nothing found")] : results.map(item)));
  } catch {
    index = undefined;
    found.replaceChildren(say("The search cannot be reached"));
  }
  found.hidden = false;
}

query.addEventListener("input", () => void search());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  found.querySelector("a")?.click();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") found.hidden = true;
  if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
  event.preventDefault();
  query.focus();
});
document.addEventListener("click", (event) => {
  if (event.target instanceof Node && !form.contains(event.target)) found.hidden = true;
});

byId("contents", HTMLDetailsElement).open = !matchMedia(NARROW).matches;
