/** Certificate revocation lists of an authority (RFC 5280 clause 5). */
// oxlint-disable-next-line import/no-unassigned-import -- stands in for a polyfill
import "./reflect.ts";
import * as x509 from "@peculiar/x509";
import { type Authority, BACKDATE_MS } from "./authority.ts";
import { SIGNATURE } from "./keys.ts";

const DAY_MS = 24 * 3600 * 1000;
const CRL_DAYS = 30;

export interface Revoked {
  /** Lower-case hex. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
}

export interface Crl {
  readonly revoked: readonly Revoked[];
  /** After it TLS servers that were given the list refuse every client; null: never. */
  readonly goodUntil: Date | null;
}

/** A list (PEM) that revokes these; good for 30 days where nothing else is said. */
export async function issueCrl(
  authority: Authority,
  revoked: readonly Revoked[],
  { now = Date.now(), days = CRL_DAYS }: { readonly now?: number; readonly days?: number } = {},
): Promise<string> {
  const crl = await x509.X509CrlGenerator.create({
    issuer: authority.certificate.subjectName,
    thisUpdate: new Date(now - BACKDATE_MS),
    nextUpdate: new Date(now + days * DAY_MS),
    signingAlgorithm: SIGNATURE,
    signingKey: authority.keys.privateKey,
    entries: revoked.map(({ serialNumber, revokedAt }) => ({ serialNumber, revocationDate: revokedAt })),
  });
  // The library writes "BEGIN CRL", which OpenSSL does not read.
  return x509.PemConverter.encode(crl.rawData, "X509 CRL");
}

/** @throws Error where this is no list, or not one that the certificate's owner has signed */
export async function readCrl(crlPem: string, authorityPem: string): Promise<Crl> {
  const crl = new x509.X509Crl(crlPem);
  const certificate = new x509.X509Certificate(authorityPem);
  if (!(await crl.verify({ publicKey: certificate }))) throw new Error("the list is not signed by this authority");
  return {
    revoked: crl.entries.map(({ serialNumber, revocationDate }) => ({ serialNumber, revokedAt: revocationDate })),
    goodUntil: crl.nextUpdate ?? null,
  };
}
