import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameReader, frameOf } from "./framing.ts";

/** XML never has the mark of 1.0 in it. */
const message = fc.string({ minLength: 1, maxLength: 300 }).filter((text) => !`${text}]]>`.includes("]]>]]>"));

const all = (reader: FrameReader): string[] => {
  const taken: string[] = [];
  for (;;) {
    const next = reader.next();
    if (!next.ok) throw new Error(next.error);
    if (next.value === null) return taken;
    taken.push(next.value.toString("utf8"));
  }
};

test("messages come out as they went in, however they are cut", () => {
  const version = fc.constantFrom("1.0", "1.1");
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
  fc.assert(
    fc.property(version, fc.array(message, { maxLength: 5 }), cuts, (framing, messages, sizes) => {
      const wire = Buffer.concat(
        messages.map((text) => frameOf(framing, [Buffer.from(text.slice(0, 2)), Buffer.from(text.slice(2))])),
      );
      const reader = new FrameReader();
      reader.switchTo(framing);
      const got: string[] = [];
      for (let at = 0, turn = 0; at < wire.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        reader.push(wire.subarray(at, at + size));
        at += size;
        got.push(...all(reader));
      }
      expect(got).toEqual(messages.map((text) => Buffer.from(text).toString("utf8")));
    }),
  );
});

test("a message in two chunks, after half of one that is not whole", () => {
  const reader = new FrameReader();
  reader.switchTo("1.1");
  reader.push(Buffer.from("\n#4\n<rpc\n#3"));
  expect(reader.next()).toEqual({ ok: true, value: null });
  reader.push(Buffer.from("\n />\n##\n"));
  expect(all(reader)).toEqual(["<rpc />"]);
});

test.each([
  "x",
  "\n#0\n",
  "\n#01\nx",
  "\n##\n",
  "\n#4294967296\n",
  "\n#99999999999\n",
  "\n#1x\n",
  "\n#\nx",
  "\n#1\nab",
  "#1\na",
  "\n#-1\n",
  "\n#99999999999999",
])("%j is no chunk", (wire) => {
  const reader = new FrameReader();
  reader.switchTo("1.1");
  reader.push(Buffer.from(wire));
  const first = reader.next();
  expect(first.ok ? reader.next() : first).toMatchObject({ ok: false });
  reader.push(Buffer.from("\n#1\na\n##\n"));
  expect(reader.next()).toMatchObject({ ok: false });
});

test("nothing is kept beyond the bound", () => {
  for (const [version, wire] of [
    ["1.0", "x".repeat(200)],
    ["1.1", "\n#101\n"],
    ["1.1", `\n#60\n${"x".repeat(60)}\n#60\n`],
  ] as const) {
    const reader = new FrameReader(100);
    reader.switchTo(version);
    reader.push(Buffer.from(wire));
    expect(reader.next()).toMatchObject({ ok: false });
  }
});

test("whatever comes, it is a message, a fault, or too little", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("1.0", "1.1"),
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 30 }),
          fc.constantFrom("\n#3\n", "\n##\n", "]]>]]>", "abc").map((text) => Buffer.from(text)),
        ),
      ),
      (version, pieces) => {
        const reader = new FrameReader(64);
        reader.switchTo(version);
        for (const piece of pieces) {
          reader.push(piece);
          for (let next = reader.next(); next.ok && next.value !== null; next = reader.next())
            expect(next.value.length).toBeLessThanOrEqual(64);
        }
      },
    ),
  );
});
