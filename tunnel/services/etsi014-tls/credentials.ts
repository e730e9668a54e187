/**
 * A front's certificate, key, authorities and CRL: read and checked as a whole, before any of it is used, so that a
 * broken file on disk never replaces what works.
 */
import { constants, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { codeOf, messageOf } from "../../log.ts";
import type { FrontConfig } from "./config.ts";
import { crlIssuers, isRevoked, type RevokedCertificates, revokedBy, subjectName } from "./crl.ts";
import { pemBlocks } from "./pem.ts";

export interface Credentials {
  readonly context: SecureContextOptions;
  readonly authorities: readonly X509Certificate[];
  readonly revoked: RevokedCertificates;
}

const MAX_CHAIN = 8;

/** Throws one line that names the file at fault. `crlInForce`: the last CRL read, kept should its file be gone. */
export async function loadCredentials(config: FrontConfig, crlInForce: string | null): Promise<Credentials> {
  const [cert, key, ca] = await Promise.all([config.cert, config.key, config.ca].map(readText));
  if (cert === undefined || key === undefined || ca === undefined)
    throw new Error("unreachable: three files were read");
  const authorities = naming(config.ca, () => pemBlocks(ca, "CERTIFICATE").map((der) => new X509Certificate(der)));
  if (authorities.length === 0) throw new Error(`${config.ca}: holds no certificate`);
  naming(config.cert, () => {
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error(`does not belong to ${config.key}`);
  });
  const crl = await readCrl(config, crlInForce);
  const revoked = crl === null ? new Set<string>() : naming(config.crl ?? "", () => checkedCrl(crl, authorities));
  return {
    context: { ...TLS_OPTIONS, cert, key, ca, ...(crl === null ? {} : { crl: pemTexts(crl) }) },
    authorities,
    revoked,
  };
}

/**
 * TLS 1.2 and 1.3; Node's default groups, which offer X25519MLKEM768 first. No session is ever resumed: without
 * tickets, and with no session store, every connection shows its own certificate.
 */
const TLS_OPTIONS: SecureContextOptions = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
};

/** Is a certificate, accepted earlier, still good under these credentials? */
export function stillTrusted(certificate: X509Certificate, { authorities, revoked }: Credentials): boolean {
  let current: X509Certificate | undefined = certificate;
  for (let depth = 0; depth < MAX_CHAIN && current !== undefined; depth++) {
    const subject: X509Certificate = current;
    if (isRevoked(subject, revoked)) return false;
    if (authorities.some((ca) => subject.checkIssued(ca) && subject.verify(ca.publicKey))) return true;
    current = subject.issuerCertificate;
  }
  return false;
}

/** The CRL text in force; null without one. */
export async function readCrl(config: FrontConfig, inForce: string | null): Promise<string | null> {
  if (config.crl === undefined) return null;
  try {
    return await readFile(config.crl, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return inForce;
    throw new Error(`${config.crl}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** Changes whenever one of the files does; a file that is not there counts as such. */
export async function filesVersion(config: FrontConfig): Promise<string> {
  const files = [config.cert, config.key, config.ca, ...(config.crl === undefined ? [] : [config.crl])];
  const versions = files.map(async (file) => {
    try {
      const { mtimeMs, size, ino } = await stat(file);
      return `${mtimeMs}/${size}/${ino}`;
    } catch {
      return "absent";
    }
  });
  return (await Promise.all(versions)).join(" ");
}

/** A CRL of an authority we do not know would make OpenSSL refuse everybody. */
function checkedCrl(crl: string, authorities: readonly X509Certificate[]): RevokedCertificates {
  const issuers = crlIssuers(crl);
  if (issuers.length === 0) throw new Error("holds no CRL");
  const known = new Set(authorities.map(subjectName));
  if (!issuers.every((issuer) => known.has(issuer))) throw new Error("holds a CRL of none of the authorities");
  return revokedBy(crl);
}

/** Node takes one CRL a string. */
const pemTexts = (crl: string): string[] =>
  pemBlocks(crl, "X509 CRL").map(
    (der) => `-----BEGIN X509 CRL-----\n${der.toString("base64")}\n-----END X509 CRL-----\n`,
  );

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    throw new Error(`${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function naming<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw new Error(`${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
