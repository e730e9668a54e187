import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { createAuthority } from "../../../pki/authority.ts";
import { privateKeyPem } from "../../../pki/keys.ts";
import { Lines, temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { ensureCertificate } from "./ensure.ts";

const NODE = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

async function authority(folder: string) {
  const made = await createAuthority("sites");
  writeFileSync(path.join(folder, "ca.crt"), made.certificate.toString("pem"));
  writeFileSync(path.join(folder, "ca.key"), await privateKeyPem(made.keys.privateKey));
  return new X509Certificate(made.certificate.toString("pem"));
}

const filesIn = (folder: string) => ({
  cert: path.join(folder, "site.crt"),
  key: path.join(folder, "site.key"),
  ca: path.join(folder, "ca.crt"),
  node: NODE,
  addresses: ["kme.example", "192.0.2.7"],
  dns: {},
});

test("with the authority's key: key and certificate with all names, and nothing is made twice", async () => {
  const folder = temporaryFolder();
  const ca = await authority(folder);
  const config = { ...filesIn(folder), ca_key: path.join(folder, "ca.key") };
  const lines = new Lines();
  await ensureCertificate(config, "site-a", lines.log);
  const text = readFileSync(config.cert, "utf8");
  const certificate = new X509Certificate(text);
  expect(certificate.verify(ca.publicKey)).toBe(true);
  expect(certificate.subject).toBe(`CN=${NODE}`);
  expect(certificate.subjectAltName?.split(", ").sort()).toEqual([
    "DNS:kme.example",
    "IP Address:192.0.2.7",
    "URI:qkd-site:site-a",
    `URI:urn:uuid:${NODE}`,
  ]);
  expect(statSync(config.key).mode & 0o777).toBe(0o600);
  await ensureCertificate(config, "site-a", lines.log);
  expect(readFileSync(config.cert, "utf8")).toBe(text);
  expect(lines.count("certificate made")).toBe(1);
});

test("without it: a request, and what to do with it", async () => {
  const folder = temporaryFolder();
  await authority(folder);
  const config = filesIn(folder);
  const { log } = new Lines();
  await expect(ensureCertificate(config, "site-a", log)).rejects.toThrow(/site\.crt\.csr signed .*qkd cert sign/);
  const key = readFileSync(config.key, "utf8");
  expect(readFileSync(`${config.cert}.csr`, "utf8")).toContain("BEGIN CERTIFICATE REQUEST");
  expect(existsSync(config.cert)).toBe(false);
  await expect(ensureCertificate(config, "site-a", log)).rejects.toThrow("no certificate");
  expect(readFileSync(config.key, "utf8")).toBe(key);
});

test("an authority's key of another authority makes no certificate", async () => {
  const folder = temporaryFolder();
  await authority(folder);
  const ca = readFileSync(path.join(folder, "ca.crt"));
  await authority(folder);
  writeFileSync(path.join(folder, "ca.crt"), ca);
  const config = { ...filesIn(folder), ca_key: path.join(folder, "ca.key") };
  await expect(ensureCertificate(config, "site-a", new Lines().log)).rejects.toThrow("does not belong");
  expect(existsSync(config.cert)).toBe(false);
});

test("the authority's key may be in either form of PEM, but of P-256", async () => {
  const folder = temporaryFolder();
  await authority(folder);
  const config = { ...filesIn(folder), ca_key: path.join(folder, "ca.key") };
  const key = createPrivateKey(readFileSync(config.ca_key));
  writeFileSync(config.ca_key, key.export({ type: "sec1", format: "pem" }));
  await ensureCertificate(config, "site-a", new Lines().log);
  expect(existsSync(config.cert)).toBe(true);
  const other = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(config.ca_key, other);
  const again = { ...config, cert: `${config.cert}.2` };
  await expect(ensureCertificate(again, "site-a", new Lines().log)).rejects.toThrow("not one of the curve P-256");
});
