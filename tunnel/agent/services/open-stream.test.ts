import { expect, test } from "vitest";
import type { Code } from "../../../shared/mux/codes.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok } from "../../../shared/result.ts";
import { openStream } from "./open-stream.ts";

const STREAM: MuxStream = {
  id: 1,
  slot: 0,
  service: "kme",
  read: () => Promise.resolve(null),
  write: () => Promise.resolve(),
  end: () => Promise.resolve(),
  reset: () => undefined,
  closed: Promise.resolve({ kind: "finished" }),
};

/** Opens over a link whose hub answers so, in turn; null: with the stream. */
async function over(...answers: (Code | null)[]) {
  let asked = 0;
  const open = () => {
    const code = answers[asked++] ?? null;
    return Promise.resolve(code === null ? ok(STREAM) : err({ code, reason: "" }));
  };
  const link = { whenUp: () => Promise.resolve(answers.length === 0 ? null : { ownerSlot: 0, mux: { open } }) };
  const opened = await openStream({ link, service: "kme", waitMs: 0 }, new AbortController().signal);
  return { opened, asked };
}

test("asked of a session that has just ended, it is asked of the next one: once", async () => {
  expect(await over("peer-gone", null)).toEqual({ opened: ok(STREAM), asked: 2 });
  expect(await over("peer-gone", "peer-gone", null)).toEqual({ opened: err("the other end left the hub"), asked: 2 });
});

test("what is refused is not asked again", async () => {
  expect(await over("not-allowed", null)).toEqual({ opened: err("the service is not for this caller"), asked: 1 });
  expect(await over()).toEqual({ opened: err("the tunnel is down"), asked: 0 });
});
