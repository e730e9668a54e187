/** Requests to the edge that served the page, by the session's cookie; what changes something bears the session's CSRF token. */
import { isTokenText } from "../../shared/auth/token.ts";
import type { PointerFault } from "../../shared/network/directory-types.ts";
import { isPointerFault } from "../core/faults.ts";

export type Answer<T> =
  | { readonly ok: true; readonly value: T; readonly version: number | null }
  | {
      readonly ok: false;
      /** 0: no answer came. */
      readonly status: number;
      readonly message: string;
      readonly faults: readonly PointerFault[];
    };

export interface Asked {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request, without a session's token. */
export async function ask<T>(path: string, { method = "GET", body, headers = {} }: Asked = {}): Promise<Answer<T>> {
  try {
    const answer = await fetch(path, {
      method,
      headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: "same-origin",
      cache: "no-store",
    });
    const json: unknown = await answer.json().catch(() => null);
    if (answer.ok) return { ok: true, value: json as T, version: versionOf(answer) };
    return { ok: false, status: answer.status, ...faultOf(json, answer.status) };
  } catch {
    return { ok: false, status: 0, message: "The edge does not answer.", faults: [] };
  }
}

const versionOf = (answer: Response): number | null => {
  const etag = /^(?:W\/)?"(?<version>\d+)"$/.exec(answer.headers.get("ETag") ?? "")?.groups?.["version"];
  return etag === undefined ? null : Number(etag);
};

function faultOf(json: unknown, status: number) {
  const { message, details } = (json ?? {}) as { readonly message?: unknown; readonly details?: unknown };
  const faults = Array.isArray(details) ? details.filter(isPointerFault) : [];
  return { message: typeof message === "string" ? message : `HTTP ${status}`, faults };
}

const SESSION = "/api/v1/session";

/** Who is signed in: a cookie that no script reads holds the session, the page only its CSRF token. */
export interface Session {
  readonly principal: string;
  readonly csrf: string;
  readonly expires: string;
}

/** The session that the browser has already; `status` 401 where it has none. */
export const resumed = async (): Promise<Answer<Session>> => await ask<Session>(SESSION);

export async function signedIn(token: string): Promise<Answer<Session>> {
  if (!isTokenText(token))
    return { ok: false, status: 400, message: "That is no token: it holds characters that none has.", faults: [] };
  const answer = await ask<Session>(SESSION, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
  return answer.ok ? answer : { ...answer, message: WORDS[answer.status] ?? answer.message };
}

const WORDS: Readonly<Record<number, string>> = {
  401: "The edge does not know this token.",
  403: "This token may not sign in here: it needs to be an operator's.",
};

/** For as long as somebody is signed in. */
export class Api {
  readonly #session: Session;
  readonly #onEnd: (why: string) => void;

  /** @param onEnd the session counts no more */
  constructor(session: Session, onEnd: (why: string) => void) {
    [this.#session, this.#onEnd] = [session, onEnd];
  }

  get principal(): string {
    return this.#session.principal;
  }

  async get<T>(path: string): Promise<Answer<T>> {
    return await this.#ask(path, {});
  }

  async send<T>(
    method: "POST" | "PUT" | "DELETE",
    path: string,
    asked: Omit<Asked, "method"> = {},
  ): Promise<Answer<T>> {
    return await this.#ask(path, { ...asked, method, headers: { ...asked.headers, "QKD-CSRF": this.#session.csrf } });
  }

  /** Asks whether the session counts, and ends it here if it does not. True where nobody answers. */
  async stillCounts(): Promise<boolean> {
    const answer = await this.#ask<Session>(SESSION, {});
    return answer.ok || answer.status !== 401;
  }

  /** @returns why the session goes on; null: it does not */
  async signOut(): Promise<string | null> {
    const answer = await this.send("DELETE", SESSION);
    return answer.ok || answer.status === 401 ? null : answer.message;
  }

  async #ask<T>(path: string, asked: Asked): Promise<Answer<T>> {
    const answer = await ask<T>(path, asked);
    if (!answer.ok && answer.status === 401)
      this.#onEnd("You are signed out: the session has ended, or its token counts no more.");
    return answer;
  }
}
