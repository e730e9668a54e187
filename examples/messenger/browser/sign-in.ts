/** Who am I here? Asked with the token that was typed, or with the certificate that the browser shows by itself. */
import * as v from "valibot";
import { isTokenText } from "../../../shared/auth/token.ts";
import type { Me } from "../core/state.ts";

const WhoamiSchema = v.object({ role: v.string(), id: v.string(), node: v.optional(v.string()), by: v.string() });

export type SignIn =
  | { readonly ok: true; readonly me: Me }
  | {
      readonly ok: false;
      readonly why: string;
      /** The edge has said so itself. */
      readonly isUnknown: boolean;
    };

const no = (why: string, isUnknown = false): SignIn => ({ ok: false, why, isUnknown });

/** @param token null: a certificate is to speak for itself */
export async function signIn(token: string | null): Promise<SignIn> {
  if (token !== null && !isTokenText(token)) return no("That is no token: it holds characters that none has.");
  let answer: Response;
  try {
    answer = await fetch("/api/v1/whoami", {
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
      // Nothing that the browser keeps goes along, and nothing of the answer is kept.
      credentials: token === null ? "same-origin" : "omit",
      cache: "no-store",
    });
  } catch {
    return no("The edge does not answer.");
  }
  if (answer.status === 401) {
    return no(token === null ? "No certificate speaks for you here." : "The edge does not know this token.", true);
  }
  const parsed = v.safeParse(WhoamiSchema, await answer.json().catch(() => null));
  if (answer.status !== 200 || !parsed.success) return no(`The edge cannot say who you are (HTTP ${answer.status}).`);
  const { role, id, node, by } = parsed.output;
  if (role !== "sae" || node === undefined)
    return no(`This is the ${role} "${id}"; the messenger needs an application (SAE).`);
  return { ok: true, me: { sae: id, node, by: by === "token" || by === "oauth" ? "token" : "certificate" } };
}
