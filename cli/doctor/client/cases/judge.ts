/** How calls of a client under test are judged, said once. */
import { isRecord } from "../../../../shared/records.ts";
import { must, type Tell } from "../../case.ts";
import type { Asked } from "../answers.ts";
import type { Attempt } from "../stage.ts";

/** As common languages print an error that nobody caught. */
const STACK_TRACE =
  /^Traceback \(most recent call last\)|^\s+at .+:\d+:\d+\)?$|^goroutine \d+ \[|panicked at |Exception in thread "/m;

/** It has what it asked for, and says so. */
export function mustSucceed({ ended }: Attempt): void {
  must(ended.how === "done", `a right answer is not taken: ${ended.words}`);
}

/** It says that it has nothing: no crash, no end that never comes, no key. */
export function mustFail({ ended, shown }: Attempt, tell: Tell): void {
  must(ended.how !== "done", `it is taken for a success: ${ended.words}`, "M");
  must(ended.how !== "crash", `it crashes: ${ended.words}`, "M");
  must(ended.how !== "late", ended.words, "M");
  must(shown === 0, "a key of an answer that it refuses is in its output", "M");
  if (STACK_TRACE.test(ended.output)) tell.note("the error is one that nobody has caught: there is a stack trace");
}

/** It asks, and then says that it has nothing. */
export function mustRefuse(attempt: Attempt, tell: Tell): void {
  firstOf(attempt);
  mustFail(attempt, tell);
}

const PATH = /^\/api\/v1\/keys\/([^/]+)\/([a-z_]+)$/;

/** Its first request of the call. @throws Breach where there is none, or not one to that path */
export function firstOf({ ask, asked, ended }: Attempt): Asked {
  const [first] = asked;
  must(first !== undefined, `no request of ${ask.call} came: ${ended.words}`);
  const [, segment = "", method] = PATH.exec(first.path) ?? [];
  must(method === ask.call, `the path is not /api/v1/keys/{SAE ID}/${ask.call}`);
  must(decoded(segment) === ask.peer, `the path does not hold the SAE ID ${JSON.stringify(ask.peer)}, encoded once`);
  return first;
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

/** Members of a POST's body. @throws Breach for anything else */
export function postedBy(attempt: Attempt, tell: Tell): Readonly<Record<string, unknown>> {
  const { method, body, contentType } = firstOf(attempt);
  must(method === "POST", `it is asked for by ${method}: only POST can say that`);
  must(isRecord(body), "the body is no JSON object");
  if (!/^application\/json/i.test(contentType)) tell.note("the Content-Type of the body is not application/json");
  return body;
}

export function mustHold(body: Readonly<Record<string, unknown>>, members: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(members)) {
    must(JSON.stringify(body[name]) === JSON.stringify(value), `${name} is not ${JSON.stringify(value)}`);
  }
}
