/** Where files of the project are on the documentation's site. */
import { posix } from "node:path";
import { HOME } from "./contents.ts";

const BASE = "/docs/";

/** `docs/relay.md` -> `relay`, `shared/relay/README.md` -> `shared/relay`; the home page -> "". */
export function pageOf(file: string): string {
  if (file === HOME) return "";
  if (!file.includes("/")) return `project/${file.replace(/\.md$/, "").toLowerCase()}`;
  return file
    .replace(/^docs\//, "")
    .replace(/\/README\.md$/, "")
    .replace(/\.md$/, "")
    .replaceAll(".", "-")
    .toLowerCase();
}

/** Of a page, or of another file in docs/. */
export const addressOf = (file: string): string =>
  file.endsWith(".md") ? `${BASE}${pageOf(file)}` : `${BASE}${file.replace(/^docs\//, "")}`;

/** What a link in one file means: a file of the project and an anchor in it. @returns null for another host's */
export function targetOf(from: string, href: string): { readonly file: string; readonly anchor: string } | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(href) || href.startsWith("//")) return null;
  const [path = "", anchor = ""] = href.split("#", 2);
  return { file: path === "" ? from : posix.normalize(posix.join(posix.dirname(from), path)), anchor };
}
