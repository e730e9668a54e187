/** A small authority, from its making to its list of revocations; OpenSSL reads what comes out. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recordedCli } from "../../test/support/recorded-cli.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qkd-authority-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...argv: readonly string[]) => recordedCli([...argv, "--dir", "ca"], { env: {}, cwd: folder });
const issue = (...argv: readonly string[]) => run("cert", "issue", ...argv);
const at = (name: string): string => join(folder, "ca", name);
const text = (name: string): string => readFileSync(at(name), "utf8");

test("issues for clients and servers; keys are their owner's alone; nothing is overwritten", async () => {
  expect((await issue("sae-x")).err).toContain("no authority in");
  const first = await issue("sae-x", "--new-authority", "--days", "30");
  expect(first).toMatchObject({ code: 0, err: "" });
  expect(first.out).toContain("a new authority -> ");
  expect(first.out).toContain("certified as a client for 30 days: CN sae-x, serial ");
  for (const name of ["ca.key", "sae-x.key"]) expect(statSync(at(name)).mode & 0o777).toBe(0o600);
  const server = await issue("kme-x", "--server", "--cn", "KME x", "--san", "kme.example,192.0.2.7,URI:kme://x");
  expect(server.code).toBe(0);
  const [client, kme] = [new X509Certificate(text("sae-x.crt")), new X509Certificate(text("kme-x.crt"))];
  expect([client.subject, kme.subject]).toEqual(["CN=sae-x", "CN=KME x"]);
  expect(kme.subjectAltName).toBe("DNS:kme.example, IP Address:192.0.2.7, URI:kme://x");
  expect(Date.parse(client.validTo) - Date.now()).toBeLessThan(31 * 24 * 3600 * 1000);
  execFileSync("openssl", [
    "verify",
    "-CAfile",
    at("ca.crt"),
    "-purpose",
    "sslclient",
    at("sae-x.crt"),
    at("kme-x.crt"),
  ]);
  execFileSync("openssl", ["verify", "-CAfile", at("ca.crt"), "-purpose", "sslserver", at("kme-x.crt")]);

  const before = text("sae-x.crt");
  expect((await issue("sae-x")).err).toContain("is there already");
  expect(text("sae-x.crt")).toBe(before);
  for (const name of ["ca", "a/b", "", ".x"]) expect((await issue(name)).code).toBe(1);
});

test("list tells what is good, expired and revoked; revoke is taken up by TLS servers, and adds up", async () => {
  await issue("sae-x", "--new-authority");
  await issue("sae-y");
  await issue("sae-z");
  await recordedCli(["cert", "issue", "sae-o", "--dir", "other", "--new-authority"], { env: {}, cwd: folder });
  writeFileSync(at("sae-o.crt"), readFileSync(join(folder, "other", "sae-o.crt")));
  const revoked = await run("cert", "revoke", "sae-x");
  expect(revoked).toMatchObject({ code: 0, err: "" });
  expect(revoked.out).toContain("revoked 1 certificate; 1 on the list, good for 30 days");
  const serial = new X509Certificate(text("sae-y.crt")).serialNumber;
  expect((await run("cert", "revoke", serial, "sae-x", "--json")).out).toBe(
    JSON.stringify({ revoked: [serial.toLowerCase()], on_the_list: 2, days: 30 }),
  );
  const states = JSON.parse((await run("cert", "list", "--json")).out) as {
    certificates: { name: string; state: string }[];
  };
  // One of another authority is passed over.
  expect(states.certificates.map(({ name, state }) => [name, state])).toEqual([
    ["sae-x", "revoked"],
    ["sae-y", "revoked"],
    ["sae-z", "good"],
  ]);
  const table = await run("cert", "list");
  expect(table.out).toMatch(/sae-z +sae-z +good +20/);
  expect(table.out).toMatch(/ca\.crl is good until 20/);
  const verify = (name: string) => () =>
    execFileSync("openssl", ["verify", "-crl_check", "-CRLfile", at("ca.crl"), "-CAfile", at("ca.crt"), at(name)], {
      stdio: "pipe",
    });
  expect(verify("sae-x.crt")).toThrow("certificate revoked");
  expect(verify("sae-z.crt")).not.toThrow();

  // Without a name: the list anew, for longer.
  expect((await run("cert", "revoke", "--days", "90")).out).toContain(
    "revoked 0 certificates; 2 on the list, good for 90 days",
  );
  const wrong = await run("cert", "revoke", "sae-w");
  expect([wrong.code, wrong.err]).toEqual([
    1,
    expect.stringMatching(/issued nothing named "sae-w"\. Did you mean "sae-/),
  ]);
});

test("an authority without its key, or a list of another's, is refused", async () => {
  await issue("sae-x", "--new-authority");
  await recordedCli(["cert", "issue", "sae-y", "--dir", "other", "--new-authority"], { env: {}, cwd: folder });
  await recordedCli(["cert", "revoke", "sae-y", "--dir", "other"], { env: {}, cwd: folder });
  writeFileSync(at("ca.crl"), readFileSync(join(folder, "other", "ca.crl")));
  expect((await run("cert", "list")).err).toContain("not signed by this authority");
  expect((await run("cert", "revoke", "sae-x")).err).toContain("not signed by this authority");
  rmSync(at("ca.crl"));
  rmSync(at("ca.key"));
  expect((await run("cert", "revoke", "sae-x")).err).toContain("cannot read");
  expect(existsSync(at("ca.crl"))).toBe(false);
});

test("the folder is that of the certificates of `npm start` where none is named", async () => {
  await recordedCli(["cert", "issue", "sae-x", "--new-authority"], { env: {}, cwd: folder });
  expect(existsSync(join(folder, ".qkd", "certs", "sae-x.crt"))).toBe(true);
  await recordedCli(["cert", "issue", "sae-x", "--new-authority"], { env: { QKD_STATE: "s" }, cwd: folder });
  expect(existsSync(join(folder, "s", "certs", "sae-x.crt"))).toBe(true);
});
