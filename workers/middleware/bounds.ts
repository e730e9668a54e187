/** What a request may weigh before anything of it is looked at. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";

/** Colon, blank and line end of a header line. */
const LINE_BYTES = 4;

function headerBytes(headers: Headers): number {
  let bytes = 0;
  // Half the cost of `for ... of`, on every request.
  // oxlint-disable-next-line unicorn/no-array-for-each
  headers.forEach((value, name) => {
    bytes += name.length + value.length + LINE_BYTES;
  });
  return bytes;
}

/** Of the URL only path and query are the client's. @returns `uri-too-long` */
export const checkTarget = (url: string): Result<null, Fault> =>
  url.length - url.indexOf("/", url.indexOf("://") + 3) > LIMITS.uriBytes
    ? fail("uri-too-long", `the URI is longer than ${LIMITS.uriBytes} bytes`)
    : ok(null);

/** @returns `uri-too-long`, `headers-too-large`, or `bad-request` for a Host that makes no URL (`[[[`, or two of them) */
export function checkBounds(request: Request): Result<null, Fault> {
  const target = checkTarget(request.url);
  if (!target.ok) return target;
  if (headerBytes(request.headers) > LIMITS.headerBytes)
    return fail("headers-too-large", `the headers are larger than ${LIMITS.headerBytes} bytes`);
  return URL.canParse(request.url) ? ok(null) : fail("bad-request", "header Host: shall be one host and port");
}
