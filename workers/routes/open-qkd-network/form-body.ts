/** The form in a request's body, in either of the two ways that browsers and curl send one. */
import { decodeUtf8 } from "../../../shared/bytes/json.ts";
import { fail, type Fault } from "../../../shared/errors/errors.ts";
import { formKind, FORM_TYPE, parametersOf } from "../../../shared/open-qkd-network/form.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { readBytes } from "../../middleware/body.ts";
import type { Incoming } from "../../middleware/incoming.ts";

/**
 * @returns no parameters where there is no body; `body-too-large`; `bad-request` for a body that is no form, or has a file
 *   in it
 */
export async function readForm(request: Incoming, maxBytes: number): Promise<Result<URLSearchParams, Fault>> {
  const body = await readBytes(request, maxBytes);
  if (!body.ok) return body;
  if (body.value.length === 0) return ok(new URLSearchParams());
  const type = request.headers.get("Content-Type") ?? "";
  const kind = formKind(type);
  if (kind === null) return fail("bad-request", `Content-Type: a body shall be a form, ${FORM_TYPE}`);
  if (kind === "multipart") return await multipart(body.value, type);
  const text = decodeUtf8(body.value);
  return text.ok ? parametersOf(text.value) : text;
}

async function multipart(body: Uint8Array, type: string): Promise<Result<URLSearchParams, Fault>> {
  try {
    const form = await new Response(body, { headers: { "Content-Type": type } }).formData();
    const parameters = new URLSearchParams();
    for (const [name, value] of form) {
      if (typeof value !== "string") return fail("bad-request", `${name}: shall be text, not a file`);
      parameters.append(name, value);
    }
    return parametersOf(parameters);
  } catch {
    return fail("bad-request", "the body is not the form that its Content-Type says it is");
  }
}
