/** Asks the edge as a caller whether it knows that caller. */
import type http from "node:http";
import * as v from "valibot";
import { WhoamiSchema } from "../../../shared/api/schemas.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { Verdict } from "./watch.ts";

/** Only what counts here, so that an edge of another version is understood. */
const AnswerSchema = v.pipe(v.string(), v.parseJson(), v.pick(WhoamiSchema, ["sequence"]));

/** Sends the request and reads its answer. Only a 401 is a refusal: an edge in trouble is no reason to close anything. */
export function readVerdict(request: http.ClientRequest): Promise<Verdict> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => request.destroy(), LIMITS.frontAskMs);
    request.on("error", () => undefined);
    // Also after an error and after the answer's end, where it changes nothing.
    request.on("close", () => {
      clearTimeout(timer);
      resolve("unclear");
    });
    request.on("response", (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > LIMITS.frontVerdictBytes) request.destroy();
        else chunks.push(chunk);
      });
      answer.on("end", () => resolve(verdictOf(answer.statusCode, Buffer.concat(chunks).toString())));
    });
    request.end();
  });
}

function verdictOf(status: number | undefined, body: string): Verdict {
  if (status === 401) return "refused";
  const answer = status === 200 ? v.safeParse(AnswerSchema, body) : undefined;
  return answer?.success === true ? answer.output.sequence : "unclear";
}
