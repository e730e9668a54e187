/** Rules of a network document about webhooks. */
import { ALARM_CODES } from "../monitor/alarm-codes.ts";
import type { PointerFault } from "./directory-types.ts";
import { urlProblem } from "./remote-rules.ts";
import { repeated, type Sections } from "./rule-parts.ts";

export const webhookRules = [(s: Sections) => repeated(s.webhooks, "id", ({ id }) => id), urls, codes] as const;

function urls({ webhooks }: Sections): PointerFault[] {
  return webhooks.flatMap(({ pointer, value: { url } }) => {
    const problem = webhookUrlProblem(url);
    return problem === null ? [] : [{ pointer: `${pointer}/url`, message: problem }];
  });
}

/** A query may tell the receiver which hook it is; a password would stand in the document. */
function webhookUrlProblem(text: string): string | null {
  const at = text.indexOf("?");
  return urlProblem(at === -1 ? text : text.slice(0, at)) ?? (/[#\s]/u.test(text) ? "shall have no fragment" : null);
}

/** One that nothing raises would never be told, and nobody would notice. */
function codes({ webhooks }: Sections): PointerFault[] {
  const known: ReadonlySet<string> = new Set(ALARM_CODES);
  return webhooks.flatMap(({ pointer, value }) =>
    (value.codes ?? []).flatMap((code, index) =>
      known.has(code) ? [] : [{ pointer: `${pointer}/codes/${index}`, message: "no alarm has this code" }],
    ),
  );
}
