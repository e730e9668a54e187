import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameFault, frameHead, FrameReader } from "./frames.ts";

const MAX_BYTES = 300;

const framed = (messages: readonly Uint8Array[]): Buffer =>
  Buffer.concat(messages.flatMap((message) => [frameHead(message), message]));

test("whatever the segments, the messages come out as they went in", () => {
  const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 10 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, sizes) => {
      const [bytes, reader] = [framed(sent), new FrameReader(MAX_BYTES)];
      const heard: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        heard.push(...reader.push(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(heard).toEqual(sent);
    }),
  );
});

test.each([0, MAX_BYTES + 1, 0xffff_ffff])("a length of %d is refused before anything is kept", (bytes) => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes);
  expect(() => [...new FrameReader(MAX_BYTES).push(head)]).toThrow(FrameFault);
});
