/** What a request may weigh before anything of it is looked at. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";

/** Colon, blank and line end of a header line. */
const LINE_BYTES = 4;

/** @returns `uri-too-long`, `headers-too-large`, or `bad-request` for a Host that makes no URL (`[[[`, or two of them) */
export function checkBounds(request: Request): Result<null, Fault> {
  // Of the URL only path and query are the client's; scheme and host are short.
  if (request.url.length > LIMITS.uriBytes)
    return fail("uri-too-long", `the URI is longer than ${LIMITS.uriBytes} bytes`);
  let bytes = 0;
  for (const [name, value] of request.headers) bytes += name.length + value.length + LINE_BYTES;
  if (bytes > LIMITS.headerBytes)
    return fail("headers-too-large", `the headers are larger than ${LIMITS.headerBytes} bytes`);
  return URL.canParse(request.url) ? ok(null) : fail("bad-request", "header Host: shall be one host and port");
}
