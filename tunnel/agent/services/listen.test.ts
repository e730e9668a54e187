import { once } from "node:events";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { type StreamEnd, StreamError } from "../../../shared/mux/codes.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { ok } from "../../../shared/result.ts";
import { connectTo, Lines } from "../../../test/support/tunnel-agent.ts";
import { Listener } from "./listen.ts";
import { pump } from "./pump.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** A stream to a service that takes nothing, and says what the test says. @param queuedBytes that wait for it */
function frozenService(queuedBytes: number) {
  const { promise: closed, resolve: close } = Promise.withResolvers<StreamEnd>();
  const [written, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let say = Promise.withResolvers<Uint8Array | null>();
  const broken = closed.then((end): never => {
    throw new StreamError(end.kind === "reset" ? end : { code: "unspecified", reason: "" });
  });
  broken.catch(() => undefined);
  const stream: MuxStream = {
    id: 1,
    slot: 0,
    service: "kme",
    queuedBytes,
    closed,
    opened: new Promise(() => {}),
    confirm: () => undefined,
    read: async () => await Promise.race([say.promise, broken]),
    write: async () => {
      written.resolve();
      if (queuedBytes > 0) await broken;
    },
    end: async () => {
      ended.resolve();
      await broken;
    },
    reset: (code, reason = "") => close({ kind: "reset", by: "here", code, reason }),
  };
  return {
    stream,
    /** The client's first bytes have come, or its end. */
    written: written.promise,
    ended: ended.promise,
    says: (text: string) => {
      const { resolve } = say;
      say = Promise.withResolvers();
      resolve(Buffer.from(text));
    },
  };
}

async function listening(queuedBytes = 0) {
  const service = frozenService(queuedBytes);
  const lines = new Lines();
  const listener = await Listener.start({
    bind: "127.0.0.1",
    port: 0,
    subject: { service: "kme" },
    log: lines.log,
    open: () => Promise.resolve(ok(service.stream)),
    carry: pump,
  });
  onTestFinished(() => listener.close());
  return { service, lines, client: await connectTo(listener.port) };
}

test.each([
  ["that has ended", 0, "its client has ended, and the service says nothing"],
  ["that has gone with bytes unsent, or waits", 100_000, "the service takes nothing and says nothing"],
])("a client %s, before a frozen service: broken off after a while", async (_, queuedBytes, reason) => {
  const { service, lines, client } = await listening(queuedBytes);
  client.end("bytes that nobody takes");
  await (queuedBytes > 0 ? service.written : service.ended);
  vi.advanceTimersByTime(LIMITS.agentFrozenMs - 1);
  expect(lines.count("broken off")).toBe(0);
  const error = once(client, "error");
  // In the first of these times the bytes may have come.
  vi.advanceTimersByTime(LIMITS.agentFrozenMs + 1);
  expect(((await error) as [NodeJS.ErrnoException])[0].code).toBe("ECONNRESET");
  expect(await service.stream.closed).toMatchObject({ kind: "reset", code: "service-failed" });
  expect(await lines.seen("broken off")).toMatchObject({ level: "warn", fields: { service: "kme", reason } });
});

test("one that waits for an answer gets it, as long as some of it comes in time", async () => {
  const { service, lines, client } = await listening();
  client.end("a question");
  await service.ended;
  for (const text of ["one", "two"]) {
    vi.advanceTimersByTime(LIMITS.agentFrozenMs - 1);
    service.says(text);
    expect(String((await once(client, "data"))[0])).toBe(text);
  }
  vi.advanceTimersByTime(LIMITS.agentFrozenMs - 1);
  expect(lines.count("broken off")).toBe(0);
});

test("one that has not ended stays, however long it is silent", async () => {
  const { service, lines, client } = await listening();
  client.write("bytes");
  await service.written;
  vi.advanceTimersByTime(10 * LIMITS.agentFrozenMs);
  service.says("still here");
  expect(String((await once(client, "data"))[0])).toBe("still here");
  expect(lines.count("broken off")).toBe(0);
});
