import fc from "fast-check";
import { expect, test } from "vitest";
import { OutgoingMessage } from "./message.ts";
import { Scheduler, type Sender } from "./scheduler.ts";

const LIMITS = { interactiveBytes: 100, frameBytes: 4000, turnBytes: 1000 };
const ROOM_BYTES = 10_000;

class Queue implements Sender {
  queuedBytes = 0;
  credited = true;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }

  get sendable(): boolean {
    return this.credited && this.queuedBytes > 0;
  }

  takeFrame(message: OutgoingMessage, maxPayloadBytes: number): void {
    const bytes = Math.min(this.queuedBytes, maxPayloadBytes);
    this.queuedBytes -= bytes;
    message.add(new Uint8Array(bytes + 1).fill(this.name, 0, 1));
  }
}

/** The next frame; null where nobody has any. */
function next(scheduler: Scheduler, roomBytes = ROOM_BYTES): Uint8Array | null {
  const message = new OutgoingMessage();
  return scheduler.next(message, roomBytes) ? message.bytes((bytes) => new Uint8Array(bytes)) : null;
}

function add(scheduler: Scheduler, queue: Queue, bytes: number): void {
  queue.queuedBytes += bytes;
  scheduler.wake(queue);
}

const order = (scheduler: Scheduler, turns: number): (number | undefined)[] =>
  Array.from({ length: turns }, () => next(scheduler)?.[0]);

test("streams with much to send take turns; one with little goes first, once a round", () => {
  const scheduler = new Scheduler(LIMITS);
  const [a, b, small] = [new Queue(1), new Queue(2), new Queue(9)];
  add(scheduler, a, 5000);
  add(scheduler, b, 5000);
  expect(order(scheduler, 3)).toEqual([1, 2, 1]);
  add(scheduler, small, 50);
  expect(order(scheduler, 1)).toEqual([9]);
  add(scheduler, small, 50);
  expect(order(scheduler, 4)).toEqual([2, 1, 9, 2]);
});

test("a stream that is always topped up with little does not keep the others waiting", () => {
  const scheduler = new Scheduler(LIMITS);
  const bulk = new Queue(1);
  const chatty = [new Queue(2), new Queue(3), new Queue(4)];
  add(scheduler, bulk, 1_000_000);
  let turns = 0;
  for (let turn = 0; turn < 400; turn++) {
    for (const each of chatty) if (each.queuedBytes === 0) add(scheduler, each, 100);
    if (next(scheduler)?.[0] === 1) turns++;
  }
  expect(turns).toBeGreaterThanOrEqual(100 - 1);
});

test("who has no credit loses the turn and gets it back when woken; who is removed, never", () => {
  const scheduler = new Scheduler(LIMITS);
  const [a, b] = [new Queue(1), new Queue(2)];
  a.credited = false;
  add(scheduler, a, 5000);
  add(scheduler, b, 2500);
  expect(order(scheduler, 1)).toEqual([2]);
  a.credited = true;
  scheduler.wake(a);
  expect(order(scheduler, 1)).toEqual([1]);
  scheduler.remove(a);
  expect(next(scheduler)).toBeNull();
});

test("alone, a stream sends large frames; never more than there is room for", () => {
  const scheduler = new Scheduler(LIMITS);
  const [a, b] = [new Queue(1), new Queue(2)];
  add(scheduler, a, 9000);
  expect(next(scheduler)).toHaveLength(1 + LIMITS.frameBytes);
  expect(next(scheduler, 77)).toHaveLength(1 + 77);
  add(scheduler, b, 9000);
  expect(next(scheduler)).toHaveLength(1 + LIMITS.turnBytes);
});

test("all bytes leave, in frames within bounds, and nobody is passed over for more than a round", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 3000 })), { maxLength: 100 }), (adds) => {
      const scheduler = new Scheduler(LIMITS);
      const queues = [0, 1, 2, 3, 4].map((name) => new Queue(name));
      let total = 0;
      for (const [at, bytes] of adds) {
        total += bytes;
        add(scheduler, queues[at] ?? new Queue(5), bytes);
      }
      const waited = new Map<number, number>();
      for (let frame = next(scheduler); frame !== null; frame = next(scheduler)) {
        total -= frame.length - 1;
        expect(frame.length - 1).toBeLessThanOrEqual(LIMITS.frameBytes);
        for (const { name, queuedBytes } of queues) {
          const turns = name === frame[0] || queuedBytes === 0 ? 0 : (waited.get(name) ?? 0) + 1;
          waited.set(name, turns);
          expect(turns).toBeLessThanOrEqual(2 * queues.length);
        }
      }
      expect(total).toBe(0);
    }),
  );
});
