/** A report for people: one page that needs nothing else. */
import type { Exchange, Findings, Outcome } from "../case.ts";
import { xmlText } from "./markup.ts";
import { summaryLine } from "./text.ts";

const LEVELS = { M: "required", R: "recommended", X: "robustness" } as const;
const STYLE = `
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
details, p.case { border-bottom: 1px solid #8884; margin: 0; padding: .35rem 0 }
summary { cursor: pointer }
pre { overflow-x: auto; background: #8881; padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere }
b { display: inline-block; width: 3.2rem }
.fail b { color: #c22 } .note b { color: #a60 } .pass b { color: #183 } .skip b { color: #777 }
@media (prefers-color-scheme: dark) { .fail b { color: #f77 } .note b { color: #fb4 } .pass b { color: #6d8 } .skip b { color: #aaa } }
ul { margin: .2rem 0 .2rem 3.2rem; padding-left: 1rem }`;

export function htmlReport(findings: Findings): string {
  const { suite, targets, at, outcomes } = findings;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${xmlText(suite)}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${xmlText(suite)}</h1>
<p>${xmlText(targets.join(", "))}, ${xmlText(at)}</p>
<p>${xmlText(summaryLine(findings))}</p>
${outcomes.map(caseHtml).join("\n")}
</body>
</html>
`;
}

function caseHtml({ id, level, clause, title, result, why, exchanges }: Outcome): string {
  const from = clause === "" ? LEVELS[level] : `${LEVELS[level]}, clause ${clause}`;
  const head = `<b>${result}</b> ${id} ${xmlText(title)} <small>(${from})</small>`;
  const reasons = why.length === 0 ? "" : `<ul>${why.map((words) => `<li>${xmlText(words)}</li>`).join("")}</ul>`;
  if (exchanges.length === 0) return `<div class="${result}"><p class="case">${head}</p>${reasons}</div>`;
  const open = result === "fail" ? " open" : "";
  const shown = exchanges.map(exchangeHtml).join("");
  return `<details class="${result}"${open}><summary>${head}</summary>${reasons}${shown}</details>`;
}

const exchangeHtml = ({ who, sent, received }: Exchange): string =>
  `<p>${xmlText(who)}</p><pre>${xmlText(sent)}</pre><pre>${xmlText(received)}</pre>`;
