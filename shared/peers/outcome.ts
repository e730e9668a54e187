/** How a `Result` crosses: JSON, of a fault the code and its words only. */
import * as v from "valibot";
import { parseJson } from "../bytes/json.ts";
import { type ErrorCode, type Fault, fail, HTTP_STATUS } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant table
const CODES = Object.keys(HTTP_STATUS) as [ErrorCode, ...ErrorCode[]];

/** Words of another deployment: they reach logs and clients. */
export const FaultSchema: v.GenericSchema<unknown, Fault> = v.strictObject({
  code: v.picklist(CODES),
  // oxlint-disable-next-line no-control-regex
  message: v.pipe(v.string(), v.maxLength(LIMITS.peerFaultChars), v.regex(/^[^\u0000-\u001f\u007f-\u009f]*$/)),
});

/** What of a fault may leave this deployment. */
export const crossing = ({ code, message }: Fault): Fault => ({
  code,
  // oxlint-disable-next-line no-control-regex
  message: message.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, LIMITS.peerFaultChars),
});

/** @param textOf JSON of the value */
export const outcomeText = <T>(result: Result<T, Fault>, textOf: (value: T) => string): string =>
  result.ok
    ? `{"ok":true,"value":${textOf(result.value)}}`
    : JSON.stringify({ ok: false, error: crossing(result.error) });

/** @returns what was answered; `unavailable` where that is no outcome of such a question */
export function readOutcome<T>(text: string, schema: v.GenericSchema<unknown, T>): Result<T, Fault> {
  const parsed = parseJson(text, LIMITS.jsonDepth);
  const outcome = v.safeParse(
    v.variant("ok", [
      v.strictObject({ ok: v.literal(true), value: schema }),
      v.strictObject({ ok: v.literal(false), error: FaultSchema }),
    ]),
    parsed.ok ? parsed.value : null,
    { abortEarly: true },
  );
  if (!outcome.success) return fail("unavailable", "the other deployment's answer is none to this question");
  return outcome.output.ok ? ok(outcome.output.value) : err(outcome.output.error);
}
