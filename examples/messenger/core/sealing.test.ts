import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../../shared/bytes/hex.ts";
import { BOUNDS } from "./bounds.ts";
import { utf8 } from "./bytes.ts";
import { importKey } from "./cipher.ts";
import { HEAD_BYTES } from "./frame.ts";
import { openWithPad, padBits, padBitsOf, padRoomBytes, sealWithPad } from "./one-time-pad.ts";
import { Opener } from "./opener.ts";
import { ReplayWindow } from "./replay-window.ts";
import { isDue, isWornOut, rotationOf } from "./rotation.ts";
import { Sealer } from "./sealer.ts";
import { Clock, randomBytes } from "./testing/world.ts";

const aKey = () => randomBytes(32);

async function pairOf(clock = new Clock()) {
  const keys = new Map<string, Uint8Array>();
  const sealer = new Sealer(0);
  const asked: string[] = [];
  const opener = new Opener({
    direction: 0,
    now: clock.now,
    fetchKey: async (keyId) => {
      asked.push(keyId);
      const key = keys.get(keyId) ?? null;
      keys.delete(keyId);
      return await Promise.resolve(key);
    },
  });
  const nextKey = async (): Promise<string> => {
    const [keyId, key] = [crypto.randomUUID(), aKey()];
    keys.set(keyId, key.slice());
    sealer.install(keyId, await importKey(key), clock.nowMs);
    return keyId;
  };
  await nextKey();
  return { sealer, opener, nextKey, asked, clock, keys };
}

describe("frames under a key", () => {
  test("open once, in whatever order, and say under which key they came", async () => {
    const { sealer, opener } = await pairOf();
    const frames = await Promise.all(["a", "b", "c"].map(async (text) => await sealer.seal(utf8(text))));
    for (const i of [2, 0, 1]) {
      expect(await opener.open(frames[i]!)).toMatchObject({ ok: true, plain: utf8("abc"[i]!), keyId: sealer.keyId });
      expect(await opener.open(frames[i]!)).toEqual({ ok: false, why: "replayed" });
    }
  });

  test("changed anywhere they do not open, and the right one still does", async () => {
    const { sealer, opener } = await pairOf();
    await opener.open(await sealer.seal(utf8("so that the key is known")));
    const frame = await sealer.seal(utf8("the words"));
    for (let at = 0; at < frame.length; at++) {
      const changed = frame.slice();
      changed[at]! ^= 1;
      expect(await opener.open(changed)).toMatchObject({ ok: false });
    }
    expect(await opener.open(frame)).toMatchObject({ ok: true });
  });

  test("are AES-256-GCM with the whole head as additional data, as anybody could open them", async () => {
    const [keyId, raw] = [crypto.randomUUID(), aKey()];
    const [copy, sealer] = [raw.slice(), new Sealer(1)];
    sealer.install(keyId, await importKey(raw), 0);
    await sealer.seal(utf8("first"));
    const frame = await sealer.seal(utf8("second"));
    const key = await crypto.subtle.importKey("raw", copy, "AES-GCM", false, ["decrypt"]);
    const iv = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1);
    const additionalData = frame.subarray(0, HEAD_BYTES);
    const open = async (more: object) =>
      await crypto.subtle.decrypt({ name: "AES-GCM", iv, ...more }, key, frame.subarray(HEAD_BYTES));
    expect(new TextDecoder().decode(await open({ additionalData }))).toBe("second");
    await expect(open({})).rejects.toThrow();
    expect(toHex(additionalData)).toBe(`010101${keyId.replaceAll("-", "")}0000000000000001`);
  });

  test("of one's own direction do not open: nobody can send back what was sent", async () => {
    const { sealer, keys, clock } = await pairOf();
    const frame = await sealer.seal(utf8("mine"));
    const own = new Opener({
      direction: 1,
      now: clock.now,
      fetchKey: async (id) => await Promise.resolve(keys.get(id)!),
    });
    expect(await own.open(frame)).toEqual({ ok: false, why: "malformed" });
  });

  test("never share key and counter, even where many are sealed at once", async () => {
    const { sealer } = await pairOf();
    const frames = await Promise.all(Array.from({ length: 50 }, async () => await sealer.seal(utf8("same"))));
    const heads = new Set(frames.map((frame) => toHex(frame.subarray(0, 27))));
    expect(heads.size).toBe(50);
  });

  test("late ones of the key before open for a while, then its key is gone for good", async () => {
    const { sealer, opener, nextKey, clock, asked } = await pairOf();
    const [early, late, tooLate] = await Promise.all(
      ["1", "2", "3"].map(async (text) => await sealer.seal(utf8(text))),
    );
    await opener.open(early!);
    await nextKey();
    await opener.open(await sealer.seal(utf8("4")));
    clock.nowMs += BOUNDS.lateFrameMs - 1;
    expect(await opener.open(late!)).toMatchObject({ ok: true });
    clock.nowMs += 1;
    expect(await opener.open(tooLate!)).toMatchObject({ ok: false, why: "no-key" });
    expect(opener.keyIds).toEqual([sealer.keyId]);
    expect(asked.length).toBe(2);
  });

  test("a key that cannot be had is asked for once", async () => {
    const { sealer, opener, keys, asked } = await pairOf();
    keys.clear();
    for (let turn = 0; turn < 3; turn++) {
      const frame = await sealer.seal(utf8("x"));
      expect(await opener.open(frame)).toEqual({ ok: false, why: "no-key", keyId: sealer.keyId });
    }
    expect(asked.length).toBe(1);
  });

  test("made-up key IDs are not asked for without end, and those in use go on meanwhile", async () => {
    const { sealer, opener, asked, clock, nextKey } = await pairOf();
    await opener.open(await sealer.seal(utf8("x")));
    const stranger = new Sealer(0);
    for (let i = 0; i < 100; i++) {
      stranger.install(crypto.randomUUID(), await importKey(aKey()), 0);
      await opener.open(await stranger.seal(utf8("x")));
    }
    expect(asked.length).toBe(1 + BOUNDS.refusals.most);
    expect(await opener.open(await sealer.seal(utf8("y")))).toMatchObject({ ok: true });
    await nextKey();
    expect(await opener.open(await sealer.seal(utf8("z")))).toMatchObject({ ok: false });
    clock.nowMs += BOUNDS.refusals.withinMs;
    expect(await opener.open(await sealer.seal(utf8("z")))).toMatchObject({ ok: true });
  });

  test("no more keys are kept than the bound says", async () => {
    const { sealer, opener, nextKey } = await pairOf();
    for (let turn = 0; turn < BOUNDS.keysKept + 3; turn++) {
      await nextKey();
      await opener.open(await sealer.seal(utf8("x")));
    }
    expect(opener.keyIds.length).toBe(BOUNDS.keysKept);
  });

  test("what a key is made from is wiped, and the key itself cannot be taken out", async () => {
    const raw = aKey();
    const key = await importKey(raw);
    expect(raw).toEqual(new Uint8Array(32));
    await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
  });
});

test("the window takes what a list of all counters would, as far back as it reaches", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 60 }), { maxLength: 80 }), (counters) => {
      const [window, seen] = [new ReplayWindow(16), new Set<number>()];
      let highest = -1;
      for (const counter of counters) {
        const expected = !seen.has(counter) && counter > highest - 16;
        expect(window.take(counter)).toBe(expected);
        if (expected) seen.add(counter);
        highest = Math.max(highest, expected ? counter : highest);
      }
    }),
  );
});

const padFor = (text: string) => randomBytes(padBits(text) / 8);

describe("a one-time pad", () => {
  const of = { keyId: crypto.randomUUID(), direction: 1 } as const;

  test("opens with the same bits only, and both ends wipe theirs", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), fc.nat(), (text, where) => {
        const pad = padFor(text);
        const copies = [pad.slice(), pad.slice(), pad.slice(), pad.slice()] as const;
        const sealed = sealWithPad(of, text, pad);
        expect(padBitsOf(sealed)).toBe(padBits(text));
        const changed = sealed.slice();
        changed[where % sealed.length]! ^= 1 << (where % 8);
        expect(openWithPad(of, changed, copies[0])).toBeNull();
        expect(openWithPad({ ...of, direction: 0 }, sealed, copies[1])).toBeNull();
        expect(openWithPad({ ...of, keyId: crypto.randomUUID() }, sealed, copies[2])).toBeNull();
        expect(openWithPad(of, sealed, copies[3])).toBe(text);
        for (const used of [pad, ...copies]) expect(used.every((byte) => byte === 0)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("is never used in part, nor for more than it has", () => {
    for (const length of [33, 35]) {
      const pad = new Uint8Array(length).fill(7);
      expect(() => sealWithPad(of, "ab", pad)).toThrow(RangeError);
      expect(openWithPad(of, new Uint8Array(18), pad.fill(7))).toBeNull();
    }
    expect(openWithPad(of, new Uint8Array(3), new Uint8Array(19))).toBeNull();
  });

  test("bits are the text's and the tag's", () => {
    expect([padBits(""), padBits("a"), padBits("ä")]).toEqual([256, 264, 272]);
    expect([padRoomBytes(4096), padRoomBytes(256), padRoomBytes(64)]).toEqual([480, 0, 0]);
  });
});

test("a key is due by messages, by time, and at half of what wears it out", () => {
  const rotation = { messages: 3, seconds: 10 };
  const use = { sinceMs: 0, messages: 2, frames: 9, bytes: 9 };
  expect(isDue(use, rotation, 9999)).toBe(false);
  expect(isDue({ ...use, messages: 3 }, rotation, 0)).toBe(true);
  expect(isDue(use, rotation, 10_000)).toBe(true);
  for (const worn of [{ frames: BOUNDS.framesPerKey / 2 }, { bytes: BOUNDS.bytesPerKey / 2 }]) {
    expect(isDue({ ...use, ...worn }, rotation, 0)).toBe(true);
    expect(isWornOut({ ...use, ...worn })).toBe(false);
  }
  expect(isWornOut({ ...use, bytes: BOUNDS.bytesPerKey })).toBe(true);
  expect(rotationOf(0, 1e9)).toEqual({ messages: 1, seconds: 3600 });
  expect(rotationOf(Number.NaN, 7.4)).toEqual({ messages: 20, seconds: 7 });
});
