/** Makes what a site needs for TLS between agents and has not got: a key, and a certificate or a request for one. */
import { chmod, readFile } from "node:fs/promises";
import { codeOf, type Log, messageOf } from "../../log.ts";
import { writeDurably } from "../../spool/durable-files.ts";
import type { CertificateConfig } from "../config/schema.ts";
import { AgentFailure } from "../failure.ts";
import { siteUri } from "../../../pki/site-name.ts";

const PUBLIC_FILE = 0o644;
const CERTIFICATE_DAYS = 730;

/** @throws AgentFailure where there is none, with what is to be done about it */
export async function ensureCertificate(config: CertificateConfig, site: string, log: Log): Promise<void> {
  const { cert, key, ca, ca_key: caKey } = config;
  if ((await readIfThere(cert)) !== null) return;
  // Loaded only here: it is large, and seldom needed.
  const { loadAuthority } = await import("../../../pki/authority.ts");
  const { makeKey, makeRequest, signRequest } = await import("../../../pki/request.ts");
  try {
    let keyPem = await readIfThere(key);
    if (keyPem === null) {
      keyPem = await makeKey();
      await writeDurably(key, keyPem);
    }
    const request = await makeRequest(keyPem, subjectOf(config, site));
    if (caKey !== undefined) {
      const [caPem, caKeyPem] = await Promise.all([readFile(ca, "utf8"), readFile(caKey, "utf8")]);
      const authority = await loadAuthority(caPem, caKeyPem);
      await writePublic(cert, await signRequest(request, authority, { now: Date.now(), days: CERTIFICATE_DAYS }));
      log("info", "certificate made", { cert, site });
      return;
    }
    await writePublic(`${cert}.csr`, request);
  } catch (thrown) {
    throw new AgentFailure(`certificate: cannot make ${cert}: ${messageOf(thrown)}`);
  }
  throw new AgentFailure(
    `no certificate ${cert} yet: have ${cert}.csr signed by the sites' authority (qkd cert sign ${cert}.csr), and put the certificate there`,
  );
}

const subjectOf = ({ node, addresses }: CertificateConfig, site: string) => ({
  commonName: node ?? site,
  uris: [siteUri(site), ...(node === undefined ? [] : [`urn:uuid:${node}`])],
  addresses,
});

async function writePublic(file: string, text: string): Promise<void> {
  await writeDurably(file, text);
  await chmod(file, PUBLIC_FILE);
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return null;
    throw new AgentFailure(`certificate: ${messageOf(thrown)}`);
  }
}
