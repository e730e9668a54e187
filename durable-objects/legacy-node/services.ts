/** Who is reached through the agent of the node's site: the neighbours, and the KMEs at our end of their links. */
import { decodeUtf8, parseJson } from "../../shared/bytes/json.ts";
import { readBounded } from "../../shared/bytes/read-bounded.ts";
import { fail, type Fault, type JsonValue } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { HTTP_CALL_HEADER, type HttpCall } from "../../shared/tunnel/types.ts";
import type { ObjectsEnv } from "../env.ts";

export interface ServiceCall {
  readonly service: string;
  readonly path: string;
  /** Posted as JSON; absent: GET. */
  readonly body?: unknown;
}

export class Services {
  readonly #hubs: ObjectsEnv["TUNNEL_HUB"];

  constructor(hubs: ObjectsEnv["TUNNEL_HUB"]) {
    this.#hubs = hubs;
  }

  /** @returns the JSON of a 200; `unavailable` for anything else, without a word of what it said */
  async ask({ site }: Pick<LegacyView, "site">, call: ServiceCall): Promise<Result<JsonValue, Fault>> {
    let answer: Result<Uint8Array, string>;
    try {
      answer = await this.#exchange(site, call);
    } catch {
      answer = err("does not answer");
    }
    if (!answer.ok) return fail("unavailable", `${call.service}: ${answer.error}`);
    const text = decodeUtf8(answer.value);
    answer.value.fill(0);
    const json = text.ok ? parseJson(text.value, LIMITS.jsonDepth) : text;
    return json.ok ? json : fail("unavailable", `${call.service}: answers what is no JSON`);
  }

  async #exchange(site: string, { service, path, body }: ServiceCall): Promise<Result<Uint8Array, string>> {
    const wanted: HttpCall = { service, site: null };
    const headers: Record<string, string> = { [HTTP_CALL_HEADER]: JSON.stringify(wanted), Accept: "application/json" };
    const bytes = body === undefined ? null : new TextEncoder().encode(JSON.stringify(body));
    if (bytes !== null) {
      headers["Content-Type"] = "application/json";
      headers["Content-Length"] = String(bytes.length);
    }
    const method = bytes === null ? "GET" : "POST";
    const request = new Request(`http://hub${path}`, {
      method,
      headers,
      body: bytes,
      redirect: "manual",
      signal: AbortSignal.timeout(LIMITS.legacyAnswerMs),
    });
    const response = await this.#hubs.getByName(site).fetch(request);
    if (response.status !== HTTP_OK) {
      await response.body?.cancel();
      return err(`answers ${response.status}`);
    }
    if (response.body === null) return ok(new Uint8Array());
    const read = await readBounded(response.body, LIMITS.legacyBodyBytes);
    return typeof read === "string" ? err(read === "broken" ? "broke off" : "answers too much") : ok(read);
  }
}

const HTTP_OK = 200;
