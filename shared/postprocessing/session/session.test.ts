import { describe, expect, test } from "vitest";
import { slh_dsa_sha2_128f } from "@noble/post-quantum/slh-dsa.js";
import { assessHealth } from "../../health/health.ts";
import { seededBytes } from "../../simulator/test-bytes.ts";
import { AuthKeyStore, type StoredKeys } from "../authentication/key-store.ts";
import type { BlockAuthentication, Direction } from "../authentication/points.ts";
import { SlhDsa } from "../authentication/slh-dsa.ts";
import { BLOCK_KEY_BYTES } from "../authentication/wegman-carter.ts";
import { KEY_BASIS } from "../bases.ts";
import { readOpening, refuseOpening } from "./bob.ts";
import { headOf, MESSAGE_TYPES, sealed } from "./envelope.ts";
import { encodeBody } from "./messages.ts";
import type { BlockSecrets } from "./outcome.ts";
import { makeBlock, parametersFor, play, playBlock, type TestBlock, withKey } from "./test-link.ts";

const SHORT = parametersFor(20_000, 1e-2);

function secretsOf({ alice, bob }: TestBlock): BlockSecrets {
  if (alice.outcome.kind !== "released" || bob.outcome.kind !== "released") {
    throw new Error(`alice ${JSON.stringify(alice.report)}, bob ${JSON.stringify(bob.report)}`);
  }
  expect(bob.outcome.secrets).toEqual(alice.outcome.secrets);
  return alice.outcome.secrets;
}

describe("an undisturbed block", () => {
  const played = playBlock();
  const secrets = secretsOf(played);

  test("gives both ends the same key, as long as the bounds say, less what authentication keeps", () => {
    const { secretBits, refreshBits } = played.alice.report;
    expect(secrets.key.length).toBe(Math.floor((secretBits ?? 0) / 8) - (refreshBits ?? 0) / 8);
    expect(refreshBits).toBe(8 * (32 + BLOCK_KEY_BYTES));
    expect(secrets.slots.map(({ block, index, keys }) => [block, index, keys.length])).toEqual([
      [1, 0, BLOCK_KEY_BYTES],
    ]);
  });

  test("is reported alike by both, with what the channel did to it", () => {
    const { role: a, ...alice } = played.alice.report;
    const { role: b, ...bob } = played.bob.report;
    expect([a, b]).toEqual(["alice", "bob"]);
    expect(bob).toEqual(alice);
    expect(alice).toMatchObject({ outcome: "released", reason: null, alarm: false, siftedKeyBits: 100_000 });
    expect(alice.qberX).toBeGreaterThan(0.008);
    expect(alice.qberX).toBeLessThan(0.0125);
    expect(alice.qberZ).toBeGreaterThan(0.006);
    expect(alice.correctionEfficiency).toBeGreaterThan(1);
    expect(alice.correctionEfficiency).toBeLessThan(1.2);
    expect(alice.secretBitsPerPulse).toBeGreaterThan(0.004);
    // 6 tags, on a quarter of a megabyte together.
    expect(alice.forgeryLog2).toBeGreaterThan(-115);
    expect(alice.forgeryLog2).toBeLessThan(-110);
  });

  test("sends every type once a phase, six tags, and no bit of the key basis", () => {
    const types = played.wire.map(({ message }) => headOf(message)?.type);
    const once = Object.keys(MESSAGE_TYPES).filter((type) => !["question", "answer", "tag", "abort"].includes(type));
    for (const type of once) expect([type, types.filter((each) => each === type).length]).toEqual([type, 1]);
    expect(types.filter((type) => type === "tag")).toHaveLength(6);
    expect(types.filter((type) => type === "question")).toHaveLength(types.filter((type) => type === "answer").length);
  });

  test("is written down by Alice before she releases it and by Bob before he accepts", () => {
    expect(played.records.alice?.state).toBe("released");
    expect(played.records.bob?.state).toBe("released");
  });

  test("gives key that passes the health tests of ingested blocks", () => {
    const key = Uint8Array.from([1, 2, 3, 4].flatMap((n) => [...secretsOf(playBlock({ seed: `health ${n}` })).key]));
    expect(key.length).toBeGreaterThan(8192);
    expect(assessHealth(key)).toMatchObject({ passed: true });
  });

  test("is the same for the same seeds and another one for others", () => {
    const [one, again, two] = ["one", "one", "two"].map(
      (seed) => secretsOf(playBlock({ seed, parameters: SHORT })).key,
    );
    expect(again).toEqual(one);
    expect(two).not.toEqual(one);
  });
});

describe("a block that must not give a key", () => {
  test.each([0.3, 1])("Eve on %d of the pulses: both ends give up and raise the alarm", (eve) => {
    const { alice, bob, wire } = playBlock({ eve });
    for (const { report } of [alice, bob]) {
      expect(report).toMatchObject({ outcome: "aborted", reason: "qber-above-bound", by: "this-end", alarm: true });
      expect(report.qberZ).toBeGreaterThan(0.07);
    }
    expect(wire.map(({ message }) => headOf(message)?.type)).not.toContain("answer");
  });

  test("Eve below the limit but above what leaves a key", () => {
    const { alice, bob } = playBlock({ eve: 0.22 });
    expect(alice.report).toMatchObject({ reason: "too-short", by: "this-end", alarm: false, secretBits: 0 });
    expect(bob.report).toMatchObject({ reason: "too-short", by: "other-end" });
    expect(bob.outcome).toMatchObject({ authenticated: true });
  });

  test("a key that authentication would use up", () => {
    const parameters = parametersFor(13_500, 1e-2);
    const { alice, bob } = playBlock({ parameters, seed: "thin" });
    expect(alice.report.secretBits).toBeGreaterThan(0);
    expect(alice.report.secretBits).toBeLessThan(8 * (32 + BLOCK_KEY_BYTES + 1));
    expect([alice.report.reason, bob.report.reason]).toEqual(["too-short", "too-short"]);
  });

  test("a run that ends early", () => {
    const ends = makeBlock({ parameters: SHORT });
    const { pulseIndexes, bits, bases } = ends.run.detections;
    const cut = pulseIndexes.length - 1;
    const detections = {
      pulseIndexes: pulseIndexes.subarray(0, cut),
      bits: bits.subarray(0, cut),
      bases: bases.subarray(0, cut),
    };
    const { alice, bob } = play({ ...ends, run: { ...ends.run, detections } });
    expect([alice.report.reason, bob.report.reason]).toEqual(["too-few-detections", "too-few-detections"]);
  });

  test("a run that nobody measured in the test basis: nothing speaks of an eavesdropper", () => {
    const ends = makeBlock({ parameters: SHORT });
    ends.run.detections.bases.fill(KEY_BASIS);
    const { alice, bob } = play(ends);
    expect(alice.report).toMatchObject({ reason: "too-few-detections", by: "this-end", alarm: false });
    expect(bob.report).toMatchObject({ reason: "too-few-detections", by: "other-end", alarm: false });
  });

  test("detections that somebody tells of before the run is over: no basis is told", () => {
    const { alice } = makeBlock({ parameters: SHORT });
    alice.open();
    const head = { type: "detections", from: "bob-to-alice", phase: "estimation", block: 1, number: 0 } as const;
    const body = encodeBody("detections", { pulseIndexes: Float64Array.of(1), bases: Uint8Array.of(0) });
    const { send } = alice.receive(sealed(head, body));
    expect(send.map((message) => headOf(message)?.type)).toEqual(["abort"]);
    expect(alice.report).toMatchObject({ reason: "protocol-violation", by: "this-end" });
  });

  test("a run that goes on after the block is cut at the block's end", () => {
    const long = makeBlock({ parameters: parametersFor(30_000, 1e-2) });
    const cut = makeBlock({ parameters: SHORT });
    const { alice } = play({ ...cut, run: long.run });
    expect(alice.report).toMatchObject({ outcome: "released", siftedKeyBits: 20_000 });
  });

  test("a leak above the limit", () => {
    const { alice, bob } = playBlock({ parameters: { ...SHORT, leakLimitBits: 500 } });
    expect([alice.report.reason, bob.report.reason]).toEqual(["leak-limit", "leak-limit"]);
  });

  test("parameters that are not Bob's", () => {
    const ends = makeBlock({ parameters: SHORT });
    const other = makeBlock({ parameters: { ...SHORT, errorRateLimit: 0.2 } });
    const { alice, bob } = play({ ...ends, bob: other.bob });
    expect(bob.report).toMatchObject({ reason: "parameters-refused", by: "this-end" });
    expect(alice.report).toMatchObject({ reason: "parameters-refused", by: "other-end" });
  });

  test("a slot that Bob does not have", () => {
    const { alice } = makeBlock({ parameters: SHORT });
    const opening = readOpening(alice.open().send[0] as Uint8Array);
    if (!opening.ok) throw new Error(opening.error);
    expect(opening.value).toMatchObject({ block: 1, slot: { block: 0, index: 0 } });
    alice.receive(refuseOpening(opening.value));
    expect(alice.report).toMatchObject({ reason: "no-authentication-key", by: "other-end", alarm: false });
  });

  test("ends with different keys of authentication", () => {
    const [one, other] = ["a", "b"].map((label) => withKey(seededBytes(label)(BLOCK_KEY_BYTES)));
    const mixed = { "alice-to-bob": one!["alice-to-bob"], "bob-to-alice": other!["bob-to-alice"] };
    const { alice, bob } = playBlock({ parameters: SHORT, authentication: mixed });
    expect(bob.report).toMatchObject({ reason: "authentication-failed", by: "this-end", alarm: true });
    expect(alice.report).toMatchObject({ reason: "authentication-failed", alarm: true });
  });
});

const remains = ({ run }: ReturnType<typeof makeBlock>): boolean[] => [
  run.sent.lookUp(run.detections.pulseIndexes)!.bits.includes(1),
  run.detections.bits.includes(1),
];

describe("bits of a run are wiped when its block is over", () => {
  test.each([
    ["released", {}],
    ["given up", { eve: 1 }],
  ])("%s", (_, options) => {
    const ends = makeBlock({ parameters: SHORT, ...options });
    expect(remains(ends)).toEqual([true, true]);
    play(ends);
    expect(remains(ends)).toEqual([false, false]);
  });

  test("before the run was", () => {
    const ends = makeBlock({ parameters: SHORT });
    ends.alice.abandon();
    ends.bob.abandon();
    ends.alice.sent(ends.run.sent);
    ends.bob.measured(ends.run.detections);
    expect(remains(ends)).toEqual([false, false]);
  });
});

/** Rates that lie beside one at which Cascade's first block size doubles, closer than the message can say. */
test.each([16, 64, 128])("both ends cut alike where blocks of %d bits begin", (size) => {
  const border = 0.8 / (size * Math.SQRT2);
  for (const offset of [-0.1, 0.1]) {
    const expectedErrorRate = border + offset * 2 ** -32;
    const { alice } = playBlock({ parameters: SHORT, alice: { expectedErrorRate } });
    expect(alice.outcome.kind).toBe("released");
  }
});

test("tags of one link say nothing on another", () => {
  const ends = makeBlock({ parameters: SHORT });
  const elsewhere = makeBlock({ parameters: SHORT, alice: { link: "tn-1/tn-3" } });
  const { alice, bob } = play({ ...ends, alice: elsewhere.alice });
  expect([alice.report.reason, bob.report.reason]).toEqual(["authentication-failed", "authentication-failed"]);
});

test("a first block under signatures, then blocks under the key it has grown, each filling the slot it took", () => {
  const keys = ["alice", "bob"].map((who) => slh_dsa_sha2_128f.keygen(seededBytes(`signing ${who}`)(48)));
  const signer = (own: Direction, mine: number): BlockAuthentication =>
    new SlhDsa(
      own,
      {
        parameterSet: "sha2-128f",
        ownSecretKey: keys[mine]!.secretKey,
        peerPublicKey: keys[1 - mine]!.publicKey,
      },
      seededBytes(`signatures ${own}`),
    );
  const stores = { alice: new AuthKeyStore(), bob: new AuthKeyStore() };
  const signed = playBlock({
    parameters: SHORT,
    authentication: { "alice-to-bob": signer("alice-to-bob", 0), "bob-to-alice": signer("bob-to-alice", 1) },
    alice: { slot: null, refill: () => stores.alice.refillFor(2) },
  });
  expect(signed.alice.report.authentication).toBe("slh-dsa");
  const topUp = ({ slots }: BlockSecrets): void => {
    for (const store of [stores.alice, stores.bob]) expect(store.add(slots).ok).toBe(true);
  };
  topUp(secretsOf(signed));
  expect(stores.alice.size).toBe(2);

  const used: string[] = [];
  const written: StoredKeys[] = [];
  for (const block of [2, 3, 4]) {
    const slot = stores.alice.take((stored) => written.push(stored));
    if (!slot.ok) throw new Error(slot.error);
    const same = stores.bob.take((stored) => written.push(stored), slot.value);
    if (!same.ok) throw new Error(same.error);
    expect(same.value.keys).toEqual(slot.value.keys);
    used.push(Buffer.from(slot.value.keys).toString("hex"));
    const authentication = withKey(slot.value.keys);
    const refill = () => stores.alice.refillFor(2);
    const options = { parameters: SHORT, seed: `chain ${block}`, block, authentication };
    topUp(secretsOf(playBlock({ ...options, alice: { slot: slot.value, refill } })));
    expect([stores.alice.size, stores.bob.size]).toEqual([2, 2]);
  }
  expect(new Set(used).size).toBe(3);
  expect(written).toHaveLength(6);
});

test("blocks do not wait for one that is stuck", () => {
  const ends = Array.from({ length: 3 }, (_, i) => makeBlock({ parameters: SHORT, seed: `side ${i}`, block: i + 1 }));
  const stuck = makeBlock({ parameters: SHORT, seed: "stuck", block: 9 });
  stuck.alice.open();
  expect(ends.map((each) => play(each).alice.outcome.kind)).toEqual(["released", "released", "released"]);
  expect(stuck.alice.outcome.kind).toBe("running");
});
