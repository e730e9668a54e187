/** Sites, and agents that are the test itself: real keys, sockets and muxes, against real hubs. */
import { SELF } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa.js";
import { afterAll, beforeAll, vi } from "vitest";
import { fromBase64, toBase64 } from "../../shared/bytes/base64.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { Code } from "../../shared/mux/codes.ts";
import { Mux } from "../../shared/mux/mux.ts";
import type { IncomingOpen, MuxStream } from "../../shared/mux/stream.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { addressOf, helloBytes } from "../../shared/tunnel/hello.ts";
import { type Claims, type Enrolment, type FromHub, HELLO_HEADER, type Hello } from "../../shared/tunnel/messages.ts";
import { noncesPath, tunnelPath } from "../../shared/tunnel/paths.ts";
import type { Service } from "../../shared/tunnel/services.ts";
import type { TunnelHub } from "../../durable-objects/tunnel-hub/tunnel-hub.ts";
import { call, EDGE, token } from "./in-workerd-network.ts";
import { pushLink } from "./network-document.ts";

const { TUNNEL_HUB } = env as unknown as { TUNNEL_HUB: DurableObjectNamespace<TunnelHub> };
export const hubStub = (site: string) => TUNNEL_HUB.getByName(site);

const GROUPS = 40;
const groups = Array.from({ length: GROUPS }, (_, index) => index + 1);
const credential = (who: string, scopes?: string[]) => ({
  type: "token" as const,
  sha256: tokenSha256(token(who)),
  ...(scopes === undefined ? {} : { scopes }),
});
const agentOf = (site: string, name = `agent-${site}`) => ({
  id: name,
  site,
  credentials: [
    credential(name),
    credential(`${name}-first`, ["agents.enrol"]),
    credential(`${name}-next`, ["agents.enrol"]),
    credential(`${name}-narrow`, ["blocks.push"]),
  ],
});

/** Groups of three sites each, a-1, b-1, c-1 and so on; a and b have a link. */
export const SITES_NETWORK: NetworkDocumentInput = {
  nodes: groups.flatMap((n) => ["a", "b", "c"].map((letter) => ({ id: `${letter}-${n}` }))),
  links: groups.map((n) => pushLink(`l-${n}`, `a-${n}`, `b-${n}`)),
  saes: [],
  agents: groups.flatMap((n) => [
    ...["a", "b", "c"].map((letter) => agentOf(`${letter}-${n}`)),
    agentOf(`a-${n}`, `other-a-${n}`),
  ]),
  operators: [{ id: "op", credentials: [credential("op")] }],
};

let version = 0;
export async function putSites(network: NetworkDocumentInput = SITES_NETWORK): Promise<void> {
  const put = await call("/api/v1/network", {
    as: version === 0 ? "bootstrap" : "op",
    method: "PUT",
    headers: { "If-Match": `"${version}"` },
    body: JSON.stringify(network),
  });
  if (put.status !== 200) throw new Error(`network refused: ${put.status} ${await put.text()}`);
  version += 1;
}

/** What every file with sites needs: the network before its tests, and nothing of theirs left open after them. */
export function useSites(): void {
  beforeAll(async () => {
    version = 0;
    await putSites();
  });
  afterAll(async () => await closeSessions());
}

let group = 0;
/** Sites that no other test of the file uses. */
export function freshSites(): { readonly a: string; readonly b: string; readonly c: string } {
  // Another file's may come again: nothing of it is left.
  group = (group % GROUPS) + 1;
  return { a: `a-${group}`, b: `b-${group}`, c: `c-${group}` };
}

export const service = (name: string, allow: string[], more: Partial<Service> = {}): Service => ({
  name,
  allow,
  tls: false,
  port: null,
  ...more,
});

export interface Connecting extends Partial<Claims> {
  /** Whose hub; the agent's own site's where absent. */
  readonly at?: string;
  readonly services?: readonly Service[];
  readonly onOpen?: (open: IncomingOpen) => void;
  /** Spoils a hello before it is sent. */
  readonly bend?: (hello: Hello) => Hello;
  /** Signed instead of the one dialled. */
  readonly address?: string;
}

/** An installation of an agent. */
export class TestAgent {
  readonly site: string;
  readonly agent: string;
  readonly instance = crypto.randomUUID();
  readonly #ed25519: CryptoKeyPair;
  readonly #mlDsa65 = ml_dsa65.keygen(crypto.getRandomValues(new Uint8Array(32)));
  readonly enrolment: Enrolment;

  private constructor(site: string, agent: string, ed25519: CryptoKeyPair, publicKey: Uint8Array) {
    this.site = site;
    this.agent = agent;
    this.#ed25519 = ed25519;
    const keys = { ed25519: toBase64(publicKey), mlDsa65: toBase64(this.#mlDsa65.publicKey) };
    this.enrolment = { instance: this.instance, keys };
  }

  static async make(site: string, agent = `agent-${site}`): Promise<TestAgent> {
    const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"])) as CryptoKeyPair;
    const raw = (await crypto.subtle.exportKey("raw", pair.publicKey)) as ArrayBuffer;
    return new TestAgent(site, agent, pair, new Uint8Array(raw));
  }

  static async enrolled(site: string, as?: string): Promise<TestAgent> {
    const made = await TestAgent.make(site);
    const response = await made.enrol(as);
    if (response.status !== 201) throw new Error(`enrolment refused: ${response.status} ${await response.text()}`);
    return made;
  }

  async enrol(as = `${this.agent}-first`): Promise<Response> {
    const body = JSON.stringify(this.enrolment);
    return await call(`/api/v1/sites/${this.site}/agents`, { as, method: "POST", body });
  }

  async sign(nonce: string, address: string, claims: Claims): Promise<Hello> {
    const message = helloBytes(nonce, address, claims);
    const ed25519 = new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, this.#ed25519.privateKey, message));
    const mlDsa65 = ml_dsa65.sign(message, this.#mlDsa65.secretKey);
    return { nonce, claims, signatures: { ed25519: toBase64(ed25519), mlDsa65: toBase64(mlDsa65) } };
  }

  claims(more: Partial<Claims> = {}): Claims {
    const { agent, site, instance } = this;
    const { role = "owner", standby = false } = more;
    return {
      version: more.version ?? 1,
      agent: more.agent ?? agent,
      site: more.site ?? site,
      instance: more.instance ?? instance,
      role,
      standby,
    };
  }

  /** A hello by a nonce of that hub's. */
  async hello(connecting: Connecting = {}): Promise<Hello> {
    const { at = this.site, bend, address = addressOf(EDGE + tunnelPath(at)) } = connecting;
    const hello = await this.sign(await nonceOf(at), address, this.claims(connecting));
    return bend === undefined ? hello : bend(hello);
  }

  /** Knocks. @returns the code by which it is refused at the door; null: it is let in */
  async refused(connecting: Connecting = {}): Promise<string | null> {
    return await refusalOf(await knock(connecting.at ?? this.site, await this.hello(connecting)));
  }

  /** Connects, says what it exposes, and waits until the hub has heard that. */
  async connect(connecting: Connecting = {}): Promise<TestSession> {
    const { at = this.site, role = "owner", services = [], onOpen } = connecting;
    const headers = { [HELLO_HEADER]: JSON.stringify(await this.hello(connecting)) };
    const session = await TestSession.open(at, role, onOpen, { headers });
    const welcome = await session.until(({ type }) => type === "welcome");
    if (role === "peer") return session;
    session.say({ type: "services", services });
    if (welcome.type === "welcome" && welcome.state === "standby") return session;
    await vi.waitUntil(async () => (await hubStub(at).status()).services.length === services.length);
    return session;
  }
}

export async function nonceOf(site: string): Promise<string> {
  const response = await call(noncesPath(site), { method: "POST" });
  return (await response.json<{ nonce: string }>()).nonce;
}

/** Asks for a WebSocket. */
export const knock = async (site: string, hello: unknown): Promise<Response> =>
  await SELF.fetch(EDGE + tunnelPath(site), {
    headers: { Upgrade: "websocket", [HELLO_HEADER]: typeof hello === "string" ? hello : JSON.stringify(hello) },
  });

/** Why there is no WebSocket; null where there is one, which is closed. */
export async function refusalOf(response: Response): Promise<string | null> {
  if (response.webSocket !== null) {
    response.webSocket.accept();
    response.webSocket.close(1000);
    return null;
  }
  const { details } = await response.json<{ details?: { refusal: string }[] }>();
  return details?.[0]?.refusal ?? "no reason given";
}

const sessions = new Set<TestSession>();

/** Ends what a file's tests left open: sockets that outlive it would wake hubs while the runtime is taken down. */
async function closeSessions(): Promise<void> {
  for (const { socket } of sessions) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
  await Promise.all([...sessions].map(async ({ closed }) => await closed));
}

/** One WebSocket to a hub. */
export class TestSession {
  readonly socket: WebSocket;
  readonly mux: Mux;
  readonly heard: FromHub[] = [];
  readonly closed: Promise<CloseEvent>;
  readonly gone: number[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket, role: "owner" | "peer", onOpen: (open: IncomingOpen) => void) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    const { promise, resolve } = Promise.withResolvers<CloseEvent>();
    this.closed = promise;
    this.mux = new Mux({
      role,
      now: () => performance.now(),
      onOpen,
      onPeerGone: (slot) => this.gone.push(slot),
      transport: { send: (frame) => socket.send(frame) },
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.heard.push(JSON.parse(data) as FromHub);
      else this.mux.received(new Uint8Array(data as ArrayBuffer));
      for (const look of this.#waiting) look();
    });
    socket.addEventListener("close", (event) => {
      this.mux.lost("closed");
      resolve(event);
      for (const look of this.#waiting) look();
    });
    socket.accept();
    sessions.add(this);
  }

  static async open(
    site: string,
    role: "owner" | "peer" = "owner",
    onOpen: (open: IncomingOpen) => void = (open) => open.refuse("unknown-service"),
    { headers = {}, cf = {} }: { headers?: Record<string, string>; cf?: Record<string, unknown> } = {},
  ): Promise<TestSession> {
    const response = await SELF.fetch(EDGE + tunnelPath(site), { headers: { ...headers, Upgrade: "websocket" }, cf });
    // The answer has to be read: until then it keeps the hub awake.
    if (response.webSocket === null) throw new Error(`no WebSocket: ${response.status} ${await response.text()}`);
    return new TestSession(response.webSocket, role, onOpen);
  }

  say(message: unknown): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The first message like that, heard or yet to come. */
  async until(like: (message: FromHub) => boolean): Promise<FromHub> {
    const { promise, resolve } = Promise.withResolvers<FromHub>();
    const look = (): void => {
      const found = this.heard.find(like);
      if (found !== undefined) resolve(found);
    };
    this.#waiting.add(look);
    look();
    const found = await promise;
    this.#waiting.delete(look);
    return found;
  }

  get refusal(): string | null {
    const refused = this.heard.find(({ type }) => type === "refused");
    return refused?.type === "refused" ? refused.code : null;
  }

  get accessToken(): string {
    const told = this.heard.findLast(({ type }) => type === "access" || type === "welcome");
    if (told?.type === "access") return told.token;
    return told?.type === "welcome" ? (told.access?.token ?? "") : "";
  }

  /** Opens a service of the owner's. @returns the stream, or why not */
  async open(name: string): Promise<MuxStream | Code> {
    const opened = await this.mux.open(0, name);
    return opened.ok ? opened.value : opened.error.code;
  }

  async stream(name: string): Promise<MuxStream> {
    const opened = await this.open(name);
    if (typeof opened === "string") throw new Error(`not opened: ${opened}`);
    return opened;
  }
}

/** An exposed service that gives back what it gets, and ends when its client does. */
export function echo(open: IncomingOpen): void {
  const stream = open.accept();
  void (async () => {
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read())
      await stream.write(chunk.slice());
    await stream.end();
  })().catch(() => {});
}

export async function readAll(stream: MuxStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** One byte of a base64 text changed. */
export function spoilt(base64: string): string {
  const bytes = fromBase64(base64) ?? new Uint8Array(1);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return toBase64(bytes);
}
