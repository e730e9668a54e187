import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HEAD_BYTES, headOf, type MessageType, sealed } from "./envelope.ts";
import { type Bodies, decodeBody, encodeBody } from "./messages.ts";
import { settle, settlementMessage, withdrawn } from "./settlement.ts";
import { faithful, makeBlock, type Meddle, parametersFor, play, playBlock, type TestBlock } from "./test-link.ts";

const parameters = parametersFor(20_000, 1e-2);
const honest = playBlock({ parameters });
/** Messages of each end, in order. */
const said = {
  alice: honest.wire.filter(({ from }) => from === "alice").map(({ message }) => message),
  bob: honest.wire.filter(({ from }) => from === "bob").map(({ message }) => message),
};
type Who = keyof typeof said;
const WHO: readonly Who[] = ["alice", "bob"];

const meddleAt =
  (who: Who, nth: number, change: (message: Uint8Array) => readonly Uint8Array[]): Meddle =>
  (message, from, n) =>
    from === who && n === nth ? change(message) : [message];

const flipped = (message: Uint8Array, bit: number): Uint8Array => {
  const copy = message.slice();
  copy[bit >> 3]! ^= 0x80 >> (bit & 7);
  return copy;
};

/** Both ends give up waiting; then they greet each other again. @returns whether the key was released, at both */
function conclude(played: TestBlock): boolean {
  const { alice, bob, records } = played;
  for (const [who, end, other] of [
    ["alice", alice, bob],
    ["bob", bob, alice],
  ] as const) {
    const { store, send } = end.abandon();
    if (store !== null) records[who] = store;
    for (const message of send) other.receive(message);
  }
  if (bob.outcome.kind === "unconfirmed") {
    const decided = records.alice;
    if (decided === null || (decided.state !== "released" && decided.state !== "discarded")) {
      throw new Error(`Bob has accepted what Alice has as ${decided?.state}`);
    }
    bob.receive(settlementMessage(decided));
  }
  expect(["released", "aborted"]).toContain(alice.outcome.kind);
  expect(bob.outcome.kind).toBe(alice.outcome.kind);
  if (alice.outcome.kind !== "released" || bob.outcome.kind !== "released") return false;
  expect(bob.outcome.secrets).toEqual(alice.outcome.secrets);
  return true;
}

const isSettlement = (message: Uint8Array): boolean => headOf(message)?.type === "settlement";

describe("a flipped bit", () => {
  const places = WHO.flatMap((who) => said[who].map((message, nth) => ({ who, nth, message })));
  const kinds = new Map(places.map((place) => [`${place.who} ${headOf(place.message)?.type}`, place]));

  test("the two ends say every kind of message", () => {
    const types = new Set([...kinds.values()].map(({ message }) => headOf(message)?.type));
    expect(types.size).toBe(14);
  });

  test.each([...kinds.keys()])("in the body of a message: %s", (kind) => {
    const { who, nth, message } = kinds.get(kind)!;
    const bits = 8 * message.length;
    for (const bit of new Set([8 * HEAD_BYTES, bits - 1, bits >> 1])) {
      if (bit >= bits) continue;
      const played = playBlock(
        { parameters },
        meddleAt(who, nth, (each) => [flipped(each, bit)]),
      );
      const before = [played.alice.outcome.kind, played.bob.outcome.kind];
      if (isSettlement(message)) expect(before).toEqual(["released", "unconfirmed"]);
      else expect(before).not.toContain("released");
      expect(conclude(played)).toBe(isSettlement(message));
    }
  });

  test("anywhere: nobody releases a key, or both release the same", () => {
    const anyBit = fc.constantFrom(...places).chain(({ who, nth, message }) =>
      fc.record({
        who: fc.constant(who),
        nth: fc.constant(nth),
        bit: fc.oneof(
          fc.integer({ min: 0, max: 8 * HEAD_BYTES - 1 }),
          fc.integer({ min: 0, max: 8 * message.length - 1 }),
        ),
      }),
    );
    fc.assert(
      fc.property(anyBit, ({ who, nth, bit }) => {
        const played = playBlock(
          { parameters },
          meddleAt(who, nth, (each) => [flipped(each, bit)]),
        );
        expect(conclude(played)).toBe(isSettlement(said[who][nth]!));
      }),
      { numRuns: 120 },
    );
  });
});

/** A body decoded, changed, and put back under a head of its own length. */
const changing =
  <T extends MessageType>(type: T, change: (body: Bodies[T]) => Partial<Bodies[T]>): Meddle =>
  (message) => {
    const head = headOf(message);
    if (head?.type !== type) return [message];
    const body = decodeBody(type, message.subarray(HEAD_BYTES), 2 ** 53) as Bodies[T] & object;
    return [sealed(head, encodeBody(type, Object.assign(body, change(body))))];
  };

describe("an end that is wrong although its tags fit", () => {
  /** Takes everything for genuine, so that the wire can speak for an end. */
  const credulous = {
    scheme: "wegman-carter" as const,
    forgeryLog2: null,
    absorb: () => {},
    tag: () => new Uint8Array(16),
    verify: () => true,
    wipe: () => {},
  };
  const authentication = { "alice-to-bob": credulous, "bob-to-alice": credulous };

  const WRONG: readonly (readonly [string, "alice" | "bob", Meddle])[] = [
    [
      "an index that Alice has no record of",
      "alice",
      changing("detections", ({ pulseIndexes }) => ({
        pulseIndexes: pulseIndexes.map((index, i) => (i === pulseIndexes.length - 1 ? index + 1 : index)),
      })),
    ],
    [
      "symbols of less than a block",
      "bob",
      changing("sifting", ({ symbols }) => ({
        symbols: symbols.slice(0, -1),
      })),
    ],
    [
      "more symbols than detections",
      "bob",
      changing("sifting", ({ symbols }) => ({
        symbols: Uint8Array.from([...new Uint8Array(300_000), ...symbols]),
      })),
    ],
    [
      "more bits of the key basis than a block has",
      "bob",
      changing("sifting", ({ symbols }) => ({
        symbols: symbols.map((symbol) => Math.max(1, symbol)),
      })),
    ],
    ["a test bit too few", "alice", changing("test-bits", ({ bits }) => ({ bits: bits.subarray(1) }))],
    ["more errors than detections", "bob", changing("estimate", () => ({ errors: [2 ** 31, 0, 0] }))],
    ["more errors corrected than bits", "alice", changing("verdict", () => ({ errors: [0, 0, 2 ** 31] }))],
    [
      "a key longer than the bounds allow",
      "bob",
      changing("amplification", ({ secretBits, seed }) => ({
        secretBits: secretBits + 8,
        seed: Uint8Array.of(...seed, 0),
      })),
    ],
    [
      "a key that is not of bytes",
      "bob",
      changing("amplification", ({ secretBits }) => ({ secretBits: secretBits - 1 })),
    ],
    ["no key at all", "bob", changing("amplification", () => ({ secretBits: 0 }))],
    ["a seed too short", "bob", changing("amplification", ({ seed }) => ({ seed: seed.subarray(1) }))],
    ["no refill", "bob", changing("amplification", () => ({ slots: 0 }))],
    ["a refill of more than there is", "bob", changing("amplification", () => ({ slots: 64 }))],
    [
      "a leak smaller than what was asked",
      "bob",
      changing("amplification", ({ leakBits }) => ({ leakBits: leakBits - 1 })),
    ],
  ];

  test.each(WRONG)("%s", (_, refuser, meddle) => {
    const played = playBlock({ parameters, authentication }, meddle);
    expect(played[refuser].report).toMatchObject({ reason: "protocol-violation", by: "this-end" });
    expect(conclude(played)).toBe(false);
  });

  test("as long as it is not, the block is released", () => {
    expect(conclude(playBlock({ parameters, authentication }))).toBe(true);
  });

  test("strings that differ after error correction fail verification, at both ends", () => {
    const other = changing("verification", ({ hash }) => ({ hash: flipped(hash, 5) }));
    const unequal = playBlock({ parameters, authentication }, other);
    expect([unequal.alice.report.reason, unequal.bob.report.reason]).toEqual([
      "verification-failed",
      "verification-failed",
    ]);
  });
});

describe("a wire that loses, repeats and reorders", () => {
  const aPlace = fc
    .constantFrom(...WHO)
    .chain((who) => fc.record({ who: fc.constant(who), nth: fc.nat({ max: said[who].length - 1 }) }));

  test("a lost message ends the block at both ends, a lost settlement delays it", () => {
    fc.assert(
      fc.property(aPlace, ({ who, nth }) => {
        expect(
          conclude(
            playBlock(
              { parameters },
              meddleAt(who, nth, () => []),
            ),
          ),
        ).toBe(isSettlement(said[who][nth]!));
      }),
      { numRuns: 60 },
    );
  });

  test("a repeated message changes nothing", () => {
    fc.assert(
      fc.property(aPlace, fc.integer({ min: 1, max: 3 }), ({ who, nth }, times) => {
        const again = meddleAt(who, nth, (message) => Array.from({ length: 1 + times }, () => message));
        expect(conclude(playBlock({ parameters }, again))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test("a message that comes after the next one ends the block", () => {
    // Where an end says two things in a row: the tags and what they follow.
    let held: Uint8Array | null = null;
    const late: Meddle = (message, from, nth) => {
      if (from === "alice" && nth === 2) {
        held = message;
        return [];
      }
      if (held === null || from !== "alice") return [message];
      const both = [message, held];
      held = null;
      return both;
    };
    const played = playBlock({ parameters }, late);
    expect(played.bob.report.reason).toBe("protocol-violation");
    expect(conclude(played)).toBe(false);
  });

  test("any mixture of it, over many messages", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 400, maxLength: 400 }), (fates) => {
        let n = 0;
        const rough: Meddle = (message) => {
          const fate = fates[n++ % fates.length];
          if (fate === 0) return [];
          return fate === 1 ? [message, message] : [message];
        };
        conclude(playBlock({ parameters }, rough));
      }),
      { numRuns: 25 },
    );
  });
});

test("messages of another run of the same block are not accepted", () => {
  const other = playBlock({ parameters, seed: "other", block: 1 });
  const replayed = new Map<MessageType | undefined, Uint8Array>(
    other.wire.filter(({ from }) => from === "bob").map(({ message }) => [headOf(message)?.type, message]),
  );
  for (const type of ["detections", "test-bits", "verdict", "tag"] as const) {
    const swap: Meddle = (message, from) =>
      from === "bob" && headOf(message)?.type === type ? [replayed.get(type)!] : [message];
    expect(conclude(playBlock({ parameters }, swap))).toBe(false);
  }
});

/** A block up to Bob's acceptance, which is lost on its way. */
const unanswered = (): TestBlock =>
  playBlock(
    { parameters },
    meddleAt("bob", said.bob.length - 1, () => []),
  );

describe("settlement", () => {
  test("Alice restarts before Bob's acceptance arrives: both discard", () => {
    const { bob, records } = unanswered();
    expect([records.alice?.state, records.bob?.state]).toEqual(["offered", "unconfirmed"]);
    if (records.alice?.state !== "offered" || records.bob?.state !== "unconfirmed") throw new Error("unreachable");
    const discarded = withdrawn(records.alice);
    // Bob may have restarted as well: his record is enough.
    expect(settle(records.bob, settlementMessage(discarded))).toMatchObject({ state: "discarded" });
    const step = bob.receive(settlementMessage(discarded));
    expect(step.store).toMatchObject({ state: "discarded" });
    expect(bob.outcome).toMatchObject({ kind: "aborted", by: "other-end", authenticated: true });
  });

  test("nothing else moves Bob's accepted key", () => {
    const played = unanswered();
    const { bob, records } = played;
    if (records.bob?.state !== "unconfirmed") throw new Error("unreachable");
    const genuine = said.alice.at(-1)!;
    fc.assert(
      fc.property(fc.nat({ max: 8 * genuine.length - 1 }), fc.uint8Array({ maxLength: 60 }), (bit, noise) => {
        for (const message of [flipped(genuine, bit), noise, ...said.alice.slice(0, -1)]) {
          const { store, send } = bob.receive(message);
          expect([store, send.length, bob.outcome.kind]).toEqual([null, 0, "unconfirmed"]);
        }
      }),
      { numRuns: 30 },
    );
    expect(bob.abandon().send).toEqual([]);
    expect(bob.outcome.kind).toBe("unconfirmed");
    expect(conclude(played)).toBe(false);
  });

  test("the two tokens are apart, and no part of the key", () => {
    const { alice, records } = unanswered();
    if (records.alice?.state !== "offered" || records.bob?.state !== "unconfirmed") throw new Error("unreachable");
    const { released, discarded } = records.alice.tokens;
    expect(released).not.toEqual(discarded);
    const hex = Buffer.from(records.bob.secrets.key).toString("hex");
    for (const token of [released, discarded]) expect(hex).not.toContain(Buffer.from(token).toString("hex"));
    expect(alice.outcome.kind).toBe("running");
  });
});

test("bytes from a stranger end a block at most", () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .record({
        genuine: fc.constantFrom(...said.alice, ...said.bob),
        cut: fc.nat({ max: 300 }),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
        at: fc.nat({ max: 60 }),
      })
      .map(({ genuine, cut, bytes, at }) => {
        const message = genuine.slice(0, Math.max(at + bytes.length, genuine.length - cut));
        const room = new Uint8Array(Math.max(message.length, at + bytes.length));
        room.set(message);
        room.set(bytes, at);
        return room;
      }),
  );
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 6 }), fc.nat({ max: 12 }), (stranger, when) => {
      const ends = makeBlock({ parameters });
      let n = 0;
      const played = play(ends, (message, ...rest) => [
        ...(n++ === when ? stranger : []),
        ...faithful(message, ...rest),
      ]);
      conclude(played);
    }),
    { numRuns: 60 },
  );
});
