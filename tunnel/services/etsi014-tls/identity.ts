/**
 * Who is at the other end of a TLS connection, in the two forms the edge understands: Cloudflare's `tlsClientAuth`
 * object, and the `Client-Cert` header of RFC 9440.
 */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { LIMITS } from "../../../shared/limits.ts";

export interface Caller {
  readonly node: string;
  readonly certificate: X509Certificate;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  /** Last moment the certificate is good. */
  readonly notAfterMs: number;
  /** JSON of `request.cf`, ASCII only, for the engine's blob header. */
  readonly cfBlob: string;
  /** RFC 9440 2.2: `:base64 of the DER:`. */
  readonly clientCert: string;
}

/** The caller on this connection, or why it cannot be taken: nothing here is remembered from any other connection. */
export function callerOf(socket: TLSSocket, node: string): Caller | { readonly refused: string } {
  if (!socket.authorized) return { refused: "certificate not verified" };
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { refused: "no certificate" };
  if (certificate.raw.length > LIMITS.frontCertificateBytes) return { refused: "certificate too large" };
  const clientCert = `:${certificate.raw.toString("base64")}:`;
  const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  const qkd = { node, own: ownCertificate(socket) };
  const blob = { tlsClientAuth: tlsClientAuth(certificate, fingerprint, clientCert), qkd };
  const notAfterMs = Date.parse(certificate.validTo);
  return { node, certificate, fingerprint, notAfterMs, cfBlob: asciiJson(blob), clientCert };
}

/** The front's: the edge says when it is about to end. */
function ownCertificate(socket: TLSSocket): Record<string, string | number> | undefined {
  const own = socket.getX509Certificate();
  if (own === undefined) return undefined;
  return {
    fingerprint: own.fingerprint256.replaceAll(":", "").toLowerCase(),
    notBeforeMs: Date.parse(own.validFrom),
    notAfterMs: Date.parse(own.validTo),
  };
}

/** Cloudflare's names and forms: https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties */
function tlsClientAuth(
  certificate: X509Certificate,
  fingerprint: string,
  certRFC9440: string,
): Record<string, string | boolean> {
  return {
    certPresented: "1",
    certVerified: "SUCCESS",
    certRevoked: "0",
    certSerial: certificate.serialNumber,
    certFingerprintSHA256: fingerprint,
    certSubjectDNRFC2253: rfc2253(certificate.subject),
    certIssuerDNRFC2253: rfc2253(certificate.issuer),
    certNotBefore: certificate.validFrom,
    certNotAfter: certificate.validTo,
    certRFC9440,
    certRFC9440TooLarge: false,
  };
}

/**
 * RFC 2253 writes a name last part first, with commas. Node gives one part a line, in the certificate's order, its
 * values already escaped: a line break or ` + ` inside a value cannot be mistaken for a separator.
 */
export function rfc2253(multiline: string | undefined): string {
  if (multiline === undefined || multiline === "") return "";
  return multiline
    .split("\n")
    .toReversed()
    .map((part) => part.replaceAll(" + ", "+"))
    .join(",");
}

/** Header values are ASCII. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
