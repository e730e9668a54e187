/** From schema issues to an ETSI 014 fault: every wrong member named, nothing of its value quoted. */
import * as v from "valibot";
import { type Fault, type FaultDetail, fail } from "../errors/errors.ts";
import { ok, type Result } from "../result.ts";

/** Details an Error object carries at most; a body may hold thousands of wrong members. */
const DETAILS_REPORTED = 20;

/** RFC 6901. */
const escapePointer = (part: unknown) => String(part).replaceAll("~", "~0").replaceAll("/", "~1");

const pointerOf = (path: readonly { readonly key: unknown }[] | undefined): string =>
  (path ?? []).map(({ key }) => `/${escapePointer(key)}`).join("");

/**
 * Check `input` against an object schema whose messages are our own (they end up in front of clients).
 * @returns `bad-request`; message `number: shall be an integer`; details `[{"pointer":"/number","message":"..."}]`.
 */
export function parseMembers<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  what: string,
): Result<v.InferOutput<Schema>, Fault> {
  // Valibot takes an array for an object.
  if (Array.isArray(input)) return fail("bad-request", `${what}: shall be a JSON object`);
  const parsed = v.safeParse(schema, input);
  if (parsed.success) return ok(parsed.output);
  const details: FaultDetail[] = parsed.issues
    .slice(0, DETAILS_REPORTED)
    .map(({ path, message }) => ({ pointer: pointerOf(path), message }));
  const first = parsed.issues[0];
  const where = first.path === undefined ? what : first.path.map(({ key }) => String(key)).join(".");
  return fail("bad-request", `${where}: ${first.message}`, details);
}
