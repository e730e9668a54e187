import fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkQueue } from "./chunk-queue.ts";

test("holds what a plain list of bytes would, however it is taken out", () => {
  const size = fc.oneof(fc.nat(20), fc.integer({ min: 1000, max: 1100 }), fc.nat(5000));
  const step = fc.record({ kind: fc.constantFrom("push", "push", "shift", "take", "clear"), size, part: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queue = new ChunkQueue();
      let model: number[] = [];
      let next = 0;
      for (const { kind, size: count, part } of steps) {
        if (kind === "push") {
          const chunk = Uint8Array.from({ length: count }, () => next++ & 0xff);
          model.push(...chunk);
          queue.push(chunk);
        } else if (kind === "shift") {
          const chunk = queue.shift();
          expect([...(chunk ?? [])]).toEqual(model.splice(0, chunk?.length ?? 0));
          if (chunk === undefined) expect(model).toEqual([]);
          else expect(chunk.length).toBeGreaterThan(0);
        } else if (kind === "take") {
          const taken = Math.floor((model.length * part) / 100);
          const pieces: Uint8Array[] = [];
          queue.take(taken, (piece) => pieces.push(piece));
          expect(pieces.flatMap((piece) => [...piece])).toEqual(model.splice(0, taken));
        } else if (part < 5) {
          queue.clear();
          model = [];
        }
        expect(queue.byteLength).toBe(model.length);
      }
    }),
  );
});

test("does not write into a piece that somebody else still has", () => {
  const queue = new ChunkQueue();
  const whole = new Uint8Array([1, 2, 3, 4]);
  queue.push(whole.subarray(0, 2));
  queue.push(new Uint8Array([9]));
  expect(whole).toEqual(new Uint8Array([1, 2, 3, 4]));
  const first = queue.shift();
  queue.push(new Uint8Array([7]));
  expect(first).toEqual(new Uint8Array([1, 2, 9]));
});

test("joins small pieces only: a large one is handed out as it came", () => {
  const queue = new ChunkQueue();
  const large = new Uint8Array(60_000);
  queue.push(large);
  queue.push(new Uint8Array(1));
  expect(queue.shift()).toBe(large);
});
