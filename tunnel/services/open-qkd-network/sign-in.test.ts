import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import type { Ask } from "../etsi004/as-agent.ts";
import { SignIn } from "./sign-in.ts";

/** An edge that answers each in turn, and the last one again and again. */
function signIn(...answers: readonly (readonly [status: number, body: string])[]) {
  const file = path.join(temporaryFolder(), "secret");
  writeFileSync(file, "a secret\n");
  const around = { nowMs: 0, asked: 0 };
  const ask: Ask = async () => {
    const [status, body] = answers[Math.min(around.asked++, answers.length - 1)] ?? expect.unreachable();
    return await Promise.resolve({ status, headers: {}, bytes: Buffer.from(body) });
  };
  const config = { client: "apps", secret_file: file };
  return { around, file, own: new SignIn({ config, ask, nowMs: () => around.nowMs }) };
}
const granted = (token: string, seconds = 3600) =>
  [200, JSON.stringify({ access_token: token, expires_in: seconds })] as const;

test("one token for all, until shortly before it expires", async () => {
  const { around, own } = signIn(granted("a"), granted("b"));
  const both = await Promise.all([own.token(), own.token()]);
  expect([both, around.asked]).toEqual([
    [
      { ok: true, value: "a" },
      { ok: true, value: "a" },
    ],
    1,
  ]);
  around.nowMs = 3_539_999;
  expect(await own.token()).toEqual({ ok: true, value: "a" });
  around.nowMs = 3_540_000;
  expect(await own.token()).toEqual({ ok: true, value: "b" });
});

test("one that the edge no longer takes is forgotten, and no other", async () => {
  const { around, own } = signIn(granted("a"), granted("b"));
  await own.forget("a");
  await own.token();
  await own.forget("z");
  expect(await own.token()).toEqual({ ok: true, value: "a" });
  await own.forget("a");
  await own.forget("a");
  expect(await own.token()).toEqual({ ok: true, value: "b" });
  expect(around.asked).toBe(2);
});

test("a refusal stands for a while, then it is tried again", async () => {
  const { around, own } = signIn([401, '{"error":"invalid_client"}'], granted("a"));
  const refused = { ok: false, error: "HTTP 401, invalid_client" };
  expect([await own.token(), await own.token(), around.asked]).toEqual([refused, refused, 1]);
  around.nowMs = LIMITS.localSignInPauseMs;
  expect(await own.token()).toEqual({ ok: true, value: "a" });
});

const neverAsked: Ask = () => Promise.reject(new Error("asked"));

test("what is no answer is told without a word of it, and a file that is not there", async () => {
  for (const body of ["a-token", '{"access_token":"a-token"}', "[]"]) {
    const { own } = signIn([200, body]);
    expect(await own.token()).toEqual({ ok: false, error: "HTTP 200, an answer of another kind" });
  }
  const { file, around } = signIn(granted("a"));
  const config = { client: "apps", secret_file: `${file}.not` };
  const gone = new SignIn({ config, ask: neverAsked, nowMs: () => around.nowMs });
  expect(await gone.token()).toMatchObject({ ok: false, error: expect.stringContaining("ENOENT") as unknown });
});
