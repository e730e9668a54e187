import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../limits.ts";
import { BitReader, BitWriter } from "./bit-stream.ts";
import { Conversation } from "./conversation.ts";
import { headOf, HEAD_BYTES, type MessageType, MESSAGE_TYPES, sealed } from "./envelope.ts";
import { decodeGaps, encodeGaps, riceOf } from "./gaps.ts";
import { type Bodies, decodeBody, encodeBody } from "./messages.ts";
import { MessageStream } from "./message-stream.ts";
import { type BlockParameters, parametersProblem } from "./parameters.ts";
import { packSymbols, unpackSymbols } from "./symbols.ts";
import { parametersFor, playBlock } from "./test-link.ts";

const ascending = (gaps: readonly number[]): Float64Array => {
  let next = 0;
  return Float64Array.from(gaps, (gap) => {
    const number = next + gap;
    next = number + 1;
    return number;
  });
};

describe("gaps", () => {
  const aGap = fc.oneof(
    fc.nat({ max: 3 }),
    fc.nat({ max: 500 }),
    fc.nat({ max: 2 ** 31 - 1 }),
    fc.integer({ min: 0, max: 2 ** 50 }),
  );

  test("come back, whatever k", () => {
    fc.assert(
      fc.property(fc.array(aGap, { maxLength: 7 }), fc.nat({ max: 24 }), (gaps, rice) => {
        const numbers = ascending(gaps);
        const bytes = encodeGaps(numbers, rice);
        expect(decodeGaps(bytes, numbers.length, rice, Number.MAX_SAFE_INTEGER)).toEqual(numbers);
      }),
      { numRuns: 500 },
    );
  });

  test("any bytes are refused or the one encoding of what they say", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.nat({ max: 60 }), fc.nat({ max: 26 }), (bytes, count, rice) => {
        const numbers = decodeGaps(bytes, count, rice, 2 ** 53);
        if (numbers !== null) expect(encodeGaps(numbers, rice)).toEqual(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test("a number beyond the run's pulses is refused, and a count that the bytes cannot hold before it is allocated", () => {
    const bytes = encodeGaps(ascending([5, 0, 10]), 2);
    expect(decodeGaps(bytes, 3, 2, 18)).not.toBeNull();
    expect(decodeGaps(bytes, 3, 2, 17)).toBeNull();
    expect(decodeGaps(bytes, 2 ** 40, 2, 2 ** 53)).toBeNull();
  });

  test("take within 0.1 bit of the entropy of a channel's gaps", () => {
    const probability = 5e-3;
    let state = 12345;
    const gaps = Array.from({ length: 50_000 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor(Math.log((state + 1) / 2 ** 32) / Math.log1p(-probability));
    });
    const numbers = ascending(gaps);
    const bits = (8 * encodeGaps(numbers, riceOf(numbers.length, numbers.at(-1)! + 1)).length) / numbers.length;
    expect(bits).toBeLessThan(Math.log2(1 / probability) + Math.LOG2E + 0.1);
  });
});

test("bits come back in order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 24 }), fc.nat({ max: 2 ** 24 - 1 }))), (fields) => {
      const writer = new BitWriter(1);
      for (const [bits, value] of fields) writer.put(value % 2 ** bits, bits);
      const reader = new BitReader(writer.finish());
      expect(fields.map(([bits]) => reader.take(bits))).toEqual(fields.map(([bits, value]) => value % 2 ** bits));
      expect(reader.finished).toBe(true);
    }),
  );
});

test("symbols come back, and padding that is not zero is refused", () => {
  for (const width of [1, 2] as const) {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 ** width - 1 }), { maxLength: 40 }), (symbols) => {
        const bytes = packSymbols(Uint8Array.from(symbols), width);
        expect(unpackSymbols(bytes, symbols.length, width)).toEqual(Uint8Array.from(symbols));
        expect(unpackSymbols(bytes, symbols.length + 8, width)).toBeNull();
        if ((symbols.length * width) % 8 === 0) return;
        bytes[bytes.length - 1]! |= 1;
        expect(unpackSymbols(bytes, symbols.length, width)).toBeNull();
      }),
    );
  }
});

const PARAMETERS = parametersFor(20_000, 1e-2);
const SAMPLES: { readonly [T in MessageType]: Bodies[T] } = {
  open: { parameters: PARAMETERS, slot: { block: 7, index: 2 } },
  detections: { pulseIndexes: Float64Array.of(0, 5, 1e8), bases: Uint8Array.of(1, 0, 1) },
  sifting: { symbols: Uint8Array.of(0, 3, 1) },
  "test-bits": { bits: Uint8Array.of(1, 0, 1, 1, 0, 0, 0, 1, 1) },
  estimate: { errors: [3, 2, 1], startRate: 0.25, seed: new Uint8Array(32).fill(9) },
  question: Uint8Array.of(1, 2, 3),
  answer: Uint8Array.of(4),
  corrected: null,
  verification: { key: new Uint8Array(16).fill(1), hash: new Uint8Array(16).fill(2) },
  verdict: { equal: true, errors: [30, 20, 10] },
  amplification: { secretBits: 800, slots: 1, leakBits: 55, seed: new Uint8Array(20).fill(3) },
  accepted: null,
  settlement: { token: new Uint8Array(16).fill(4) },
  tag: { tag: new Uint8Array(16).fill(5) },
  abort: { reason: "leak-limit", tag: new Uint8Array(16).fill(6) },
};
const TYPES = Object.keys(SAMPLES) as MessageType[];

describe.each(TYPES)("a body of type %s", (type) => {
  const bytes = encodeBody(type, SAMPLES[type]);

  test("comes back", () => expect(decodeBody(type, bytes, 1e9)).toEqual(SAMPLES[type]));

  test("with any bytes it is refused, or says the same when it is written again", () => {
    const mangled = fc.tuple(fc.nat({ max: bytes.length }), fc.uint8Array({ maxLength: 12 })).map(([at, patch]) => {
      const copy = new Uint8Array(Math.max(bytes.length, at + patch.length));
      copy.set(bytes);
      copy.set(patch, at);
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(mangled, fc.uint8Array({ maxLength: 200 })), (body) => {
        const decoded = decodeBody(type, body, 1e9);
        if (decoded === undefined) return;
        const again = encodeBody(type, decoded);
        expect(decodeBody(type, again, 1e9)).toEqual(decoded);
        // The k of Rice's code is the sender's choice.
        if (type !== "detections") expect(again).toEqual(body);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a head", () => {
  const head = { type: "tag", from: "bob-to-alice", phase: "correction", block: 2 ** 53 - 1, number: 77 } as const;
  const message = sealed(head, new Uint8Array(16));

  test("comes back", () => expect(headOf(message)).toEqual(head));

  test.each([
    ["another version", 0, 2],
    ["an unknown type", 1, 99],
    ["an unknown direction", 2, 2],
    ["an unknown phase", 3, 3],
    ["a block above 2^53", 4, 255],
    ["another length", 19, 15],
    ["a length of 4 GiB", 16, 255],
  ])("is refused with %s", (_, at, value) => {
    const copy = message.slice();
    copy[at] = value;
    expect(headOf(copy)).toBeNull();
  });

  test("is refused with a sender or phase that its type does not have, and with a body that is too long", () => {
    expect(headOf(sealed({ ...head, type: "open" }, new Uint8Array()))).toBeNull();
    expect(headOf(sealed({ ...head, type: "verdict", phase: "estimation" }, new Uint8Array()))).toBeNull();
    for (const type of TYPES.filter((each) => MESSAGE_TYPES[each].maxBytes < 1e5)) {
      const { from, phases, maxBytes } = MESSAGE_TYPES[type];
      const of = { ...head, type, from: from[0], phase: phases[0] };
      expect(headOf(sealed(of, new Uint8Array(maxBytes)))).toEqual(of);
      expect(headOf(sealed(of, new Uint8Array(maxBytes + 1)))).toBeNull();
    }
  });

  test.each([0, 1, HEAD_BYTES - 1])("is refused in %d bytes", (length) => {
    expect(headOf(message.subarray(0, length))).toBeNull();
  });
});

describe("a stream of messages", () => {
  const of = { from: "bob-to-alice", phase: "correction", block: 3 } as const;
  const messages = [0, 5, 300].map((length, number) =>
    sealed({ ...of, type: "question", number }, new Uint8Array(length).fill(length)),
  );
  const bytes = Uint8Array.from(messages.flatMap((message) => [...message]));

  test("comes apart, however it was segmented", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 }), (cuts) => {
        const stream = new MessageStream();
        const ends = [...cuts.sort((a, b) => a - b), bytes.length];
        const found = ends.flatMap((end, i) => stream.push(bytes.slice(ends[i - 1] ?? 0, end)) ?? []);
        expect(found.map((each) => [...each])).toEqual(messages.map((each) => [...each]));
      }),
    );
  });

  test("ends at bytes that are no message, and at a length that its type does not have, before that is buffered", () => {
    expect(new MessageStream().push(new Uint8Array(HEAD_BYTES))).toBeNull();
    const huge = messages[0]!.slice();
    huge[16] = 255;
    expect(new MessageStream().push(huge)).toBeNull();
  });
});

describe("parameters", () => {
  test("that are wrong are told", () => {
    expect(parametersProblem(PARAMETERS)).toBeUndefined();
    const wrong: readonly Partial<BlockParameters>[] = [
      { keyBasisProbability: 1 },
      { keyBasisProbability: Number.NaN },
      { pulses: 0 },
      { pulses: 2 ** 53 + 2 },
      { keyBits: LIMITS.bb84KeyBits + 1 },
      { keyBits: 1.5 },
      { securityEpsilon: 0 },
      { correctnessEpsilon: 1 },
      // Less than a hash of 128 bits can promise.
      { correctnessEpsilon: 1e-37 },
      { errorRateLimit: 0.6 },
      { leakLimitBits: 0 },
      { intensities: [] },
      { intensities: PARAMETERS.intensities.toReversed() },
    ];
    for (const change of wrong) expect(parametersProblem({ ...PARAMETERS, ...change })).toBeTypeOf("string");
  });
});

test("both ends' transcripts are the same bytes, at every point", () => {
  const heard: Record<string, string[]> = { alice: [], bob: [] };
  const recorder = (who: "alice" | "bob") => {
    const transcripts = { "alice-to-bob": 0, "bob-to-alice": 0 };
    const note = (direction: keyof typeof transcripts, text: string): void => {
      heard[who]!.push(`${direction} ${transcripts[direction]} ${text}`);
    };
    return {
      scheme: "wegman-carter" as const,
      forgeryLog2: null,
      absorb: (direction: keyof typeof transcripts, bytes: Uint8Array) => {
        transcripts[direction] += bytes.length;
        note(direction, Buffer.from(bytes).toString("base64"));
      },
      tag: () => new Uint8Array(16),
      verify: () => true,
      wipe: () => {},
    };
  };
  const authentication = { "alice-to-bob": recorder("alice"), "bob-to-alice": recorder("bob") };
  const { alice } = playBlock({ parameters: PARAMETERS, authentication });
  expect(alice.outcome.kind).toBe("released");
  for (const direction of ["alice-to-bob", "bob-to-alice"]) {
    const [a, b] = [heard["alice"]!, heard["bob"]!].map((all) => all.filter((each) => each.startsWith(direction)));
    expect(a!.length).toBeGreaterThan(8);
    expect(b).toEqual(a);
  }
});

test("a conversation cannot be tagged more than three times", () => {
  const authentication = {
    scheme: "slh-dsa" as const,
    forgeryLog2: null,
    absorb: () => {},
    tag: () => new Uint8Array(1),
    verify: () => true,
  };
  const conversation = new Conversation({
    own: "alice-to-bob",
    block: 1,
    link: "l",
    authentication: { ...authentication, wipe: () => {} },
    pulses: 10,
  });
  for (let i = 0; i < 3; i++) conversation.sayTag();
  expect(conversation.mayAbort).toBe(false);
  expect(() => conversation.sayTag()).toThrow("all points");
});
