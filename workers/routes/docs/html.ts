/** HTML written with escaping as the rule: only what `html` made itself goes in unescaped. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");

type Part = Html | string | number | readonly (Html | string)[];

const write = (part: Part): string => {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map((item) => write(item)).join("");
  return escape(String(part));
};

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, at) => text + (at < parts.length ? write(parts[at] ?? "") : "")).join(""));
}

export const nothing = new Html("");
