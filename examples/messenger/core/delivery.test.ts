import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BOUNDS } from "./bounds.ts";
import { utf8 } from "./bytes.ts";
import { Incoming } from "./incoming.ts";
import { Outgoing } from "./outgoing.ts";

const large = new Uint8Array(BOUNDS.chunkBytes);
const inbound = (message = utf8("x")) => ({ message, keyId: "k" });

const filled = (count: number, message = utf8("x")) => {
  const outgoing = new Outgoing<number>();
  for (let tag = 1; tag <= count; tag++) outgoing.add({ message, tag }, "urgent");
  return outgoing;
};
const sendAll = (outgoing: Outgoing<number>, nowMs: number): readonly number[] => {
  const sent: number[] = [];
  for (let next = outgoing.next(nowMs); next !== null; next = outgoing.next(nowMs)) sent.push(next.item.tag);
  return sent;
};

describe("outgoing", () => {
  test("no more is on its way than a window of bytes, and of messages", () => {
    const few = filled(20, large);
    const fitting = Math.floor(BOUNDS.windowBytes / large.length);
    expect(sendAll(few, 0).length).toBe(fitting);
    few.acknowledge(2, 0);
    expect(sendAll(few, 0)).toEqual([fitting + 1, fitting + 2]);
    const many = filled(BOUNDS.windowMessages + 5);
    expect(sendAll(many, 0).length).toBe(BOUNDS.windowMessages);
  });

  test("what people type goes before what a file still has to send", () => {
    const outgoing = new Outgoing<string>();
    for (const tag of ["chunk 1", "chunk 2"]) outgoing.add({ message: large, tag }, "bulk");
    outgoing.add({ message: utf8("x"), tag: "text" }, "urgent");
    expect([outgoing.next(0), outgoing.next(0)].map((next) => next?.item.tag)).toEqual(["text", "chunk 1"]);
    expect(outgoing.waitingBulk).toBe(1);
    outgoing.withdraw((tag) => tag.startsWith("chunk"));
    expect(outgoing.next(0)).toBeNull();
  });

  test("no more waits than the bound says, and who adds more is told", () => {
    const outgoing = filled(BOUNDS.waitingMessages);
    expect(outgoing.add({ message: utf8("x"), tag: 0 }, "urgent")).toBe(false);
  });

  test("where nothing is heard all is sent again, ever less often, and counted", () => {
    const outgoing = filled(3);
    sendAll(outgoing, 0);
    expect(sendAll(outgoing, BOUNDS.resendMs - 1)).toEqual([]);
    const againMs = [1, 3, 7, 15].map((pauses) => pauses * BOUNDS.resendMs);
    for (const [i, atMs] of againMs.entries()) {
      expect(sendAll(outgoing, atMs - 1)).toEqual([]);
      expect(sendAll(outgoing, atMs)).toEqual([1, 2, 3]);
      expect(outgoing.silentResends).toBe(i + 1);
    }
    outgoing.acknowledge(1, 30_000);
    expect(outgoing.silentResends).toBe(0);
    expect(sendAll(outgoing, 30_000 + BOUNDS.resendMs)).toEqual([2, 3]);
  });

  test("that time goes by without a way or a key to send by is not held against the way", () => {
    const outgoing = filled(1);
    sendAll(outgoing, 0);
    for (let nowMs = 0; nowMs < 60_000; nowMs += 500) outgoing.peek(nowMs);
    expect(outgoing.silentResends).toBe(0);
  });
});

describe("incoming", () => {
  test("whatever comes, each is given out once and in order, and little is kept", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 200 }), (numbers) => {
        const [incoming, out] = [new Incoming(), [] as number[]];
        for (const number of numbers) {
          for (const { message } of incoming.take(number, inbound(Uint8Array.of(number)))) out.push(message[0]!);
        }
        expect(out).toEqual(Array.from({ length: incoming.acknowledged }, (_, i) => i + 1));
        const come = new Set(numbers);
        for (let number = 1; number <= incoming.acknowledged; number++) expect(come).toContain(number);
      }),
    );
  });

  test("what came before takes up nothing, and what is early no more than a window", () => {
    const incoming = new Incoming();
    incoming.take(1, inbound());
    for (let i = 0; i < 100; i++) incoming.take(1, inbound(large));
    const fitting = Math.floor(BOUNDS.windowBytes / large.length);
    for (let number = 3; number < 3 + fitting + 5; number++) incoming.take(number, inbound(large));
    expect(incoming.take(2, inbound()).length).toBe(1 + fitting);
    expect(incoming.take(incoming.acknowledged + BOUNDS.windowMessages + 1, inbound())).toEqual([]);
  });
});
