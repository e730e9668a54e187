/** Error: like problem details (RFC 9457), but that its details are members by name. */
import * as v from "valibot";
import { type Fault, HTTP_STATUS } from "../errors/errors.ts";

export const ProblemSchema = v.looseObject({
  type: v.string(),
  status: v.number(),
  title: v.string(),
  details: v.optional(v.record(v.string(), v.string())),
});

export function problemOf({ code, message, details = [] }: Fault): v.InferOutput<typeof ProblemSchema> {
  const named = details.flatMap(({ pointer, message: words }) =>
    typeof pointer === "string" && typeof words === "string" ? [[pointer, words] as const] : [],
  );
  return {
    type: "about:blank",
    status: HTTP_STATUS[code],
    title: message,
    ...(named.length === 0 ? {} : { details: Object.fromEntries(named) }),
  };
}
