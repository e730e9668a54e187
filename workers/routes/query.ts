/** Query parameters of the routes that are not ETSI 014's own. */
import * as v from "valibot";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { ok, type Result } from "../../shared/result.ts";

/** @returns null where absent; `bad-request` for a repeated, malformed or out-of-range value */
export function queryInteger(
  query: URLSearchParams,
  name: string,
  range: { readonly min: number; readonly max: number },
): Result<number | null, Fault> {
  const [text, ...more] = query.getAll(name);
  if (text === undefined) return ok(null);
  if (more.length > 0) return fail("bad-request", `query ${name}: given more than once`);
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.min && value <= range.max) return ok(value);
  return fail("bad-request", `query ${name}: shall be an integer of ${range.min}..${range.max}`);
}

/** @returns unix milliseconds, null where absent; `bad-request` for a repeated value, or one that is no instant of ISO 8601 */
export function queryInstant(query: URLSearchParams, name: string): Result<number | null, Fault> {
  const [text, ...more] = query.getAll(name);
  if (text === undefined) return ok(null);
  if (more.length > 0) return fail("bad-request", `query ${name}: given more than once`);
  const isInstant = v.is(v.pipe(v.string(), v.isoTimestamp()), text);
  if (isInstant && !Number.isNaN(Date.parse(text))) return ok(Date.parse(text));
  return fail("bad-request", `query ${name}: shall be an instant like 2026-01-31T12:00:00Z`);
}
