import { expect, test } from "vitest";
import type { Code } from "../../../shared/mux/codes.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok } from "../../../shared/result.ts";
import { openStream } from "./open-stream.ts";

const NEVER = new Promise<never>(() => {});

const STREAM: MuxStream = {
  id: 1,
  slot: 0,
  service: "kme",
  read: () => Promise.resolve(null),
  write: () => Promise.resolve(),
  end: () => Promise.resolve(),
  reset: () => undefined,
  closed: Promise.resolve({ kind: "finished" }),
  opened: NEVER,
};

/** Opens over a link whose hub answers so, in turn; null: not at all. @param used has something been sent before? */
async function over(answers: readonly (Code | null)[], used: Promise<void> = NEVER) {
  let asked = 0;
  const start = () => {
    const code = answers[asked++] ?? null;
    return ok(code === null ? STREAM : { ...STREAM, opened: Promise.resolve(err({ code, reason: "" })) });
  };
  const link = { whenUp: () => Promise.resolve(answers.length === 0 ? null : { ownerSlot: 0, mux: { start } }) };
  const opened = await openStream({ link, service: "kme", waitMs: 0 }, new AbortController().signal, used);
  const answer = opened.ok ? await Promise.race([opened.value.opened, Promise.resolve(null)]) : null;
  return { asked, answer: answer?.ok === false ? answer.error.code : null, opened };
}

test("asked of a session that has just ended, it is asked of the next one: once", async () => {
  expect(await over(["peer-gone", null])).toMatchObject({ opened: { ok: true }, answer: null, asked: 2 });
  expect(await over(["peer-gone", "peer-gone"])).toMatchObject({ answer: "peer-gone", asked: 2 });
});

test("but not once something was sent, which nobody can have twice", async () => {
  const waiting = over([null, "peer-gone"], Promise.resolve());
  expect(await waiting).toMatchObject({ opened: { ok: true }, asked: 1 });
});

test("what is refused is not asked again", async () => {
  expect(await over(["not-allowed", null])).toMatchObject({ answer: "not-allowed", asked: 1 });
  expect(await over([])).toMatchObject({ opened: err("the tunnel is down"), asked: 0 });
});
