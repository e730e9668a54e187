/**
 * Revocation lists, for connections that are already open: OpenSSL asks the CRL only during a handshake, so a front
 * that got a new one goes through its connections itself.
 */
import type { X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate, CertificateList, type Name } from "@peculiar/asn1-x509";
import { pemBlocks } from "./pem.ts";

/** `issuer serial`, both as hex of their DER. */
export type RevokedCertificates = ReadonlySet<string>;

const hex = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString("hex");
const nameHex = (name: Name): string => hex(AsnConvert.serialize(name));

const listsIn = (crlPem: string) =>
  pemBlocks(crlPem, "X509 CRL").map((der) => AsnConvert.parse(der, CertificateList).tbsCertList);

const fieldsOf = (certificate: X509Certificate) => AsnConvert.parse(certificate.raw, Certificate).tbsCertificate;

/** What the CRLs (PEM, any number in a row; RFC 5280 5.1) revoke. Throws when one is unreadable. */
export function revokedBy(crlPem: string): RevokedCertificates {
  const entries = listsIn(crlPem).flatMap(({ issuer, revokedCertificates }) =>
    (revokedCertificates ?? []).map(({ userCertificate }) => `${nameHex(issuer)} ${hex(userCertificate)}`),
  );
  return new Set(entries);
}

/** The issuers of the CRLs, as hex of their DER names. */
export const crlIssuers = (crlPem: string): string[] => listsIn(crlPem).map(({ issuer }) => nameHex(issuer));

export function isRevoked(certificate: X509Certificate, revoked: RevokedCertificates): boolean {
  if (revoked.size === 0) return false;
  const { issuer, serialNumber } = fieldsOf(certificate);
  return revoked.has(`${nameHex(issuer)} ${hex(serialNumber)}`);
}

/** The subject, as hex of its DER name: comparable with `crlIssuers`. */
export const subjectName = (certificate: X509Certificate): string => nameHex(fieldsOf(certificate).subject);
