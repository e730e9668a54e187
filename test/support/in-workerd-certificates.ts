/** Client certificates for tests, in the forms in which they reach a Worker. */
import { toBase64 } from "../../shared/bytes/base64.ts";
import type { TlsClientAuth } from "../../workers/middleware/client-certificate.ts";

// The container inside @peculiar/x509 insists on these, whatever they return.
for (const name of ["getMetadata", "getOwnMetadata", "defineMetadata"]) Reflect.set(Reflect, name, () => undefined);
const x509 = await import("@peculiar/x509");

export interface CertificateWish {
  /** As in `CN=sae-a,O=x`, or attribute by attribute. */
  readonly subject: string | { [type: string]: { utf8String: string }[] }[];
  readonly names?: { type: "dns" | "url" | "email" | "ip"; value: string }[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const DAY_MS = 86_400_000;

/** A self-signed certificate as `:base64 of its DER:` (RFC 9440). */
export async function clientCert({ subject, names = [], notBefore, notAfter }: CertificateWish): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: new x509.Name(subject),
    keys,
    signingAlgorithm: algorithm,
    notBefore: notBefore ?? new Date(Date.now() - DAY_MS),
    notAfter: notAfter ?? new Date(Date.now() + DAY_MS),
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  return `:${toBase64(new Uint8Array(certificate.rawData))}:`;
}

/** `request.cf.tlsClientAuth` of a connection with this certificate, verified. */
export const tlsClientAuth = (certRFC9440: string, more: Partial<TlsClientAuth> = {}): TlsClientAuth => ({
  certPresented: "1",
  certVerified: "SUCCESS",
  certRevoked: "0",
  certRFC9440,
  ...more,
});
