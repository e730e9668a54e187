import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import type { StreamEnd } from "./codes.ts";
import type { MuxLimits } from "./config.ts";
import type { Mux } from "./mux.ts";
import { type Path, SimulatedClock, SimulatedNetwork, seededRandom } from "../../test/support/mux-simulation.ts";
import type { IncomingOpen, MuxStream } from "./stream.ts";
import { noPause, readAll, sendAll } from "../../test/support/mux-traffic.ts";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Little of everything, so that the bounds are met all the time. */
const SMALL: Partial<MuxLimits> = {
  streams: 16,
  receiveBudgetBytes: 80 * 1024,
  floorWindowBytes: 4096,
  firstWindowBytes: 8192,
  windowBytes: 32 * 1024,
  frameBytes: 4096,
  sendBufferBytes: 4096,
  aheadBytes: 4096,
  interactiveBytes: 512,
};

/** What happens on a stream; its service's name carries it to the other end. */
interface Plan {
  readonly key: number;
  readonly toAcceptorBytes: number;
  readonly toOpenerBytes: number;
  /** The acceptor resets it after so many; 0 for never. */
  readonly resetBytes: number;
}

/** Everything random of one run follows from its seed. */
class Dice {
  readonly random: () => number;
  readonly clock: SimulatedClock;

  constructor(seed: number, clock: SimulatedClock) {
    this.random = seededRandom(seed);
    this.clock = clock;
  }

  pick(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  /** Writers' sizes: some write a few bytes at a time, some much. */
  sizes(): () => number {
    const most = 10 ** (1.7 + 3.3 * this.random());
    return () => this.pick(1, Math.ceil(most));
  }

  /** Half of all readers and writers are in no hurry. */
  pace(): () => Promise<void> {
    const pauseMs = this.random() < 0.5 ? 0 : this.random() * 10;
    return () => (pauseMs > 0 && this.random() < 0.3 ? this.clock.sleep(pauseMs) : noPause());
  }

  path(): Path {
    return {
      delayMs: this.random() < 0.5 ? this.random() : this.random() * 80,
      jitterMs: this.random() < 0.5 ? 0 : this.random() * 20,
      bytesPerMs: 10 ** (1.5 + 4 * this.random()),
      bufferBytes: this.pick(0, 100_000),
    };
  }
}

interface Outcome {
  readonly plan: Plan;
  readonly end: StreamEnd;
  readonly whole: boolean;
}

/** Sends one's half of the plan and reads the other's, both at once. */
async function converse(stream: MuxStream, side: "opener" | "acceptor", dice: Dice): Promise<Outcome> {
  const plan = JSON.parse(stream.service) as Plan;
  const [ownBytes, theirBytes] = [plan.toAcceptorBytes, plan.toOpenerBytes];
  const seen = { bytes: 0 };
  const opener = side === "opener";
  const pause = dice.pace();
  const readerPause = async (): Promise<void> => {
    if (!opener && plan.resetBytes > 0 && seen.bytes >= plan.resetBytes) stream.reset("cancelled", "enough");
    await pause();
  };
  const outcomes = await Promise.allSettled([
    sendAll(stream, plan.key + (opener ? 0 : 1), opener ? ownBytes : theirBytes, dice.sizes(), dice.pace()),
    readAll(stream, plan.key + (opener ? 1 : 0), readerPause, seen),
  ]);
  const failures = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason as Error] : []));
  for (const failure of failures) if (failure.name !== "StreamError") throw failure;
  if (failures.length > 0) stream.reset("cancelled");
  const whole = failures.length === 0 && seen.bytes === (opener ? theirBytes : ownBytes);
  return { plan, end: await stream.closed, whole };
}

async function play(seed: number): Promise<void> {
  const clock = new SimulatedClock(settle);
  const dice = new Dice(seed, clock);
  const small = dice.random() < 0.6;
  const scale = small ? 40_000 : 600_000;
  const outcomes: Promise<Outcome | null>[] = [];
  const answer = async (open: IncomingOpen): Promise<Outcome | null> => {
    if (dice.random() < 0.3) await clock.sleep(dice.random() * 50);
    if (dice.random() < 0.9) return converse(open.accept(), "acceptor", dice);
    open.refuse("dial-failed");
    return null;
  };
  const network = new SimulatedNetwork(
    {
      clock,
      random: dice.random,
      onOpen: (open) => outcomes.push(answer(open)),
      ...(small ? { limits: SMALL, markBytes: 4096 } : {}),
    },
    dice.path(),
  );
  const peers = Array.from({ length: dice.pick(1, 4) }, () => network.connect(dice.path()));
  const muxes = network.muxes();
  const begin = async (key: number): Promise<Outcome | null> => {
    const { slot, mux } = peers[dice.pick(0, peers.length - 1)] ?? { slot: 0, mux: network.owner.mux };
    await clock.sleep(dice.random() * 200);
    const resetBytes = dice.random() < 0.15 ? dice.pick(1, scale) : 0;
    const plan: Plan = { key, toAcceptorBytes: dice.pick(0, scale), toOpenerBytes: dice.pick(0, scale), resetBytes };
    const byOwner = dice.random() < 0.3;
    const opened = await (byOwner ? network.owner.mux : mux).open(byOwner ? slot : 0, JSON.stringify(plan));
    return opened.ok ? converse(opened.value, "opener", dice) : null;
  };
  const streams = dice.pick(1, 14);
  for (let number = 0; number < streams; number++) outcomes.push(begin(2 * number));
  const fate = dice.random();
  if (fate < 0.25) clock.at(dice.random() * 1000, () => network.cutPeer(1));
  else if (fate < 0.35) clock.at(dice.random() * 1000, () => network.cutOwner());
  await clock.run(() => muxes.forEach((mux) => checkAlways(mux, small)));
  // Nothing is left to happen: whoever still waits would wait for ever.
  const first = await Promise.race([Promise.allSettled(outcomes), settle().then(() => "deadlock" as const)]);
  expect(first).not.toBe("deadlock");
  for (const outcome of await Promise.all(outcomes)) checkOutcome(outcome, fate >= 0.35);
  expect(network.culprits).toEqual([]);
  expect(muxes.map((mux) => [mux.gauges.streams, mux.heldBytes])).toEqual(muxes.map(() => [0, 0]));
}

function checkAlways({ heldBytes, gauges }: Mux, small: boolean): void {
  const budgetBytes = small ? (SMALL.receiveBudgetBytes ?? 0) : LIMITS.tunnelReceiveBudgetBytes;
  if (heldBytes > budgetBytes || heldBytes < 0) throw new Error(`holds ${heldBytes} of ${budgetBytes}`);
  if (gauges.faults > 0 || gauges.creditExceeded > 0) throw new Error("own frames break the protocol");
}

function checkOutcome(outcome: Outcome | null, undisturbed: boolean): void {
  if (outcome === null) return;
  const { plan, end, whole } = outcome;
  if (end.kind === "finished") expect({ plan, whole }).toEqual({ plan, whole: true });
  if (undisturbed && plan.resetBytes === 0) expect({ plan, end }).toEqual({ plan, end: { kind: "finished" } });
}

test("bytes arrive whole and in order, or the stream ends with an error; nobody waits for ever", async () => {
  await fc.assert(fc.asyncProperty(fc.integer(), play), { numRuns: 60 });
});
