import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAuthority } from "../../pki/authority.ts";
import { privateKeyPem } from "../../pki/keys.ts";
import { makeKey, makeRequest } from "../../pki/request.ts";
import { runCli } from "../run.ts";

let folder: string;
const file = (name: string): string => join(folder, name);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "qkd-cert-"));
  const authority = await createAuthority("sites");
  writeFileSync(file("ca.crt"), authority.certificate.toString("pem"));
  writeFileSync(file("ca.key"), await privateKeyPem(authority.keys.privateKey));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function request(uris: readonly string[], addresses: readonly string[] = ["kme.example", "192.0.2.7"]) {
  const csr = await makeRequest(await makeKey(), { commonName: "site-a", uris, addresses });
  writeFileSync(file("a.crt.csr"), csr);
}

async function sign(...more: readonly string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = { line: (text: string) => void out.push(text), note: (text: string) => void err.push(text) };
  const ca = ["--ca-cert", file("ca.crt"), "--ca-key", file("ca.key")];
  const argv = ["cert", "sign", file("a.crt.csr"), ...ca, ...more];
  const code = await runCli(argv, { ...terminal, progress: () => undefined } as never, { env: {}, cwd: folder });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test("key and names are certified, for a client and a server and nothing else", async () => {
  await request(["qkd-site:site-a"]);
  const { code, out } = await sign("--site", "site-a", "--days", "30");
  expect({ code, out }).toEqual({
    code: 0,
    out: `certified for 30 days: CN site-a\n  qkd-site:site-a\n  kme.example\n  192.0.2.7\n-> ${file("a.crt")}`,
  });
  const again = await sign("--site", "site-a", "--out", "b.crt", "--json");
  const names = ["qkd-site:site-a", "kme.example", "192.0.2.7"];
  const told = { common_name: "site-a", names, days: 730, certificate: file("b.crt") };
  expect(JSON.parse(again.out)).toEqual(told);
  const certificate = new X509Certificate(readFileSync(file("a.crt")));
  expect(certificate.verify(new X509Certificate(readFileSync(file("ca.crt"))).publicKey)).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.subjectAltName).toBe("URI:qkd-site:site-a, DNS:kme.example, IP Address:192.0.2.7");
  expect(Date.parse(certificate.validTo) - Date.now()).toBeLessThan(31 * 24 * 3600 * 1000);
});

test.each([
  [["qkd-site:site-b"], 'the request is for site "site-b", not "site-a"'],
  [["qkd-site:site-a", "qkd-site:site-b"], 'the request is for site "site-b", not "site-a"'],
  [[], "the request does not name the site: it lacks the URI qkd-site:site-a"],
])("names %j are not for site-a", async (uris, message) => {
  await request(uris);
  const { code, err } = await sign("--site", "site-a");
  expect(code).toBe(1);
  expect(err).toContain(message);
  expect(existsSync(file("a.crt"))).toBe(false);
});

test("nothing is overwritten, and nothing signed that is no request, or by a key of another authority", async () => {
  await request(["qkd-site:site-a"]);
  writeFileSync(file("a.crt"), "mine");
  expect((await sign("--site", "site-a")).err).toContain("is there already");
  expect(readFileSync(file("a.crt"), "utf8")).toBe("mine");
  rmSync(file("a.crt"));
  const other = await createAuthority("others");
  writeFileSync(file("ca.key"), await privateKeyPem(other.keys.privateKey));
  expect((await sign("--site", "site-a")).err).toContain("does not belong to its certificate");
  writeFileSync(file("a.crt.csr"), "no request");
  expect((await sign("--site", "site-a")).err).toContain("a.crt.csr");
  expect(existsSync(file("a.crt"))).toBe(false);
});
