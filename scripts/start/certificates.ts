/**
 * Certificates of the state folder: what is there is kept, the rest is issued by the folder's own authority. Only its
 * own certificates are ever replaced, when they are about to run out or are of an authority it no longer has.
 */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { JsonGeneralName } from "@peculiar/x509";
import type { NetworkDocument } from "../../shared/network/document.ts";
import type { Authority } from "../../pki/authority.ts";
import { messageOf, StartFailure } from "./failure.ts";
import { isThere, readIfThere, writeAtomic } from "./files.ts";

const CA_NAME = "qkd-edge demo CA";
/** A leaf that would run out within this time is issued anew. */
const RENEW_MS = 7 * 24 * 3600 * 1000;
const PUBLIC_FILE = 0o644;

interface Wanted {
  /** Of `NAME.crt` and `NAME.key`. */
  readonly file: string;
  readonly commonName: string;
  readonly usage: "server" | "client";
  readonly sans: JsonGeneralName[];
}

export const certificateFiles = (certs: string, name: string): { readonly cert: string; readonly key: string } => ({
  cert: join(certs, `${name}.crt`),
  key: join(certs, `${name}.key`),
});

/** Nodes whose front can be started: those with certificate and key in the folder. */
export const nodesWithCertificates = (certs: string, nodes: readonly string[]): string[] =>
  isThere(join(certs, "ca.crt"))
    ? nodes.filter((node) => Object.values(certificateFiles(certs, node)).every(isThere))
    : [];

/** Makes what the network needs and the folder lacks. The library that issues is loaded only then. */
export async function ensureCertificates(
  certs: string,
  network: NetworkDocument,
  nodes: readonly string[],
): Promise<void> {
  const caFile = join(certs, "ca.crt");
  const ca = readIfThere(caFile);
  const wanted = wantedCertificates(network, nodes);
  const missing = ca === null ? wanted : wanted.filter((each) => !isGood(certs, each, ca));
  if (missing.length === 0) return;
  const pki = await import("../../pki/authority.ts");
  const authority = await openAuthority(certs, ca, pki);
  for (const { file, ...request } of missing) {
    const { cert, key } = certificateFiles(certs, file);
    const issued = await pki.issue(authority, request);
    writeAtomic(key, issued.key);
    writeAtomic(cert, issued.certificate, PUBLIC_FILE);
  }
}

async function openAuthority(
  certs: string,
  ca: string | null,
  pki: typeof import("../../pki/authority.ts"),
): Promise<Authority> {
  const { cert, key } = certificateFiles(certs, "ca");
  if (ca === null) {
    const authority = await pki.createAuthority(CA_NAME);
    const { privateKeyPem } = await import("../../pki/keys.ts");
    writeAtomic(key, await privateKeyPem(authority.keys.privateKey));
    writeAtomic(cert, authority.certificate.toString("pem"), PUBLIC_FILE);
    return authority;
  }
  const keyText = readIfThere(key);
  if (keyText === null)
    throw new StartFailure(
      `certificates have to be issued, but ${key} is missing: put it back, or remove ${cert} to have a new authority made`,
    );
  try {
    return await pki.loadAuthority(ca, keyText);
  } catch (thrown) {
    throw new StartFailure(`${cert} and ${key} are no usable authority: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function isGood(certs: string, wanted: Wanted, caText: string): boolean {
  const { cert, key } = certificateFiles(certs, wanted.file);
  const text = readIfThere(cert);
  if (text === null || !isThere(key)) return false;
  try {
    const certificate = new X509Certificate(text);
    const ours = certificate.issuer === `CN=${CA_NAME}`;
    const current =
      certificate.checkIssued(new X509Certificate(caText)) && Date.parse(certificate.validTo) > Date.now() + RENEW_MS;
    return current || !ours;
  } catch (thrown) {
    throw new StartFailure(
      `${cert} or ${join(certs, "ca.crt")} is broken (${messageOf(thrown)}): put back a good copy, or remove it`,
      { cause: thrown },
    );
  }
}

function wantedCertificates(network: NetworkDocument, nodes: readonly string[]): Wanted[] {
  const servers = nodes.map((node): Wanted => {
    const names = ["localhost", node].filter(isDnsName);
    return {
      file: node,
      commonName: node,
      usage: "server",
      sans: [...names.map(dns), { type: "ip", value: "127.0.0.1" }],
    };
  });
  const taken = new Set([...nodes, "ca"]);
  const clients = network.saes.flatMap(({ id, credentials }): Wanted[] => {
    const byCertificate = credentials.filter((credential) => credential.type === "certificate");
    const cn = byCertificate.find(({ match }) => match === "cn")?.value;
    const sans = byCertificate.filter(({ match }) => match === "san").map(({ value }) => sanOf(value));
    const file = fileName(id);
    if ((cn === undefined && sans.length === 0) || taken.has(file)) return [];
    const own = isDnsName(id) && sans.length === 0 ? [dns(id)] : [];
    return [{ file, commonName: cn ?? id, usage: "client", sans: [...own, ...sans] }];
  });
  return [...servers, ...clients];
}

/** SAE ids are free text; file names are not. */
const fileName = (id: string): string => encodeURIComponent(id).replace(/^\./, "%2E").slice(0, 200);
const isDnsName = (name: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(name);
const dns = (value: string): JsonGeneralName => ({ type: "dns", value });
const sanOf = (text: string): JsonGeneralName =>
  text.startsWith("URI:") ? { type: "url", value: text.slice(4) } : dns(text.replace(/^DNS:/, ""));
