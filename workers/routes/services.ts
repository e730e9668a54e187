/** HTTP to what a site's agent exposes, through the hub of that site. */
import * as v from "valibot";
import { fail } from "../../shared/errors/errors.ts";
import { IPSEC_SERVICE } from "../../shared/ipsec/errand.ts";
import { LIMITS } from "../../shared/limits.ts";
import { REQUEST_ID_HEADER } from "../../shared/telemetry/request-id.ts";
import { TRACEPARENT, writeTraceparent } from "../../shared/telemetry/trace.ts";
import { ServiceNameSchema } from "../../shared/tunnel/services.ts";
import { HTTP_CALL_HEADER, type HttpCall } from "../../shared/tunnel/types.ts";
import { ok } from "../../shared/result.ts";
import { hubOf } from "../clients/tunnel-hub.ts";
import { rawQuery } from "../middleware/path.ts";
import type { AuthenticatedCall, StreamReply } from "./handler.ts";
import { siteOfPath } from "./sites.ts";

export async function useService(call: AuthenticatedCall): StreamReply {
  const site = siteOfPath(call);
  if (!site.ok) return site;
  const { request, env, path, caller, visit } = call;
  if (request.headers.get("Upgrade") !== null) return fail("bad-request", "no upgrade goes through the tunnel's HTTP");
  const declared = request.headers.get("Content-Length");
  const length = Number(declared ?? 0);
  if (length > LIMITS.tunnelHttpBodyBytes) {
    return fail("body-too-large", `the body is larger than ${LIMITS.tunnelHttpBodyBytes} bytes`);
  }
  // RFC 9110 9.3.1: content of a GET means nothing, and some servers take it for the next request.
  const { body } = request;
  const isBodiless = BODILESS.has(request.method);
  if (isBodiless && (length !== 0 || (body !== null && declared === null))) {
    return fail("bad-request", `a ${request.method} has no body`);
  }
  const { principal } = caller.grant;
  const service = v.safeParse(ServiceNameSchema, path["service"]);
  // What the edge itself asks of the agent is not for callers: errands have entries, and their states, behind them.
  if (!service.success || service.output === IPSEC_SERVICE)
    return fail("not-found", "the site exposes no such service");
  const httpCall: HttpCall = {
    service: service.output,
    site: principal.role === "agent" ? principal.site : null,
  };
  const headers = new Headers(request.headers as Headers);
  headers.set(HTTP_CALL_HEADER, JSON.stringify(httpCall));
  headers.set(REQUEST_ID_HEADER, visit.requestId);
  if (visit.trace !== null) headers.set(TRACEPARENT, writeTraceparent(visit.trace));
  const query = rawQuery(request.url);
  const target = `/${path["rest"] ?? ""}${query === "" ? "" : `?${query}`}`;
  try {
    return ok(
      await hubOf(env, site.value).fetch(
        new Request(`http://hub${target}`, {
          method: request.method,
          headers,
          body: isBodiless ? null : await bodyOf(body, declared),
          redirect: "manual",
        }),
      ),
    );
  } catch {
    return fail("unavailable", "the hub of the site does not answer, try again");
  }
}

const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** A small body is cheaper to hand over whole. */
async function bodyOf(body: AuthenticatedCall["request"]["body"], declared: string | null) {
  if (body === null || typeof body === "string") return body;
  const isSmall = declared !== null && Number(declared) <= LIMITS.tunnelHttpSmallBytes;
  return isSmall ? await new Response(body).bytes() : body;
}
