import { createHmac, generateKeyPairSync, randomBytes } from "node:crypto";
import * as v from "valibot";
import { expect, test } from "vitest";
import { NetconfSchema } from "./config.ts";
import { fingerprintOf, knownHostsLine, pinsIn, pinsOf } from "./known-hosts.ts";

/** RFC 4251 5: a string with its length. */
const part = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
const publicKey = (): Buffer => {
  const { x = "" } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
  return Buffer.concat([part(Buffer.from("ssh-ed25519")), part(Buffer.from(x, "base64url"))]);
};
const KEY = publicKey();
const PRINT = fingerprintOf(KEY);

const base = { host: "10.0.0.11", user: "netconf", password_file: "/p", host_key: PRINT };
const problems = (config: object): readonly string[] =>
  v.safeParse(NetconfSchema, config).issues?.map(({ message }) => message) ?? [];

test("what may be written, and what is assumed", () => {
  expect(v.parse(NetconfSchema, base)).toEqual({ ...base, port: 830, timeout_ms: 10_000, keep_alive_ms: 15_000 });
  const line = `ssh-ed25519 ${KEY.toString("base64")} root@host`;
  for (const host_key of [line, `10.0.0.11 ${line}`]) expect(problems({ ...base, host_key })).toEqual([]);
  expect(pinsOf(line)).toEqual({ keys: [{ fingerprint: PRINT, type: "ssh-ed25519" }], revoked: [] });
});

test.each([
  [{ ...base, password_file: undefined }, "password_file or key_file shall be given"],
  [{ ...base, passphrase_file: "/x" }, "passphrase_file goes with key_file"],
  [{ ...base, host_key: undefined }, 'either host_key = "SHA256:..." or host_key_file shall be given'],
  [{ ...base, host_key_file: "/x" }, 'either host_key = "SHA256:..." or host_key_file shall be given'],
  [{ ...base, host_key: "SHA256:short" }, "shall be SHA256:... or a line of known_hosts"],
  [{ ...base, host_key: `ssh-rsa ${KEY.toString("base64")}` }, "shall be SHA256:... or a line of known_hosts"],
  [{ ...base, port: 0 }, "shall be at least 1"],
])("%j: %s", (config, problem) => {
  expect(problems(config)).toEqual([problem]);
});

test("lines of known_hosts are about some hosts", () => {
  const base64 = KEY.toString("base64");
  const salt = randomBytes(20);
  const hashed = `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update("[ipsec.example]:830").digest("base64")}`;
  const about = (hosts: string, host = "ipsec.example", port = 830): number =>
    pinsIn(`# a comment\n\n${hosts} ssh-ed25519 ${base64}\n`, host, port).keys.length;
  expect(
    ["[ipsec.example]:830", "a,[ipsec.example]:830", "[*.example]:830", hashed, "[ipsec.exampl?]:830"].map((hosts) =>
      about(hosts),
    ),
  ).toEqual([1, 1, 1, 1, 1]);
  expect(
    ["ipsec.example", "[ipsec.example]:22", "[*]:830,![ipsec.example]:830", "# [ipsec.example]:830"].map((hosts) =>
      about(hosts),
    ),
  ).toEqual([0, 0, 0, 0]);
  expect(about("ipsec.example", "ipsec.example", 22)).toBe(1);
  expect(pinsIn(`@revoked * ssh-ed25519 ${base64}\n@cert-authority * ssh-ed25519 ${base64}`, "h", 22)).toEqual({
    keys: [],
    revoked: [PRINT],
  });
  expect(pinsIn(knownHostsLine("h", 830, KEY), "h", 830).keys).toEqual([{ fingerprint: PRINT, type: "ssh-ed25519" }]);
});
