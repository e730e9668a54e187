/** Text as XML and HTML take it, in attributes too. */
import { escapeHtml } from "../../../shared/escape-html.ts";

/** Characters that XML 1.0 has no way to write become U+FFFD. */
export const xmlText = (text: string): string =>
  escapeHtml(text.replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\uFFFD"));
