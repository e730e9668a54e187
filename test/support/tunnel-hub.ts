/**
 * A hub for the agent's own tests: enrolment, nonces, signatures, relaying and slots over real sockets with the
 * contract's own schemas and the mux, for all sites in one process. No storage, no revocation, no limits.
 */
import { createPublicKey, randomBytes, verify } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa.js";
import * as v from "valibot";
import { type WebSocket, WebSocketServer } from "ws";
import { encodeFrame } from "../../shared/mux/encode.ts";
import {
  framesOf,
  HUB_SLOT,
  isRelayed,
  slotOf,
  SOCKET_SLOT,
  typeOf,
  withSlot,
  withSlots,
} from "../../shared/mux/frame.ts";
import { Mux } from "../../shared/mux/mux.ts";
import type { MuxStream } from "../../shared/mux/stream.ts";
import { AGENT_FACTS_HEADER, type AgentFacts, readAgentFacts } from "../../shared/tunnel/agent-facts.ts";
import { addressOf, helloBytes } from "../../shared/tunnel/hello.ts";
import {
  type Claims,
  CLOSE,
  EnrolmentSchema,
  type FromHub,
  HELLO_HEADER,
  type Hello,
  HelloSchema,
  PING_TEXT,
  PONG_TEXT,
  type PublicKeys,
  type RefusalCode,
  REFUSALS,
  type ServicesMessage,
  ServicesMessageSchema,
} from "../../shared/tunnel/messages.ts";
import type { Send } from "../../tunnel/feeds/edge.ts";

/** At the door. */
interface Refused {
  readonly code: RefusalCode;
  readonly status: number;
  readonly retryAfterS: number | null;
}

interface Site {
  owner: WebSocket | null;
  claims: Claims | null;
  readonly peers: Map<number, WebSocket>;
  nextSlot: number;
  /** The hub's own end towards the owner. */
  mux: Mux | null;
}

export interface TestHubOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Site -> sites it has links with. */
  readonly links?: Readonly<Record<string, readonly string[]>>;
  /** Ahead of this machine's clock. */
  readonly skewMs?: number;
}

const EXPIRES_MS = Date.UTC(2100, 0, 1);
const PATH = /^\/api\/v1\/sites\/([^/]+)\/(tunnel|tunnel\/nonces|agents)$/;

export class TestHub {
  /** Token -> whose. A token enrols one instance. */
  readonly tokens = new Map<string, { readonly agent: string; readonly site: string; instance?: string }>();
  readonly enrolled = new Map<string, PublicKeys>();
  readonly hellos: Hello[] = [];
  /** What came beside each. */
  readonly facts: (AgentFacts | null)[] = [];
  /** Whether owners are told of peers. */
  announcing = true;
  /** Answers no ping. */
  silent = false;
  /** What every hello is answered with, where set. */
  refusal: Refused | null = null;
  /** What every enrolment is answered with, where set. */
  enrolStatus: number | null = null;
  /** What requests for a nonce or an enrolment are answered with, as many as there are: status, and `Retry-After`. */
  readonly busy: { readonly status: number; readonly retryAfterS: number }[] = [];
  readonly #nonces = new Set<string>();
  readonly #services = new Map<unknown, ServicesMessage["services"]>();
  /** What else it answers over REST, to who shows the token of the last welcome. */
  rest: Send | null = null;
  #access = "";
  readonly #sites = new Map<string, Site>();
  readonly #options: TestHubOptions;
  readonly #server: http.Server;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #all = new Set<WebSocket>();
  readonly #listeners = new Set<() => void>();

  static async start(options: TestHubOptions = {}, port = 0): Promise<TestHub> {
    const hub = new TestHub(options);
    await new Promise<void>((resolve) => hub.#server.listen(port, "127.0.0.1", resolve));
    return hub;
  }

  private constructor(options: TestHubOptions) {
    this.#options = options;
    const handle = (request: http.IncomingMessage, response: http.ServerResponse): void =>
      void this.#serve(request, response);
    this.#server = options.tls === undefined ? http.createServer(handle) : https.createServer(options.tls, handle);
    this.#server.on("upgrade", (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
      const [, site, what] = PATH.exec(request.url ?? "") ?? [];
      if (site === undefined || what !== "tunnel") {
        socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        return;
      }
      this.#upgrade(request, socket, head, site);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://127.0.0.1:${this.port}`;
  }

  /** A new token of an agent `agent-of-SITE`. */
  token(site: string): string {
    const token = randomBytes(32).toString("base64url");
    this.tokens.set(token, { agent: `agent-of-${site}`, site });
    return token;
  }

  /** Once the owner has said it. */
  async servicesOf(site: string): Promise<ServicesMessage["services"]> {
    const told = () => this.#services.get(this.ownerOf(site) ?? site);
    await this.until(() => told() !== undefined);
    return told() ?? [];
  }

  /** Sends the owner away, as when it is expelled. */
  dismiss(site: string, code: RefusalCode, retryAfterMs: number | null): void {
    const owner = this.ownerOf(site);
    if (owner === null) throw new Error(`no agent serves ${site}`);
    say(owner, { type: "refused", code, message: REFUSALS[code], retryAfterMs });
    owner.close(CLOSE.refused);
  }

  /** Resolves once something is so that changes with connections. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.add(resolve);
      await promise;
      this.#listeners.delete(resolve);
    }
  }

  ownerOf(site: string): WebSocket | null {
    return this.#sites.get(site)?.owner ?? null;
  }

  async owners(...sites: string[]): Promise<void> {
    await this.until(() => sites.every((site) => this.ownerOf(site) !== null));
  }

  async peers(site: string, count: number): Promise<void> {
    await this.until(() => this.#site(site).peers.size >= count);
  }

  /** As the network does it: without a word. */
  cutAll(): void {
    for (const socket of this.#all) socket.terminate();
  }

  /** As a Worker does, on behalf of somebody it has authorised. */
  openAsHub(site: string, service: string): MuxStream {
    const { mux } = this.#site(site);
    if (mux === null) throw new Error(`no agent serves ${site}`);
    const started = mux.start(SOCKET_SLOT, service);
    if (!started.ok) throw new Error(started.error.code);
    return started.value;
  }

  async close(): Promise<void> {
    this.cutAll();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #site(name: string): Site {
    let site = this.#sites.get(name);
    if (site === undefined) {
      site = { owner: null, claims: null, peers: new Map(), nextSlot: 1, mux: null };
      this.#sites.set(name, site);
    }
    return site;
  }

  #changed(): void {
    for (const resolve of this.#listeners) resolve();
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const answer = (status: number, body: unknown, more: http.OutgoingHttpHeaders = {}): void => {
      const date = new Date(Date.now() + (this.#options.skewMs ?? 0)).toUTCString();
      response.writeHead(status, { "content-type": "application/json", date, ...more }).end(JSON.stringify(body));
    };
    const [, site, what] = PATH.exec(request.url ?? "") ?? [];
    const token = (request.headers.authorization ?? "").replace("Bearer ", "");
    const busy = request.method === "POST" ? this.busy.shift() : undefined;
    if (busy !== undefined) {
      answer(busy.status, { message: "as the test says" }, { "retry-after": String(busy.retryAfterS) });
      return;
    }
    if (what === "tunnel/nonces") {
      const nonce = randomBytes(32).toString("base64");
      this.#nonces.add(nonce);
      answer(201, { nonce });
      return;
    }
    if (what !== "agents" || site === undefined || request.method !== "POST") {
      if (token !== "" && token === this.#access && this.rest !== null) {
        const method = request.method === "PUT" || request.method === "POST" ? request.method : "GET";
        const body = { bytes: Buffer.concat(chunks), contentType: request.headers["content-type"] ?? "" };
        const { status, json } = await this.rest(
          { method, path: request.url ?? "", body },
          new AbortController().signal,
        );
        answer(status, json);
      } else answer(request.url === "/healthz" ? 200 : 404, { message: "nothing here" });
      return;
    }
    const known = this.tokens.get(token);
    const parsed = v.safeParse(EnrolmentSchema, JSON.parse(Buffer.concat(chunks).toString()));
    if (this.enrolStatus !== null) answer(this.enrolStatus, { message: "as the test says" });
    else if (!parsed.success) answer(400, { message: "not an enrolment" });
    else if (known === undefined) answer(401, { message: "who are you" });
    else if (known.site !== site) answer(403, { message: "another site's" });
    else if ((known.instance ?? parsed.output.instance) !== parsed.output.instance) answer(409, { message: "used" });
    else {
      known.instance = parsed.output.instance;
      this.enrolled.set(parsed.output.instance, parsed.output.keys);
      answer(200, { agent: known.agent });
    }
  }

  #upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer, site: string): void {
    const hello = v.parse(HelloSchema, JSON.parse(String(request.headers[HELLO_HEADER.toLowerCase()])));
    this.hellos.push(hello);
    this.facts.push(readAgentFacts(String(request.headers[AGENT_FACTS_HEADER.toLowerCase()])));
    const refused = this.refusal ?? this.#objection(hello, site, addressOf(`${this.url}${request.url ?? ""}`));
    if (refused === null) {
      this.#sockets.handleUpgrade(request, socket, head, (each) => this.#greet(each, site, hello.claims));
    } else socket.end(refusedAnswer(refused));
    this.#changed();
  }

  #greet(socket: WebSocket, site: string, claims: Claims): void {
    this.#all.add(socket);
    socket.on("close", () => {
      this.#all.delete(socket);
      this.#services.delete(socket);
      this.#changed();
    });
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) return;
      const text = data.toString();
      if (text !== PING_TEXT) {
        this.#services.set(socket, v.parse(ServicesMessageSchema, JSON.parse(text)).services);
        this.#changed();
      } else if (!this.silent) socket.send(PONG_TEXT);
    });
    this.#admit(socket, site, claims);
    this.#changed();
  }

  #objection(hello: Hello, name: string, address: string): Refused | null {
    const { claims } = hello;
    if (!this.#nonces.delete(hello.nonce)) return { code: "stale", status: 401, retryAfterS: 1 };
    const keys = this.enrolled.get(claims.instance);
    if (keys === undefined) return { code: "not-enrolled", status: 401, retryAfterS: null };
    if (!isSigned(hello, keys, address)) return { code: "bad-signature", status: 401, retryAfterS: null };
    const site = this.#site(name);
    const isTaken = claims.role === "owner" && site.owner !== null && site.claims?.instance !== claims.instance;
    return isTaken && !claims.standby ? { code: "other-instance", status: 409, retryAfterS: 60 } : null;
  }

  #admit(socket: WebSocket, name: string, claims: Claims): void {
    const site = this.#site(name);
    if (claims.role === "peer") this.#admitPeer(socket, site, name, claims);
    else if (site.owner !== null && site.claims?.instance !== claims.instance) {
      say(socket, { type: "welcome", state: "standby" });
      site.owner.once("close", () => {
        this.#own(socket, site, claims);
        say(socket, { type: "active" });
        this.#changed();
      });
    } else {
      site.owner?.close(CLOSE.replaced);
      this.#access = randomBytes(32).toString("base64url");
      say(socket, { type: "welcome", state: "active", access: { token: this.#access, expiresMs: EXPIRES_MS } });
      this.#own(socket, site, claims);
    }
  }

  #own(socket: WebSocket, site: Site, claims: Claims): void {
    const mux = new Mux({
      role: "peer",
      now: () => performance.now(),
      transport: { send: (message) => socket.send(withSlots(message, HUB_SLOT)) },
      onOpen: (open) => open.refuse("unknown-service"),
    });
    Object.assign(site, { owner: socket, claims, mux });
    socket.on("message", (data: Buffer, isBinary) => {
      for (const frame of isBinary ? framesOf(data) : []) {
        const slot = slotOf(frame);
        const peer = site.peers.get(slot);
        if (!isRelayed(frame) || slot === SOCKET_SLOT) continue;
        if (slot === HUB_SLOT) mux.received(withSlot(frame, SOCKET_SLOT));
        else if (peer !== undefined) peer.send(withSlot(frame, SOCKET_SLOT));
        else if (typeOf(frame) === "open") socket.send(encodeFrame({ type: "peer-gone", slot, stream: 0 }));
      }
    });
    socket.once("close", () => {
      mux.lost("the agent is gone");
      if (site.owner !== socket) return;
      Object.assign(site, { owner: null, claims: null, mux: null });
      for (const peer of site.peers.values()) {
        peer.send(encodeFrame({ type: "peer-gone", slot: SOCKET_SLOT, stream: 0 }));
      }
    });
    for (const peer of site.peers.values()) peer.terminate(); // they come again, with new slots
  }

  #admitPeer(socket: WebSocket, site: Site, name: string, claims: Claims): void {
    const slot = site.nextSlot++;
    site.peers.set(slot, socket);
    const linked = this.#options.links?.[name]?.includes(claims.site) ?? false;
    say(socket, { type: "welcome", state: "active" });
    if (site.owner !== null && this.announcing) {
      say(site.owner, { type: "peer", slot, site: claims.site, agent: claims.agent, linked });
    }
    const gone = encodeFrame({ type: "peer-gone", slot: SOCKET_SLOT, stream: 0 });
    socket.on("message", (data: Buffer, isBinary) => {
      for (const frame of isBinary ? framesOf(data) : []) {
        if (!isRelayed(frame)) continue;
        if (site.owner !== null) site.owner.send(withSlot(frame, slot));
        else if (typeOf(frame) === "open") socket.send(Buffer.from(gone));
      }
    });
    socket.once("close", () => {
      site.peers.delete(slot);
      site.owner?.send(encodeFrame({ type: "peer-gone", slot, stream: 0 }));
    });
  }
}

const say = (socket: WebSocket, message: FromHub): void => socket.send(JSON.stringify(message));

function isSigned({ nonce, claims, signatures }: Hello, keys: PublicKeys, address: string): boolean {
  const bytes = helloBytes(nonce, address, claims);
  const x = Buffer.from(keys.ed25519, "base64").toString("base64url");
  const curve = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
  const [one, two, lattice] = [signatures.ed25519, signatures.mlDsa65, keys.mlDsa65].map((text) =>
    Buffer.from(text, "base64"),
  );
  return verify(null, bytes, curve, one!) && ml_dsa65.verify(two!, bytes, lattice!);
}

/** As the edge answers who is refused at the door. */
function refusedAnswer({ code, status, retryAfterS }: Refused): string {
  const body = JSON.stringify({ message: REFUSALS[code], details: [{ refusal: code }] });
  const retry = retryAfterS === null ? [] : [`retry-after: ${retryAfterS}`];
  const head = [`HTTP/1.1 ${status} Refused`, `content-length: ${Buffer.byteLength(body)}`, ...retry];
  return [...head, "", body].join("\r\n");
}
