/** From schema issues to a fault: every wrong member named, nothing of its value quoted. */
import * as v from "valibot";
import { type Fault, type FaultDetail, fail } from "./errors.ts";
import { ok, type Result } from "../result.ts";

/** Details an Error object carries at most; a body may hold thousands of wrong members. */
const DETAILS_REPORTED = 20;

/** RFC 6901. */
const escapePointer = (part: unknown) => String(part).replaceAll("~", "~0").replaceAll("/", "~1");

const pointerOf = (path: readonly { readonly key: unknown }[] | undefined): string =>
  (path ?? []).map(({ key }) => `/${escapePointer(key)}`).join("");

/** For a member that is not there Valibot has the words of the object around it. */
const wordsOf = ({ kind, input, path, message }: v.BaseIssue<unknown>): string =>
  kind === "schema" && input === undefined && path !== undefined ? "is missing" : message;

/**
 * Check `input` against a schema whose messages are our own (they end up in front of clients).
 * @returns `bad-request`; message `number: shall be an integer`; details `[{"pointer":"/number","message":"..."}]`.
 */
export function parseShape<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  what: string,
): Result<v.InferOutput<Schema>, Fault> {
  const parsed = v.safeParse(schema, input);
  if (parsed.success) return ok(parsed.output);
  const details: FaultDetail[] = parsed.issues
    .slice(0, DETAILS_REPORTED)
    .map((issue) => ({ pointer: pointerOf(issue.path), message: wordsOf(issue) }));
  const first = parsed.issues[0];
  const where = first.path === undefined ? what : first.path.map(({ key }) => String(key)).join(".");
  return fail("bad-request", `${where}: ${wordsOf(first)}`, details);
}

/** The same for an object schema: Valibot takes an array for an object. */
export const parseMembers = <Schema extends v.GenericSchema>(schema: Schema, input: unknown, what: string) =>
  Array.isArray(input) ? fail("bad-request", `${what}: shall be a JSON object`) : parseShape(schema, input, what);
