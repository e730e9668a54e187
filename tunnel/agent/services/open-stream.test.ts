import { expect, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import type { Code } from "../../../shared/mux/codes.ts";
import { SOCKET_SLOT, withSlots } from "../../../shared/mux/frame.ts";
import { Mux } from "../../../shared/mux/mux.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok } from "../../../shared/result.ts";
import { inWords, openStream } from "./open-stream.ts";

const NEVER = new Promise<never>(() => {});

const STREAM: MuxStream = {
  id: 1,
  slot: 0,
  service: "kme",
  queuedBytes: 0,
  read: () => Promise.resolve(null),
  write: () => Promise.resolve(),
  end: () => Promise.resolve(),
  reset: () => undefined,
  closed: Promise.resolve({ kind: "finished" }),
  opened: NEVER,
  confirm: () => undefined,
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

/** What is opened here waits for its answer. */
const patientMux = (role: "owner" | "peer", send: (message: Uint8Array) => void): Mux =>
  new Mux({ role, now: () => 0, onOpen: () => undefined, transport: { send } });

test("more than may wait for the other site's agent: the reason says so", async () => {
  const ends: { mux?: Mux; other?: Mux } = {};
  const mux = (ends.mux = patientMux("peer", (message) => ends.other?.received(withSlots(message, 1))));
  const other = (ends.other = patientMux("owner", (message) => mux.received(withSlots(message, SOCKET_SLOT))));
  const link = { whenUp: () => Promise.resolve({ ownerSlot: 0, mux }) };
  const { signal } = new AbortController();
  const open = async () => {
    const started = await openStream({ link, service: "kme", waitMs: 0 }, signal, Promise.resolve());
    const opened = started.ok ? await started.value.opened : null;
    return opened?.ok === false ? inWords(opened.error) : null;
  };
  for (let n = 0; n < LIMITS.tunnelWaitingOpens; n++) void open();
  expect(await open()).toBe("too many streams: at most 256 may wait");
  mux.lost("the test is over");
  other.lost("the test is over");
});
