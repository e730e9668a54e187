/**
 * A token of this agent's own OAuth client (RFC 6749 4.4), for applications that ask for keys without one: qTox does, where the
 * fifth line of its kms.conf is `false`. One token for all of them, until it expires or the edge no longer takes it.
 */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { FORM_TYPE } from "../../../shared/open-qkd-network/form.ts";
import { OAuthErrorSchema } from "../../../shared/open-qkd-network/oauth-errors.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { failureOf } from "../../agent/link/edge.ts";
import type { Ask } from "../etsi004/as-agent.ts";
import { firstLine } from "../netconf/secret-files.ts";

export interface SignInConfig {
  readonly client: string;
  readonly secret_file: string;
}

export interface SignInOptions {
  readonly config: SignInConfig;
  readonly ask: Ask;
  readonly nowMs: () => number;
}

/** A token, or why there is none, for the log. */
export type SignedIn = Result<string, string>;

const Granted = v.object({ access_token: v.string(), expires_in: v.number() });
const GRANT = "grant_type=client_credentials&scope=openid";
/** So that none expires on its way. */
const EARLY_MS = 60_000;

export class SignIn {
  readonly #options: SignInOptions;
  #last: { readonly outcome: Promise<SignedIn>; untilMs: number } | null = null;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /** Those who ask at the same time wait for the same one. That there was none is remembered for a while, too. */
  async token(): Promise<SignedIn> {
    const { nowMs } = this.#options;
    if (this.#last !== null && nowMs() < this.#last.untilMs) return await this.#last.outcome;
    const { promise, resolve } = Promise.withResolvers<SignedIn>();
    const last = { outcome: promise, untilMs: Number.POSITIVE_INFINITY };
    this.#last = last;
    const signed = await this.#signIn();
    last.untilMs = nowMs() + (signed.ok ? signed.value.goodMs : LIMITS.localSignInPauseMs);
    resolve(signed.ok ? ok(signed.value.token) : signed);
    return await promise;
  }

  /** The edge does not take it. */
  async forget(token: string): Promise<void> {
    const last = this.#last;
    if (last === null) return;
    const outcome = await last.outcome;
    if (outcome.ok && outcome.value === token && this.#last === last) this.#last = null;
  }

  async #signIn(): Promise<Result<{ readonly token: string; readonly goodMs: number }, string>> {
    const { config, ask } = this.#options;
    try {
      const secret = await firstLine(config.secret_file);
      const authorization = `Basic ${Buffer.from(`${config.client}:${secret}`).toString("base64")}`;
      const body = { bytes: Buffer.from(GRANT), contentType: FORM_TYPE };
      const asked = { method: "POST", path: "/uaa/oauth/token", headers: { authorization }, body } as const;
      const { status, bytes } = await ask(asked, AbortSignal.timeout(LIMITS.agentRequestMs));
      const text = bytes.toString("utf8");
      bytes.fill(0);
      return grantedBy(status, text);
    } catch (thrown) {
      return err(failureOf(thrown));
    }
  }
}

function grantedBy(status: number, text: string): Result<{ readonly token: string; readonly goodMs: number }, string> {
  const json = parsed(text);
  const granted = v.safeParse(Granted, json);
  if (status === 200 && granted.success) {
    const { access_token: token, expires_in: seconds } = granted.output;
    return ok({ token, goodMs: Math.max(0, seconds * 1000 - EARLY_MS) });
  }
  const refused = v.safeParse(OAuthErrorSchema, json);
  return err(`HTTP ${status}, ${refused.success ? refused.output.error.slice(0, 100) : "an answer of another kind"}`);
}

/** What the parser says of a text that is none would repeat it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
