/** `qkd password`: what it prints is a hash of what it was given, and no argument ever is a password. */
import { spawn, spawnSync } from "node:child_process";
import { scryptSync } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPasswordHash } from "../../shared/open-qkd-network/password-hash.ts";
import { recordedCli } from "../../test/support/recorded-cli.ts";

const hash = async (secret: string, ...argv: string[]) =>
  await recordedCli(["password", ...argv], { env: {}, cwd: "/", readSecret: async () => secret });

function fits(text: string, secret: string): boolean {
  const read = readPasswordHash(text);
  if (read === null) return false;
  const { log2N, r, p, salt } = read;
  return scryptSync(secret, salt, 32, { N: 2 ** log2N, r, p, maxmem: 2 ** 27 }).equals(read.hash);
}

test("what is printed fits the secret, no other, and never comes twice", async () => {
  const secret = "köder und ein langer Satz";
  const [one, two] = [await hash(secret), await hash(secret)];
  expect([one.code, one.err]).toEqual([0, ""]);
  expect(one.out).not.toBe(two.out);
  expect([fits(one.out, secret), fits(one.out, `${secret} `)]).toEqual([true, false]);
  const { hash: inJson } = JSON.parse((await hash(secret, "--json")).out) as { hash: string };
  expect(fits(inJson, secret)).toBe(true);
});

test("a short one is hashed with a warning; none, or one too long, not at all", async () => {
  const short = await hash("bot");
  expect([short.code, short.err]).toEqual([0, expect.stringContaining("can be guessed")]);
  expect(await hash("")).toMatchObject({ code: 1, out: "" });
  expect(await hash("a long enough one\0")).toMatchObject({ code: 1, out: "" });
  expect(await hash("x".repeat(257))).toMatchObject({ code: 1, out: "", err: expect.stringContaining("256") });
});

test("as an argument it is refused", async () => {
  expect(await hash("anything", "hunter2")).toMatchObject({
    code: 1,
    out: "",
    err: expect.not.stringContaining("hunter2"),
  });
});

test("a line piped in is the secret, without its line end", () => {
  const input = "a password of some length\n";
  const argv = [join(import.meta.dirname, "..", "qkd.ts"), "password"];
  const { stdout } = spawnSync(process.execPath, argv, { input, encoding: "utf8" });
  expect(fits(stdout.trim(), "a password of some length")).toBe(true);
});

test("typed at a terminal it is not echoed, however early it comes", async () => {
  const command = `'${process.execPath}' '${join(import.meta.dirname, "..", "qkd.ts")}' password`;
  const child = spawn("script", ["-qec", command, "/dev/null"]);
  const answers = ["a first long password\r", "another long password\r"];
  let seen = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
    if (seen.endsWith(": ")) child.stdin.write(answers.shift() ?? "\u0003");
  });
  await once(child, "close");
  expect(seen).toContain("password again: ");
  expect(seen).toContain("the two differ");
  expect(seen).not.toContain("long password");
});
