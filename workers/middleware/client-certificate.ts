/**
 * Client certificates as they reach a Worker: `request.cf.tlsClientAuth` (made by Cloudflare, or by a KME front in the
 * same form), or the RFC 9440 `Client-Cert` header of a site agent.
 */
import { X509Certificate } from "node:crypto";
import { inDate, type Validity, validityOf } from "../../shared/auth/certificate-time.ts";
import { commonName } from "../../shared/auth/dn.ts";
import { parseSubjectAltName } from "../../shared/auth/san.ts";
import { fromBase64 } from "../../shared/bytes/base64.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { CertificateNames } from "../../shared/network/lookup.ts";
import { err, ok, type Result } from "../../shared/result.ts";

/** A certificate whose chain somebody trusted has verified. Errors are reasons for the log, not for the caller. */
export interface ClientCertificate extends CertificateNames, Validity {}

/** The members of `request.cf.tlsClientAuth` in use; Cloudflare gives them all as text, empty when there is no certificate. */
export interface TlsClientAuth {
  readonly certPresented?: string;
  readonly certVerified?: string;
  readonly certRevoked?: string;
  readonly certFingerprintSHA256?: string;
  readonly certSubjectDNRFC2253?: string;
  readonly certNotBefore?: string;
  readonly certNotAfter?: string;
  /** `:base64 of the DER:`; empty when the certificate is too large for Cloudflare to pass on. */
  readonly certRFC9440?: string;
}

/** Parsed certificates by their whole RFC 9440 text: nothing a caller claims about one can reach another's entry. */
const parsed = new Map<string, Result<ClientCertificate, string>>();

/** The certificate of an RFC 9440 value (`:base64:`). Checks its form only: who verified it, and its dates, are the caller's. */
export function parseClientCert(value: string): Result<ClientCertificate, string> {
  if (value.length > LIMITS.clientCertificateChars) {
    return err(`the certificate is longer than ${LIMITS.clientCertificateChars} characters`);
  }
  const known = parsed.get(value);
  if (known !== undefined) return known;
  const result = readCertificate(value);
  // Oldest out first; a Map keeps the order of insertion.
  if (parsed.size >= LIMITS.cachedCertificates) parsed.delete(parsed.keys().next().value ?? "");
  parsed.set(value, result);
  return result;
}

/**
 * The verified certificate of a TLS connection: null when none was presented.
 *
 * @param auth `request.cf.tlsClientAuth`, which only the platform or a KME front can set.
 */
export function tlsClientCertificate(
  auth: TlsClientAuth | undefined,
  nowMs: number,
): Result<ClientCertificate | null, string> {
  if (auth === undefined || auth.certPresented !== "1") return ok(null);
  if (auth.certVerified !== "SUCCESS")
    return err(`client certificate not verified: ${auth.certVerified ?? "no verdict"}`);
  if (auth.certRevoked === "1") return err("client certificate revoked by its CA");
  const certificate = auth.certRFC9440 ? fromDer(auth, auth.certRFC9440) : fromFields(auth);
  if (!certificate.ok) return certificate;
  return inDate(certificate.value, nowMs) ? certificate : err("client certificate not in date");
}

function fromDer(auth: TlsClientAuth, rfc9440: string): Result<ClientCertificate, string> {
  const certificate = parseClientCert(rfc9440);
  if (!certificate.ok) return certificate;
  const claimed = auth.certFingerprintSHA256?.toLowerCase() ?? "";
  return claimed === "" || claimed === certificate.value.fingerprint
    ? certificate
    : err("the certificate's fingerprint is not the one stated");
}

/** Without the DER there are no SANs to be had. */
function fromFields(auth: TlsClientAuth): Result<ClientCertificate, string> {
  const fingerprint = auth.certFingerprintSHA256?.toLowerCase() ?? "";
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) return err("no usable certificate fingerprint");
  const name = commonName(auth.certSubjectDNRFC2253 ?? "");
  if (!name.ok) return name;
  const { certNotBefore = "", certNotAfter = "" } = auth;
  return ok({ fingerprint, sans: [], commonName: name.value, ...validityOf(certNotBefore, certNotAfter) });
}

function readCertificate(value: string): Result<ClientCertificate, string> {
  const der = /^:[^:]+:$/.test(value) ? fromBase64(value.slice(1, -1)) : null;
  if (der === null) return err("not an RFC 9440 certificate");
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return err("not an X.509 certificate");
  }
  const sans = parseSubjectAltName(certificate.subjectAltName);
  if (!sans.ok) return sans;
  const name = commonName(rfc2253(certificate.subject));
  if (!name.ok) return name;
  return ok({
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    sans: sans.value,
    commonName: name.value,
    ...validityOf(certificate.validFrom, certificate.validTo),
  });
}

/** node:crypto prints a name one RDN a line, each escaped as in RFC 2253 (a line feed in a value as `\0A`). */
const rfc2253 = (subject: string | undefined): string =>
  (subject ?? "").split("\n").filter(Boolean).toReversed().join(",");
