/**
 * Paths as they were sent. Ids are opaque and URL-encoded, so a segment is taken from the raw URL and decoded exactly
 * once: an SAE id may hold `/`, `%` or `..`, and none of them ever takes part in routing.
 */
import { percentDecoded } from "../../shared/bytes/percent.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { ok, type Result } from "../../shared/result.ts";

/** The path of a URL, still encoded, without query and fragment. */
export function rawPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end === -1 ? url.slice(start) : url.slice(start, start + end);
}

/** The query of a URL, still encoded, without `?` and fragment. */
export function rawQuery(url: string): string {
  const [whole = ""] = url.split("#", 1);
  const start = whole.indexOf("?");
  return start === -1 ? "" : whole.slice(start + 1);
}

/** `/links/{link}` -> `/links/:link`, Hono's way to write it; `{+rest}` matches all that follows. */
export const honoPath = (path: string): string =>
  path.replaceAll(
    /\{(?<plus>\+?)(?<name>[^}]+)\}/g,
    (_, plus: string, name: string) => `:${name}${plus === "" ? "" : "{.*}"}`,
  );

/**
 * The `{parameters}` of a path that matched `template`; `{+rest}` as it was sent, not decoded.
 * @returns `bad-request` where the percent-encoding of one of them is malformed or not UTF-8
 */
export function pathParameters(template: string, path: string): Result<Readonly<Record<string, string>>, Fault> {
  const segments = path.split("/");
  const parameters: Record<string, string> = {};
  for (const [position, part] of template.split("/").entries()) {
    if (!part.startsWith("{")) continue;
    if (part.startsWith("{+")) {
      parameters[part.slice(2, -1)] = segments.slice(position).join("/");
      continue;
    }
    const name = part.slice(1, -1);
    const value = percentDecoded(segments[position] ?? "");
    if (value === null) return fail("bad-request", `path ${name}: malformed percent-encoding`);
    parameters[name] = value;
  }
  return ok(parameters);
}
