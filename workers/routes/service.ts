/** What anybody may ask: is it there, and what can it do? */
import openapi from "../../shared/api/openapi.json" with { type: "json" };
import { ok } from "../../shared/result.ts";
import { respond, respondJson } from "../middleware/respond.ts";
import { docsCsp, renderDocs } from "./docs/page.ts";
import type { Reply } from "./handler.ts";

const OPENAPI_TEXT = JSON.stringify(openapi);

/** With the time: agents compare their clocks (RFC 9110 6.6.1). */
export async function getHealthz(): Reply {
  const headers = { Date: new Date().toUTCString() };
  return await Promise.resolve(ok(respondJson({ status: "ok" }, 200, headers)));
}

export async function getOpenapi(): Reply {
  return await Promise.resolve(ok(respond(OPENAPI_TEXT, "application/json")));
}

let page: string | undefined;

export async function getDocs(): Reply {
  page ??= renderDocs(openapi);
  return await Promise.resolve(
    ok(respond(page, "text/html; charset=utf-8", 200, { "Content-Security-Policy": docsCsp })),
  );
}
