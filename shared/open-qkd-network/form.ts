/** Parameters of the KMS API's requests: of a query, of a form (`application/x-www-form-urlencoded`), or of both. */
import { fail, type Fault } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";

export const FORM_TYPE = "application/x-www-form-urlencoded";

/** `multipart`: as `curl -F` sends it, with which the original's instructions are written. */
export type FormKind = "urlencoded" | "multipart";
const KINDS: ReadonlyMap<string, FormKind> = new Map([
  [FORM_TYPE, "urlencoded"],
  ["multipart/form-data", "multipart"],
]);

/** What a Content-Type header says, whatever its parameters; null: no form. */
export const formKind = (contentType: string): FormKind | null =>
  KINDS.get(contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "") ?? null;

/** @returns the parameters of all of them, each told once; `bad-request` for more than there may be */
export function parametersOf(...sources: readonly (string | URLSearchParams)[]): Result<URLSearchParams, Fault> {
  const all = new URLSearchParams();
  let count = 0;
  for (const source of sources) {
    for (const [name, value] of new URLSearchParams(source)) {
      count += 1;
      if (count > LIMITS.kmsFormMembers) {
        return fail("bad-request", `more than ${LIMITS.kmsFormMembers} parameters`);
      }
      all.append(name, value);
    }
  }
  return ok(all);
}

/** @returns null where absent or empty, as the original takes it; `bad-request` where it is told more than once */
export function parameter(parameters: URLSearchParams, name: string): Result<string | null, Fault> {
  const [value, ...more] = parameters.getAll(name);
  if (more.length > 0) return fail("bad-request", `${name}: given more than once`);
  return ok(value === undefined || value === "" ? null : value);
}

/** @returns `bad-request` where it is absent, empty, or told more than once */
export function requiredParameter(parameters: URLSearchParams, name: string): Result<string, Fault> {
  const value = parameter(parameters, name);
  if (!value.ok) return value;
  return value.value === null ? fail("bad-request", `${name}: missing`) : ok(value.value);
}
