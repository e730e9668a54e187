import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import type { Mux } from "./mux.ts";
import { type Path, SimulatedClock, SimulatedNetwork, seededRandom } from "../../test/support/mux-simulation.ts";
import type { IncomingOpen, MuxStream, Stream } from "./stream.ts";
import { noPause, readAll, sendAll } from "../../test/support/mux-traffic.ts";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const LOOPBACK: Path = { delayMs: 0.075, jitterMs: 0, bytesPerMs: 200_000, bufferBytes: 65_536 };
const FAR: Path = { delayMs: 25, jitterMs: 0, bytesPerMs: 50_000, bufferBytes: 65_536 };
const windowOf = (stream: MuxStream): number => (stream as Stream).window.windowBytes;
const bufferedOf = (stream: MuxStream): number => (stream as Stream).bufferedBytes;

function accepting(use: (stream: MuxStream) => void): (open: IncomingOpen) => void {
  return (open) => use(open.accept());
}

async function openOrFail(from: Mux, slot = 0, service = "x"): Promise<MuxStream> {
  const opened = await from.open(slot, service);
  if (!opened.ok) throw new Error(opened.error.code);
  return opened.value;
}

/** One bulk stream over that path; @returns the largest window and bytes per ms */
async function bulk(path: Path, total: number): Promise<{ largest: number; last: number; rate: number }> {
  const clock = new SimulatedClock(settle);
  let accepted: MuxStream | undefined;
  const network = new SimulatedNetwork(
    {
      clock,
      random: seededRandom(2),
      onOpen: accepting((stream) => {
        accepted = stream;
        void readAll(stream, 0, noPause).then(() => stream.end());
      }),
    },
    path,
  );
  const { mux } = network.connect(path);
  const sending = openOrFail(mux).then((stream) => sendAll(stream, 0, total, () => 65_536, noPause));
  let largest = 0;
  await clock.run(() => {
    largest = Math.max(largest, accepted === undefined ? 0 : windowOf(accepted));
  });
  await sending;
  return { largest, last: accepted === undefined ? 0 : windowOf(accepted), rate: total / clock.nowMs };
}

describe("flow control", () => {
  test("a reader that is frozen is sent its window and no more, and stops nobody else", async () => {
    const clock = new SimulatedClock(settle);
    const accepted: MuxStream[] = [];
    const read = { frozen: 0, other: 0 };
    const network = new SimulatedNetwork(
      {
        clock,
        random: seededRandom(1),
        onOpen: accepting((stream) => {
          accepted.push(stream);
          if (stream.service === "other") void readAll(stream, 0, noPause).then((bytes) => (read.other = bytes));
        }),
      },
      LOOPBACK,
    );
    const { mux } = network.connect(LOOPBACK);
    const start = async (): Promise<void> => {
      const frozen = await openOrFail(mux, 0, "frozen");
      void sendAll(frozen, 0, 50_000_000, () => 65_536, noPause).catch(() => {});
      const other = await openOrFail(mux, 0, "other");
      await sendAll(other, 0, 20_000_000, () => 65_536, noPause);
    };
    const started = start();
    await clock.run(() => {
      for (const stream of accepted) expect(bufferedOf(stream)).toBeLessThanOrEqual(LIMITS.tunnelWindowBytes);
    });
    await started;
    expect(read.other).toBe(20_000_000);
    const [frozen] = accepted;
    expect(frozen && bufferedOf(frozen)).toBe(LIMITS.tunnelFirstWindowBytes);
    expect(mux.gauges.creditStalls).toBeGreaterThan(0);
    mux.close("cancelled", "test over");
    await clock.run(() => {});
    expect(network.owner.mux.heldBytes).toBe(0);
  });

  test("the window reaches 1 MiB at 100 ms, and stays small on loopback", async () => {
    const far = await bulk(FAR, 30_000_000);
    expect(far.largest).toBe(LIMITS.tunnelWindowBytes);
    expect(far.rate).toBeGreaterThan(6500); // of 10,486, window / round trip, with the start
    const near = await bulk(LOOPBACK, 30_000_000);
    expect(near.largest).toBeLessThanOrEqual(256 * 1024);
    expect(near.rate).toBeGreaterThan(100_000); // of 200,000: whole messages wait at the hub
  });

  test("a window shrinks again when its reader slows down", async () => {
    const clock = new SimulatedClock(settle);
    let slow = false;
    let accepted: MuxStream | undefined;
    const network = new SimulatedNetwork(
      {
        clock,
        random: seededRandom(3),
        onOpen: accepting((stream) => {
          accepted = stream;
          void readAll(stream, 0, () => (slow ? clock.sleep(800) : noPause())).then(() => stream.end());
        }),
      },
      FAR,
    );
    const { mux } = network.connect(FAR);
    const sending = openOrFail(mux).then((stream) => sendAll(stream, 0, 40_000_000, () => 65_536, noPause));
    const sizes: number[] = [];
    await clock.run(() => {
      if (accepted === undefined) return;
      const size = windowOf(accepted);
      if (size !== sizes.at(-1)) sizes.push(size);
      slow = Math.max(...sizes) === LIMITS.tunnelWindowBytes;
    });
    await sending;
    expect(Math.max(...sizes)).toBe(LIMITS.tunnelWindowBytes);
    expect(sizes.at(-1)).toBe(LIMITS.tunnelFirstWindowBytes);
  });

  test("a thousand idle streams each hold credit, and one that moves then still grows", async () => {
    const clock = new SimulatedClock(settle);
    const limits = { streamsPerSlot: 1024, waitingOpens: 1024 };
    const accepted: MuxStream[] = [];
    const network = new SimulatedNetwork(
      {
        clock,
        random: seededRandom(4),
        limits,
        onOpen: accepting((stream) => {
          accepted.push(stream);
          if (stream.service === "moving") void readAll(stream, 0, noPause);
        }),
      },
      FAR,
    );
    const { mux } = network.connect(FAR);
    const start = async (): Promise<void> => {
      const opened = await Promise.all(Array.from({ length: 1000 }, () => openOrFail(mux, 0, "idle")));
      expect(opened).toHaveLength(1000);
      const moving = await openOrFail(mux, 0, "moving");
      await sendAll(moving, 0, 3_000_000, () => 65_536, noPause);
    };
    const started = start();
    let moved = 0;
    await clock.run(() => {
      expect(network.owner.mux.heldBytes).toBeLessThanOrEqual(LIMITS.tunnelReceiveBudgetBytes);
      const moving = accepted[1000] as Stream | undefined;
      moved = Math.max(moved, moving?.window.heldBytes ?? 0);
    });
    await started;
    const floors = accepted.slice(0, 1000).map((stream) => (stream as Stream).window.heldBytes);
    expect(Math.min(...floors)).toBeGreaterThanOrEqual(LIMITS.tunnelFloorWindowBytes);
    expect(moved).toBeGreaterThanOrEqual(512 * 1024);
  });
});

describe("whose turn it is", () => {
  const NARROW: Path = { delayMs: 1, jitterMs: 0, bytesPerMs: 10_000, bufferBytes: 65_536 };

  test("four bulk streams of two peers get the same", async () => {
    const clock = new SimulatedClock(settle);
    const seen = new Map<string, { bytes: number }>();
    const network = new SimulatedNetwork(
      {
        clock,
        random: seededRandom(5),
        onOpen: accepting((stream) => {
          const counted = { bytes: 0 };
          seen.set(stream.service, counted);
          void readAll(stream, 0, noPause, counted).catch(() => {});
        }),
      },
      { ...NARROW, bytesPerMs: 1e6 },
    );
    const muxes = [network.connect(NARROW).mux, network.connect(NARROW).mux];
    for (const name of ["a", "b", "c", "d"]) {
      const mux = muxes["ab".includes(name) ? 0 : 1] ?? network.owner.mux;
      void openOrFail(mux, 0, name)
        .then((stream) => sendAll(stream, 0, 1e9, () => 50_000, noPause))
        .catch(() => {});
    }
    await clock.run(() => {}, 2000);
    const bytes = [...seen.values()].map((each) => each.bytes);
    expect(bytes).toHaveLength(4);
    expect(Math.min(...bytes)).toBeGreaterThan(0.85 * Math.max(...bytes));
    for (const mux of muxes) mux.close("cancelled");
    await clock.run(() => {}, 2500);
  });

  test("an interactive stream waits for what is ahead in the transport, not for the bulk behind it", async () => {
    const clock = new SimulatedClock(settle);
    const network = new SimulatedNetwork(
      {
        clock,
        random: seededRandom(6),
        onOpen: accepting((stream) => {
          const echo = async (): Promise<void> => {
            for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
              if (stream.service === "echo") await stream.write(chunk);
            }
            await stream.end();
          };
          void echo();
        }),
      },
      { ...NARROW, bytesPerMs: 1e6 },
    );
    const { mux } = network.connect(NARROW);
    const started = Array.from({ length: 4 }, async () => {
      const stream = await openOrFail(mux, 0, "bulk");
      await sendAll(stream, 0, 5_000_000, () => 65_536, noPause);
    });
    const trips: number[] = [];
    const interact = async (): Promise<void> => {
      const stream = await openOrFail(mux, 0, "echo");
      for (let turn = 0; turn < 50; turn++) {
        await clock.sleep(10);
        const sentMs = clock.nowMs;
        await stream.write(new Uint8Array(100));
        await stream.read();
        trips.push(clock.nowMs - sentMs);
      }
      await stream.end();
    };
    started.push(interact());
    await clock.run(() => {});
    await Promise.all(started);
    // 4 ms of path, and at 10,000 bytes/ms: 64 KiB of buffer, 64 KiB ahead, a frame each under way.
    expect(Math.max(...trips)).toBeLessThan(4 + 4 * 6.6);
    expect(trips).toHaveLength(50);
  });
});
