/** Asks the edge as a caller whether it knows that caller. */
import type http from "node:http";
import * as v from "valibot";
import { WhoamiSchema } from "../../../shared/api/schemas.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { readBounded } from "../../http/read-bounded.ts";
import type { Verdict } from "./watch.ts";

/** Only what counts here, so that an edge of another version is understood. */
const AnswerSchema = v.pipe(v.string(), v.parseJson(), v.pick(WhoamiSchema, ["sequence"]));

/** Sends the request and reads its answer. Only a 401 is a refusal: an edge in trouble is no reason to close anything. */
export function readVerdict(request: http.ClientRequest): Promise<Verdict> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => request.destroy(), LIMITS.frontAskMs);
    request.on("error", () => undefined);
    let isAnswered = false;
    // Also after an error.
    request.on("close", () => {
      clearTimeout(timer);
      if (!isAnswered) resolve("unclear");
    });
    request.on("response", (answer) => {
      isAnswered = true;
      readBounded(answer, LIMITS.frontVerdictBytes, "the edge answers more than it should").then(
        (body) => resolve(verdictOf(answer.statusCode, body.toString())),
        () => resolve("unclear"),
      );
    });
    request.end();
  });
}

function verdictOf(status: number | undefined, body: string): Verdict {
  if (status === 401) return "refused";
  const answer = status === 200 ? v.safeParse(AnswerSchema, body) : undefined;
  return answer?.success === true ? answer.output.sequence : "unclear";
}
