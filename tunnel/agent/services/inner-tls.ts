/**
 * TLS 1.3 between two agents inside a stream, both with certificates of the sites' authority: the edge relays what it
 * cannot read, and cannot pass for a site.
 */
import { siteUri } from "../../../pki/site-name.ts";
import { constants, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { canonicalSan, parseSubjectAltName } from "../../../shared/auth/san.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { CertificateConfig } from "../config/schema.ts";
import { AgentFailure } from "../failure.ts";
import { reasonOf } from "../reason.ts";
import { StreamDuplex } from "./stream-duplex.ts";

const OPTIONS = {
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  /** The hybrid with a post-quantum KEM first: what is recorded today shall not be opened by tomorrow's computers. */
  ecdhCurve: "X25519MLKEM768:X25519:P-256",
  /** No session is resumed: each stream shows its certificate. */
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const satisfies tls.SecureContextOptions;

const read = (file: string): string => readFileSync(file, "utf8");

type Handshake = Promise<Result<tls.TLSSocket, string>>;

export class InnerTls {
  readonly #options: tls.SecureContextOptions;
  readonly #dns: Readonly<Record<string, string>>;
  /** Of the own certificate. */
  readonly validUntilMs: number;

  /** @throws AgentFailure where certificate, key or authority cannot be used */
  constructor({ cert, key, ca, dns }: CertificateConfig) {
    this.#dns = dns;
    try {
      this.#options = { ...OPTIONS, cert: read(cert), key: read(key), ca: read(ca) };
      tls.createSecureContext(this.#options); // throws where key and certificate are not one another's
      this.validUntilMs = Date.parse(new X509Certificate(read(cert)).validTo);
    } catch (thrown) {
      throw new AgentFailure(`certificate: ${reasonOf(thrown)}`);
    }
  }

  /** As the listening agent. @param site whose service it is */
  asClient(stream: MuxStream, site: string): Handshake {
    const socket = tls.connect({
      ...this.#options,
      socket: new StreamDuplex(stream),
      // Both are looked at in #objection, for a reason that can be logged.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    return this.#checked(socket, site, (done) => socket.once("secureConnect", done));
  }

  /** As the exposing agent. @param site who opened the stream, says the hub */
  asServer(stream: MuxStream, site: string): Handshake {
    const server = tls.createServer({ ...this.#options, requestCert: true, rejectUnauthorized: false });
    const { promise, resolve } = Promise.withResolvers<Result<tls.TLSSocket, string>>();
    const timer = setTimeout(() => {
      stream.reset("timed-out", "TLS between the agents");
      resolve(err("no TLS handshake in time"));
    }, LIMITS.agentInnerTlsMs);
    server.once("tlsClientError", (error) => resolve(err(reasonOf(error))));
    server.once("secureConnection", (socket) => {
      void this.#checked(socket, site, (done) => done()).then(resolve);
    });
    server.emit("connection", new StreamDuplex(stream));
    return promise.finally(() => clearTimeout(timer));
  }

  #checked(socket: tls.TLSSocket, site: string, whenSecure: (done: () => void) => void): Handshake {
    const { promise, resolve } = Promise.withResolvers<Result<tls.TLSSocket, string>>();
    const refuse = (reason: string): void => {
      resolve(err(reason));
      socket.destroy();
    };
    const timer = setTimeout(() => refuse("no TLS handshake in time"), LIMITS.agentInnerTlsMs);
    socket.on("error", (error) => refuse(reasonOf(error)));
    socket.once("close", () => refuse("the other agent broke the TLS handshake off"));
    whenSecure(() => {
      const objection = this.#objection(socket, site);
      if (objection === null) resolve(ok(socket));
      else refuse(objection);
    });
    return promise.finally(() => clearTimeout(timer));
  }

  /** Why the other end is not that site; null where it is. */
  #objection(socket: tls.TLSSocket, site: string): string | null {
    if (!socket.authorized) {
      return `the other agent's certificate is not to be trusted: ${String(socket.authorizationError ?? "none")}`;
    }
    const names = parseSubjectAltName(socket.getPeerX509Certificate()?.subjectAltName);
    if (!names.ok) return `the other agent's certificate: ${names.error}`;
    const dns = this.#dns[site];
    const expected = dns === undefined ? `URI:${siteUri(site)}` : canonicalSan(`DNS:${dns}`);
    return names.value.includes(expected) ? null : `the other agent's certificate is not that of ${site} (${expected})`;
  }
}
