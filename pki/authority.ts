/**
 * A certification authority: X.509 v3, EC P-256. The demo makes one on the machine it runs on; `qkd cert` and agents sign
 * with one that is there; tests issue what must be refused (expired, revoked, of another authority).
 */
import type { webcrypto } from "node:crypto";
// oxlint-disable-next-line import/no-unassigned-import -- stands in for a polyfill
import "./reflect.ts";
import * as x509 from "@peculiar/x509";
import { generateKeys, KEY_ALGORITHM, privateKeyOf, privateKeyPem, SIGNATURE } from "./keys.ts";

const DAY_MS = 24 * 3600 * 1000;
const CA_DAYS = 3652;
const LEAF_DAYS = 730;
/** Certificates begin a little in the past, for peers whose clock runs behind. */
export const BACKDATE_MS = 5 * 60 * 1000;

export interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface Issued {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  /** Lower-case hex, as a CRL names the certificate. */
  readonly serialNumber: string;
}

export interface LeafRequest {
  readonly commonName: string;
  /** `server`: a KME (it also calls others, so it may be a client too). `client`: an SAE. */
  readonly usage: "server" | "client";
  readonly sans?: x509.JsonGeneralNames;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A new authority; its key never needs to leave memory unless the caller exports it. */
export async function createAuthority(commonName: string, now = Date.now()): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    serialNumber: randomSerial(),
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

/** Reads an authority back from its PEM files. @throws Error where either is not what it should be */
export async function loadAuthority(certificatePem: string, keyPem: string): Promise<Authority> {
  const certificate = new x509.X509Certificate(certificatePem);
  const privateKey = await privateKeyOf(keyPem);
  const publicKey = await certificate.publicKey.export(KEY_ALGORITHM, ["verify"]);
  return { certificate, keys: { privateKey, publicKey } };
}

/** Issues a leaf certificate with a key of its own. */
export async function issue(authority: Authority, request: LeafRequest, now = Date.now()): Promise<Issued> {
  const keys = await generateKeys();
  const certificate = await certify(authority, request, keys.publicKey, now);
  return {
    certificate: certificate.toString("pem"),
    key: await privateKeyPem(keys.privateKey),
    serialNumber: certificate.serialNumber,
  };
}

/** Certifies a public key. @throws Error where the authority's key does not belong to its certificate */
export async function certify(
  authority: Authority,
  request: LeafRequest,
  publicKey: webcrypto.CryptoKey,
  now = Date.now(),
): Promise<x509.X509Certificate> {
  const usages =
    request.usage === "server"
      ? [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]
      : [x509.ExtendedKeyUsage.clientAuth];
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [request.commonName] }],
    issuer: authority.certificate.subjectName,
    serialNumber: randomSerial(),
    notBefore: request.notBefore ?? new Date(now - BACKDATE_MS),
    notAfter: request.notAfter ?? new Date(now + LEAF_DAYS * DAY_MS),
    signingAlgorithm: SIGNATURE,
    publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      ...(request.sans === undefined || request.sans.length === 0
        ? []
        : [new x509.SubjectAlternativeNameExtension(request.sans)]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
    ],
  });
  if (!(await certificate.verify({ publicKey: authority.certificate, signatureOnly: true }))) {
    throw new Error("the authority's key does not belong to its certificate");
  }
  return certificate;
}

/** 127 random bits: positive, and at most 20 octets in DER (RFC 5280 4.1.2.2). */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}
