/** HTML written with escaping as the rule: only what `html` made itself goes in unescaped. */
import { escapeHtml } from "../../../shared/escape-html.ts";

export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | readonly (Html | string)[];

const write = (part: Part): string => {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map((item) => write(item)).join("");
  return escapeHtml(String(part));
};

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, at) => text + (at < parts.length ? write(parts[at] ?? "") : "")).join(""));
}

export const nothing = new Html("");
