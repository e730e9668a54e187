/** Which edge, and as whom: options, environment, the user's configuration, the state folder. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAuthority, issue } from "../../pki/authority.ts";
import { Args } from "./args.ts";
import { configFile, loadUserConfig } from "./config.ts";
import { resolveSettings } from "./settings.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qkd-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
const configured = (toml: string): Record<string, string> => {
  write("qkd/config.toml", toml);
  return { XDG_CONFIG_HOME: folder };
};
const resolve = (values: Record<string, string>, env: Record<string, string>) =>
  resolveSettings(new Args(values, []), { env, cwd: folder, config: loadUserConfig(env) });

const OWN = "token-of-the-configuration";

describe("the user's configuration", () => {
  test("is found by the XDG specification, and need not be there", () => {
    expect(configFile({ HOME: "/home/a" })).toBe("/home/a/.config/qkd/config.toml");
    expect(configFile({ HOME: "/home/a", XDG_CONFIG_HOME: "/etc/a" })).toBe("/etc/a/qkd/config.toml");
    expect(configFile({ HOME: "/home/a", XDG_CONFIG_HOME: "not/absolute" })).toBe("/home/a/.config/qkd/config.toml");
    expect([configFile({}), loadUserConfig({}), loadUserConfig({ HOME: folder })]).toEqual([null, {}, {}]);
  });

  test("says what options and environment do not, with paths relative to it", () => {
    write("qkd/own.token", `${OWN}\n`);
    const env = configured('edge = "https://own.example"\ntoken_file = "own.token"\n');
    expect(resolve({}, env)).toEqual({ edge: "https://own.example", token: OWN, tls: null });
    const variables = { ...env, QKD_TOKEN: "token-of-the-environment" };
    expect(resolve({}, variables)).toEqual({
      edge: "https://own.example",
      token: "token-of-the-environment",
      tls: null,
    });
    const tokens = write(
      "tokens.json",
      JSON.stringify({ operator: "token-of-the-operator", "sae-a": "token-of-sae-a-1234" }),
    );
    expect(resolve({ "token-file": tokens }, variables).token).toBe("token-of-the-operator");
    expect(resolve({ "token-file": tokens }, { ...variables, QKD_AS: "sae-a" }).token).toBe("token-of-sae-a-1234");
    const named = configured('edge = "https://own.example"\nas = "sae-a"\n');
    expect(resolve({ "token-file": tokens }, named).token).toBe("token-of-sae-a-1234");
  });

  test("its credentials are for its edge alone", () => {
    write("qkd/own.token", OWN);
    const env = configured('edge = "https://own.example"\ntoken_file = "own.token"\n');
    expect(resolve({ edge: "https://other.example" }, env).token).toBeNull();
    expect(resolve({ edge: "https://own.example/" }, env).token).toBe(OWN);
    expect(resolve({ edge: "https://other.example" }, configured('token_file = "own.token"\n')).token).toBe(OWN);
  });

  test("a state folder that is named comes before its edge, one that merely is there does not", () => {
    write(".qkd/ports.json", JSON.stringify({ edge: "http://127.0.0.1:8787" }));
    write(".qkd/tokens.json", JSON.stringify({ operator: "token-of-the-demo-1" }));
    const env = configured('edge = "https://own.example"\n');
    expect(resolve({}, env).edge).toBe("https://own.example");
    expect(resolve({}, { ...env, QKD_STATE: "" }).edge).toBe("https://own.example");
    expect(resolve({ state: ".qkd" }, env)).toMatchObject({
      edge: "http://127.0.0.1:8787",
      token: "token-of-the-demo-1",
    });
  });

  test.each([
    ['egde = "https://a.example"', 'config.toml:1: egde: no such field. Did you mean "edge"?'],
    ['\ntoken = "abc"', "config.toml:2: a token stands in a file of its own: token_file"],
    ["edge = 7", "config.toml:1: edge: shall be a text"],
    ['edge = ""', "config.toml:1: edge: shall not be empty"],
    ['edge = "http', "config.toml:1: "],
  ])("%j is refused, with its line", (toml, message) => {
    expect(() => loadUserConfig(configured(toml))).toThrow(message);
  });
});

describe("certificates", () => {
  test("take the place of a token, and are shown over https only", async () => {
    const authority = await createAuthority("ca");
    const issued = await issue(authority, { commonName: "sae-a", usage: "client" });
    write("a.crt", issued.certificate);
    write("a.key", issued.key);
    write("ca.crt", authority.certificate.toString("pem"));
    const options = { edge: "https://kme.example", cert: "a.crt", key: "a.key", ca: "ca.crt" };
    const env = { QKD_TOKEN: "token-of-the-environment" };
    expect(resolve(options, env)).toMatchObject({ token: null, tls: { cert: issued.certificate, key: issued.key } });
    expect(resolve({ edge: "https://kme.example", ca: "ca.crt" }, env)).toEqual({
      edge: "https://kme.example",
      token: env.QKD_TOKEN,
      tls: { ca: authority.certificate.toString("pem") },
    });
    expect(() => resolve({ ...options, edge: "http://127.0.0.1:1" }, {})).toThrow("cannot be shown a certificate");
    expect(() => resolve({ edge: "https://kme.example", cert: "a.crt" }, {})).toThrow("--cert and --key go together");
    expect(() => resolve({ edge: "https://kme.example" }, { QKD_KEY: "a.key" })).toThrow(
      "QKD_CERT and QKD_KEY go together",
    );
    expect(() => resolve({ ...options, key: "b.key" }, {})).toThrow("cannot read");
  });
});
