/**
 * The KMS API of Open-QKD-Network on two local ports, for applications whose `kms.conf` names this machine. Requests go to the
 * edge with the credentials that the application sent: a token is asked for by the application's own client and user, and
 * a key by that token. Only for a key that is asked for without one, and where the configuration says so, it is this
 * agent's.
 */
import type http from "node:http";
import { LIMITS } from "../../../shared/limits.ts";
import { FORM_TYPE } from "../../../shared/open-qkd-network/form.ts";
import type { EdgeBytes, EdgeRequest } from "../../agent/link/edge.ts";
import { failureOf } from "../../agent/link/edge.ts";
import type { Log } from "../../log.ts";
import type { Ask } from "../etsi004/as-agent.ts";
import { mayConnectTo } from "../etsi004/config.ts";
import type { LocalService } from "../etsi004/listen-at.ts";
import { objectionTo } from "../local-http/guard.ts";
import { answer, bodyOf, listenHttp, type OwnAnswer, passOn, PATIENCE_MS, pathOf } from "../local-http/listener.ts";
import { KMS_PORTS, type KmsPort, type OpenQkdNetworkConfig, placeOfKms } from "./config.ts";
import { type Passed, passedAt, type Refused, refusalAt } from "./paths.ts";
import { renameUser } from "./rename-user.ts";
import { SignIn } from "./sign-in.ts";

export interface OpenQkdNetworkOptions {
  readonly config: OpenQkdNetworkConfig;
  /** In nobody's name: whose it is, the application says. */
  readonly ask: Ask;
  readonly log: Log;
}

/** Both ports or none. @throws AgentFailure where one cannot be had */
export async function startOpenQkdNetwork(options: OpenQkdNetworkOptions): Promise<readonly LocalService[]> {
  const services: LocalService[] = [];
  try {
    for (const which of KMS_PORTS) services.push(await listenOne(options, which));
  } catch (thrown) {
    for (const service of services) service.close();
    throw thrown;
  }
  return services;
}

async function listenOne({ config, ask, log }: OpenQkdNetworkOptions, which: KmsPort): Promise<LocalService> {
  const { node, sign_in: signIn } = config;
  const place = { ...placeOfKms(config, which), name: `open_qkd_network of ${node}, ${which}` };
  const fields = { openQkdNetwork: which };
  const listening = await listenHttp({
    place: { ...place, fields, acting: { node } },
    mayConnect: mayConnectTo(config),
    serve: (refused) => {
      const own: Log = (level, event, more = {}) => refused(level, event, { ...fields, ...more });
      const signedIn = signIn === undefined || which === "token" ? null : { config: signIn, ask, nowMs: Date.now };
      const front = new Front({ config, ask, log: own }, which, signedIn === null ? null : new SignIn(signedIn));
      return (request, response) => front.serve(request, response);
    },
    log,
  });
  return { kind: `open-qkd-network-${which}`, ...listening };
}

/** Headers that mean something to OAuth clients, and to those of the KMS. */
const HEADERS = ["content-type", "retry-after", "www-authenticate", "allow"] as const;

const NO_PATH = "no such path at this port";
const TOO_LARGE = `the body may have ${LIMITS.kmsFormBytes} bytes`;
const AWAY = "the edge cannot be reached from here: whether a key was taken is not known";
const NOT_SIGNED_IN = "the request has no token, and the site's agent has none for it at present";

const own = (httpStatus: number, form: Passed["refusal"], code: Refused, words: string): OwnAnswer => ({
  httpStatus,
  contentType: "application/json",
  body: JSON.stringify(form(code, words)),
});

class Front {
  readonly #options: OpenQkdNetworkOptions;
  readonly #which: KmsPort;
  readonly #signIn: SignIn | null;

  /** @param signIn null: an application without a token has none */
  constructor(options: OpenQkdNetworkOptions, which: KmsPort, signIn: SignIn | null) {
    this.#options = options;
    this.#which = which;
    this.#signIn = signIn;
  }

  async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const passed = passedAt(this.#which, pathOf(request));
    const refusal = this.#refusal(request, passed);
    if (refusal !== null || passed === null) {
      if (refusal?.httpStatus === 405) response.setHeader("allow", passed?.methods.join(", ") ?? "");
      answer(request, response, refusal ?? own(404, refusalAt(this.#which), "invalid_request", NO_PATH));
      return;
    }
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    let body: Uint8Array | null = null;
    try {
      body = await bodyOf(request, LIMITS.kmsFormBytes);
      const timely = AbortSignal.any([gone.signal, AbortSignal.timeout(PATIENCE_MS)]);
      const answered = body === null ? null : await this.#ask(this.#edgeRequest(request, body), timely);
      if (body === null) answer(request, response, own(413, passed.refusal, "invalid_request", TOO_LARGE));
      else if (answered === null)
        answer(request, response, own(503, passed.refusal, "temporarily_unavailable", NOT_SIGNED_IN));
      else passOn(answered, HEADERS, response);
    } catch (thrown) {
      if (gone.signal.aborted) return;
      this.#options.log("warn", "the edge cannot be asked", { reason: failureOf(thrown) });
      answer(request, response, own(503, passed.refusal, "temporarily_unavailable", AWAY));
    } finally {
      body?.fill(0);
    }
  }

  #refusal({ headers, method = "", socket }: http.IncomingMessage, passed: Passed | null): OwnAnswer | null {
    const { config, log } = this.#options;
    const { address, port } = placeOfKms(config, this.#which);
    const door = { hosts: [...config.hosts, `${address}:${port}`], localAddress: socket.localAddress };
    const objection = objectionTo(headers, door);
    if (objection !== null) {
      log("warn", "request refused", { reason: objection });
      return own(403, passed?.refusal ?? refusalAt(this.#which), "access_denied", objection);
    }
    const isOffered = passed === null || (passed.methods as readonly string[]).includes(method);
    return isOffered ? null : own(405, passed.refusal, "invalid_request", `only ${passed.methods.join(" and ")}`);
  }

  #edgeRequest({ method, url = "", headers }: http.IncomingMessage, bytes: Uint8Array): EdgeRequest {
    const { accept = "*/*", authorization, "content-type": contentType = FORM_TYPE } = headers;
    const told = { accept, ...(authorization === undefined ? {} : { authorization }) };
    if (method === "GET") return { method, path: url, headers: told };
    const form = this.#which === "token" ? renameUser(bytes, contentType, this.#options.config.users) : bytes;
    return { method: "POST", path: url, headers: told, body: { bytes: form, contentType } };
  }

  /** Null: it has no token, and this agent has none for it. */
  async #ask(request: EdgeRequest, signal: AbortSignal): Promise<EdgeBytes | null> {
    try {
      const { ask } = this.#options;
      if (this.#signIn === null || !isWithoutToken(request)) return await ask(request, signal);
      const answered = await this.#askAsOwn(request, this.#signIn, signal);
      // A token that was good a moment ago: revoked, or of an edge that forgot it. Nothing was given for it.
      return answered?.status === 401 ? await this.#askAsOwn(request, this.#signIn, signal) : answered;
    } finally {
      request.body?.bytes.fill(0);
    }
  }

  async #askAsOwn(request: EdgeRequest, signIn: SignIn, signal: AbortSignal): Promise<EdgeBytes | null> {
    const { ask, log } = this.#options;
    const signed = await signIn.token();
    if (!signed.ok) {
      log("warn", "this agent could not sign in for an application", { reason: signed.error });
      return null;
    }
    const answered = await ask({ ...request, token: signed.value }, signal);
    if (answered.status === 401) await signIn.forget(signed.value);
    return answered;
  }
}

/** As qTox sends it where its kms.conf says `false`, and where it says anything else. */
const isWithoutToken = ({ headers }: EdgeRequest): boolean =>
  /^(?:bearer)?$/i.test((headers?.["authorization"] ?? "").trim());
