import { expect, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import type { Code } from "../../../shared/mux/codes.ts";
import { SOCKET_SLOT, withSlot } from "../../../shared/mux/frame.ts";
import { Mux } from "../../../shared/mux/mux.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok } from "../../../shared/result.ts";
import { openStream } from "./open-stream.ts";

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

/** What is opened here waits for its answer. */
const patientMux = (role: "owner" | "peer", send: (frame: Uint8Array) => void): Mux =>
  new Mux({ role, now: () => 0, onOpen: () => undefined, transport: { send } });

test("more than may wait for the other site's agent: the reason says so", async () => {
  const ends: { mux?: Mux; other?: Mux } = {};
  const mux = (ends.mux = patientMux("peer", (frame) => ends.other?.received(withSlot(frame, 1))));
  const other = (ends.other = patientMux("owner", (frame) => mux.received(withSlot(frame, SOCKET_SLOT))));
  const link = { whenUp: () => Promise.resolve({ ownerSlot: 0, mux }) };
  const { signal } = new AbortController();
  const open = async () => await openStream({ link, service: "kme", waitMs: 0 }, signal);
  for (let n = 0; n < LIMITS.tunnelWaitingOpens; n++) void open();
  expect(await open()).toEqual(err("too many streams: at most 256 may wait"));
  mux.lost("the test is over");
  other.lost("the test is over");
});
