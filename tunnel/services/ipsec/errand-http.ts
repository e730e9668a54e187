/** `POST /errands` of the edge, through the tunnel: a line of JSON for each thing done, as it is done. */
import { setTimeout as sleep } from "node:timers/promises";
import { ERRAND_PATH, type ErrandLine } from "../../../shared/ipsec/errand.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { AnswerHttp, OwnAnswer } from "../../agent/services/own-http.ts";
import type { Errands, Refusal } from "./errands.ts";
import { readErrand } from "./read-errand.ts";

const REFUSALS: Readonly<Record<Refusal, readonly [status: number, text: string]>> = {
  "no-such-node": [404, "no IPsec host of this node stands in the agent's configuration"],
  busy: [503, "as many errands are under way as may be"],
  "other-errand": [409, "another node's errand has this id"],
};

const said = (status: number, text: string): OwnAnswer => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: [`${text}\n`],
});

export const answerErrands =
  (errands: Errands): AnswerHttp =>
  ({ method, target, body }) => {
    if (target !== ERRAND_PATH) return said(404, "no such path");
    if (method !== "POST") return said(405, "only POST");
    const errand = readErrand(body);
    if (!errand.ok) return said(400, errand.error);
    const lines = errands.begin(errand.value);
    if (!lines.ok) return said(...REFUSALS[lines.error]);
    return { status: 200, contentType: "application/x-ndjson", body: texts(lines.value) };
  };

/** Empty lines while nothing happens: others between here and there take silence for an end. */
async function* texts(lines: AsyncIterable<ErrandLine> | readonly ErrandLine[]): AsyncGenerator<string> {
  const told = textsOf(lines);
  let next = told.next();
  for (;;) {
    const alive = new AbortController();
    const quiet = sleep(LIMITS.ipsecErrandAliveMs, null, { signal: alive.signal }).catch(() => null);
    const first = await Promise.race([next, quiet]);
    alive.abort();
    if (first === null) yield "\n";
    else if (first.done === true) return;
    else {
      yield first.value;
      next = told.next();
    }
  }
}

async function* textsOf(lines: AsyncIterable<ErrandLine> | readonly ErrandLine[]): AsyncGenerator<string, undefined> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
  return undefined;
}
