/** The way to one application's key manager, by HTTP or TCP: bounded, ended with the case, and all of it in the transcript. */
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { Readable } from "node:stream";
import tls from "node:tls";
import { WebSocket } from "ws";
import { parseJson } from "../../../shared/bytes/json.ts";
import { readBounded } from "../../../shared/bytes/read-bounded.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { defined } from "../../../shared/records.ts";
import { type Address, parseAddress } from "../../lib/address.ts";
import type { Recording } from "../exchange.ts";

export interface Access {
  /** A base URL; `host:port` or `tls://host:port` of what is spoken over TCP. */
  readonly at: string;
  /** Where tokens of Open-QKD-Network are issued. */
  readonly tokensAt?: string;
  /** Bearer token. */
  readonly token?: string;
  /** PEM: the authority of the server's certificate, where it is not a public one; and the own certificate. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface HttpCall {
  /** After the base URL. */
  readonly path: string;
  /** POST; null: GET. */
  readonly body: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the base URL. */
  readonly base?: string;
  /** The answer's text without keys, where they are neither base64 nor numbers. */
  readonly shown?: (text: string) => string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Members that hold one key each, in the answers of any binding. */
const KEY_MEMBERS: ReadonlySet<string> = new Set(["Key_buffer", "hexKey", "keys", "key"]);

const TLS = "tls://";

/** `host:port` or `tls://host:port`; null for anything else. */
export function tcpAddress(at: string): (Address & { readonly isTls: boolean }) | null {
  const isTls = at.startsWith(TLS);
  const address = parseAddress(isTls ? at.slice(TLS.length) : at);
  return address === null ? null : { ...address, isTls };
}

export class Reach {
  readonly access: Access;
  readonly #who: string;
  readonly #kept: () => Recording;

  /** @param kept where the calls of the case at hand are kept */
  constructor(sae: string, access: Access, kept: () => Recording) {
    this.access = access;
    this.#who = `${sae} -> ${access.at}`;
    this.#kept = kept;
  }

  /** @throws what the connection failed with; Error for an answer that is too large, or none in time */
  async http({ path, body, headers = {}, base = this.access.at, shown = asItIs }: HttpCall): Promise<HttpAnswer> {
    const sent = [`${body === null ? "GET" : "POST"} ${path}`, ...(body === null ? [] : [body])].join("\n");
    try {
      const answer = await this.#exchange(base.replace(/\/$/, "") + path, body, headers);
      this.learn(parsed(answer.text));
      this.told(sent, `HTTP ${answer.status}\n${shown(answer.text)}`);
      return answer;
    } catch (thrown) {
      this.told(sent, `no answer: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      throw thrown;
    }
  }

  /** @throws what it failed with; Error for an address that is none */
  async tcp(): Promise<net.Socket> {
    const { at, ca, cert, key } = this.access;
    const address = tcpAddress(at);
    if (address === null) throw new Error(`"${at}" is no address: host:port, or tls://host:port`);
    const { isTls, host, port } = address;
    const where = { host, port, noDelay: true, signal: this.#kept().signal };
    const socket = isTls
      ? tls.connect({ ...where, ...defined({ ca, cert, key }), ...(net.isIP(host) === 0 ? { servername: host } : {}) })
      : net.connect(where);
    const ended = (): void => void socket.destroy();
    this.#kept().signal.addEventListener("abort", ended, { once: true });
    await once(socket, isTls ? "secureConnect" : "connect", { signal: AbortSignal.timeout(LIMITS.doctorCallMs) });
    return socket;
  }

  webSocket(path: string): WebSocket {
    const { at, token, ca, cert, key } = this.access;
    const url = at.replace(/^http/, "ws").replace(/\/$/, "") + path;
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const options = { headers, ...defined({ ca, cert, key }), perMessageDeflate: false };
    const socket = new WebSocket(url, { ...options, maxPayload: LIMITS.doctorAnswerBytes });
    this.#kept().signal.addEventListener("abort", () => socket.terminate(), { once: true });
    return socket;
  }

  /** Into the transcript, without the keys in it. */
  told(sent: string, received: string): void {
    this.#kept().transcript.add(this.#who, sent, received);
  }

  /** Keys of an answer: no report shows them, wherever they turn up. */
  learn(json: unknown): void {
    if (json === null || typeof json !== "object") return;
    for (const [name, value] of Object.entries(json)) {
      if (!KEY_MEMBERS.has(name)) continue;
      for (const key of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (typeof key === "string") this.#kept().redactor.learn(name === "hexKey" ? base64OfHex(key) : key);
      }
    }
  }

  async #exchange(url: string, body: string | null, headers: HttpCall["headers"]): Promise<HttpAnswer> {
    const { token, ca, cert, key } = this.access;
    const bytes = body === null ? undefined : Buffer.from(body);
    const sent = (url.startsWith("https:") ? https : http).request(url, {
      method: bytes === undefined ? "GET" : "POST",
      headers: {
        ...(bytes === undefined ? {} : { "Content-Type": "application/json", "Content-Length": bytes.length }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      // A connection that has been idle may be closing.
      agent: false,
      signal: AbortSignal.any([this.#kept().signal, AbortSignal.timeout(LIMITS.doctorCallMs)]),
      ...defined({ ca, cert, key }),
    });
    // A server that has answered may stop reading; before the answer, `once` rejects.
    sent.on("error", () => undefined);
    sent.end(bytes);
    const [response] = (await once(sent, "response")) as [http.IncomingMessage];
    const whole = await readBounded(Readable.toWeb(response) as ReadableStream<Uint8Array>, LIMITS.doctorAnswerBytes);
    if (typeof whole === "string") throw new Error(`the answer is ${whole}`);
    return { status: response.statusCode ?? 0, text: Buffer.from(whole).toString("utf8") };
  }
}

const asItIs = (text: string): string => text;

/** Undefined for what is no JSON. */
export function parsed(text: string): unknown {
  const json = parseJson(text, LIMITS.jsonDepth);
  return json.ok ? json.value : undefined;
}

const base64OfHex = (hex: string): string => Buffer.from(hex, "hex").toString("base64");
