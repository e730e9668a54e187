/**
 * Two sites of Open-QKD-Network as one server: the token service and the KMS of each, with the original's answers
 * (Spring's OAuth 2.0, KMSController.java, Key.java). Keys are random, blocks have as many as they are asked for.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { listenLocally, portOf } from "./listen-locally.ts";

const CLIENT = `Basic ${Buffer.from("html5:password").toString("base64")}`;
const NO_KEY = { index: -2, hexKey: null, blockId: null };
const BAD_GRANT = { status: 400, body: { error: "invalid_grant", error_description: "Bad credentials" } };

export interface KmsAsked {
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

const ok = (body: unknown): Reply => ({ status: 200, body });

export class FakeKms {
  readonly asked: KmsAsked[] = [];
  /** Settings of the test. */
  expiresIn: number | undefined = 43_199;
  rotates = true;
  /** By site; the client's own principal is at A. */
  readonly users: Record<string, string> = { alice: "A", bob: "B" };
  password = "bot";
  readonly #server: Server = createServer();
  /** Token -> site. */
  readonly #access = new Map<string, string>();
  readonly #refresh = new Map<string, string>();
  readonly #blocks = new Map<string, { readonly from: string; readonly to: string; readonly keys: string[] }>();

  static async start(): Promise<FakeKms> {
    const kms = new FakeKms();
    kms.#server.on("request", (request: IncomingMessage, response) => {
      void (async () => {
        const { status, body } = await kms.#answer(request);
        response.writeHead(status, { "Content-Type": "application/json;charset=UTF-8" }).end(JSON.stringify(body));
      })();
    });
    await listenLocally(kms.#server);
    return kms;
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`;
  }

  /** As an operator would. */
  revokeAll({ refreshToo = false } = {}): void {
    this.#access.clear();
    if (refreshToo) this.#refresh.clear();
  }

  get liveTokens(): number {
    return this.#access.size + this.#refresh.size;
  }

  asksOf(path: string): readonly KmsAsked[] {
    return this.asked.filter((asked) => asked.path === path);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const { pathname, searchParams } = new URL(request.url ?? "", this.url);
    const form = Object.fromEntries([...searchParams, ...new URLSearchParams(await text(request))]);
    this.asked.push({ path: pathname, form });
    const { authorization = "" } = request.headers;
    if (pathname.startsWith("/uaa/")) {
      if (authorization !== CLIENT) return springError(401, "Unauthorized", "Bad credentials", pathname);
      return pathname === "/uaa/oauth/revoke" ? this.#revoke(form) : this.#token(form);
    }
    const site = this.#access.get(authorization.replace(/^Bearer /, ""));
    if (site === undefined) {
      return { status: 401, body: { error: "invalid_token", error_description: "Invalid access token" } };
    }
    if (form["siteid"] === undefined) return springError(400, "Bad Request", "siteid is not present", pathname);
    return pathname === "/api/newkey" ? this.#newKey(site, form["siteid"]) : this.#getKey(site, form);
  }

  #token(form: KmsAsked["form"]): Reply {
    const { grant_type: grant, username = "", password, refresh_token: refresh = "" } = form;
    if (grant === "client_credentials") return this.#issue("A", null);
    if (grant === "password") {
      const site = this.users[username];
      return site === undefined || password !== this.password ? BAD_GRANT : this.#issue(site, randomUUID());
    }
    const site = this.#refresh.get(refresh);
    if (site === undefined) return BAD_GRANT;
    if (!this.rotates) return this.#issue(site, null);
    this.#refresh.delete(refresh);
    return this.#issue(site, randomUUID());
  }

  #issue(site: string, refresh: string | null): Reply {
    const access = randomUUID();
    this.#access.set(access, site);
    if (refresh !== null) this.#refresh.set(refresh, site);
    return ok({
      access_token: access,
      token_type: "bearer",
      ...(refresh === null ? {} : { refresh_token: refresh }),
      expires_in: this.expiresIn,
      scope: "openid",
    });
  }

  #revoke({ token = "" }: KmsAsked["form"]): Reply {
    this.#access.delete(token);
    this.#refresh.delete(token);
    return ok({});
  }

  #newKey(from: string, to: string): Reply {
    if (!Object.values(this.users).includes(to)) return ok(NO_KEY);
    const found = [...this.#blocks].find(([, block]) => block.from === from && block.to === to);
    const [blockId, { keys }] = found ?? [randomUUID(), { keys: [] as string[] }];
    this.#blocks.set(blockId, { from, to, keys });
    return ok({ index: keys.push(randomBytes(32).toString("hex")) - 1, hexKey: keys.at(-1), blockId });
  }

  #getKey(to: string, { siteid: from, blockid = "", index }: KmsAsked["form"]): Reply {
    const block = this.#blocks.get(blockid);
    const hexKey = block?.from === from && block?.to === to ? block.keys[Number(index)] : undefined;
    return ok(hexKey === undefined ? NO_KEY : { index: Number(index), hexKey, blockId: blockid });
  }
}

/** Spring Boot's own, where it is not OAuth that refuses. */
const springError = (status: number, error: string, message: string, path: string): Reply => ({
  status,
  body: { timestamp: 0, status, error, message, path },
});
