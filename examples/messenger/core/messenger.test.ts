import { describe, expect, test } from "vitest";
import { BOUNDS } from "./bounds.ts";
import { safeName } from "./file-receive.ts";
import { filesOf, notesOf, Pair, textsOf } from "./testing/pair.ts";
import { randomBytes, turn } from "./testing/world.ts";

const words = (person: Parameters<typeof textsOf>[0]) => textsOf(person).map(({ text }) => text);
const isDelivered = (person: Parameters<typeof textsOf>[0], count: number) =>
  textsOf(person).filter(({ from, state }) => from === "me" && state === "delivered").length === count;

function fileOf(bytes: Uint8Array<ArrayBuffer>, name = "keys.pdf") {
  return {
    name,
    type: "application/pdf",
    size: bytes.length,
    slice: (from: number, to: number) => new Blob([bytes.slice(from, to)]),
  };
}
const bytesOf = async (chunks: readonly Uint8Array<ArrayBuffer>[]) =>
  new Uint8Array(await new Blob([...chunks]).arrayBuffer());

describe("texts", () => {
  test("go both ways, and both sides name the same key for each", async () => {
    const pair = await new Pair().met();
    const { a, b } = pair;
    a.sendText("hello", "key");
    b.sendText("hello yourself", "key");
    await pair.untilSo(() => isDelivered(a, 1) && isDelivered(b, 1));
    for (const text of ["hello", "hello yourself"]) {
      const [atA, atB] = [a, b].map((person) => textsOf(person).find((entry) => entry.text === text)!);
      expect(atA!.keyId).toMatch(/^[0-9a-f-]{36}$/);
      expect(atB!.keyId).toBe(atA!.keyId);
      for (const { state } of [a, b]) expect(state.book.rows.map(({ keyId }) => keyId)).toContain(atA!.keyId);
    }
  });

  test("under a one-time pad cost their bits and the tag's, and a key of their own", async () => {
    const pair = await new Pair().met();
    const { a, b } = pair;
    a.sendText("secret", "pad");
    a.sendText("secret", "pad");
    await pair.untilSo(() => isDelivered(a, 2) && textsOf(b).length === 2);
    const bits = 8 * 6 + 256;
    expect(pair.keys.sizesBits.filter((size) => size === bits).length).toBe(2);
    for (const { state } of [a, b]) expect(state.book.padBits).toBe(2 * bits);
    const [first, second] = textsOf(b);
    expect([first, second]).toMatchObject([
      { text: "secret", seal: "pad", bits },
      { text: "secret", seal: "pad", bits },
    ]);
    expect(first!.keyId).not.toBe(second!.keyId);
    expect(textsOf(a).map(({ keyId }) => keyId)).toEqual([first!.keyId, second!.keyId]);
  });

  test("whose pad the other side cannot have go once more under another, and then no more", async () => {
    const pair = await new Pair().met();
    const { a, b, keys } = pair;
    const give = keys.kme.getKey;
    let losses = 1;
    keys.kme.getKey = async (slave, options) => {
      const taken = await give(slave, options);
      if (options?.sizeBits !== 256 && losses-- > 0) keys.lose(taken[0]!.keyId);
      return taken;
    };
    a.sendText("secret", "pad");
    await pair.untilSo(() => isDelivered(a, 1) && words(b).includes("secret"));
    expect([textsOf(b).length, a.state.book.padBits]).toEqual([1, 2 * (8 * 6 + 256)]);
    expect(textsOf(a)[0]!.keyId).toBe(textsOf(b)[0]!.keyId);
    losses = 2;
    a.sendText("lost", "pad");
    await pair.untilSo(() => textsOf(a)[1]!.state === "lost");
    expect(textsOf(b)[1]).toMatchObject({ text: "", state: "lost" });
  });

  test("wait for the other side, then go in their order, pads and all", async () => {
    const pair = new Pair();
    const { a, b } = pair;
    a.roomIs(null, false);
    for (const [text, seal] of [
      ["1", "key"],
      ["2", "pad"],
      ["3", "key"],
    ] as const)
      a.sendText(text, seal);
    expect([pair.keys.taken.length, a.state.presence]).toEqual([0, "connecting"]);
    await pair.met();
    await pair.untilSo(() => isDelivered(a, 3) && textsOf(b).length === 3);
    expect(words(b)).toEqual(["1", "2", "3"]);
  });

  test("wait for key, and say why and since when; with the next key they go", async () => {
    const pair = await new Pair().met();
    const { a, b } = pair;
    pair.keys.stock = 0;
    a.setRotation({ messages: 1, seconds: 60 });
    a.sendText("1", "key");
    a.sendText("2", "key");
    await pair.untilSo(() => a.state.waiting.length > 0 && words(b).length === 1);
    expect(a.state.waiting).toMatchObject([{ whose: "mine", reason: "not enough keys available" }]);
    expect(a.state.waiting[0]!.sinceMs).toBeLessThanOrEqual(pair.clock.nowMs);
    expect(words(b)).toEqual(["1"]);
    pair.keys.stock = 3;
    await pair.untilSo(() => isDelivered(a, 2));
    expect([a.state.waiting, words(b)]).toEqual([[], ["1", "2"]]);
  });
});

describe("when a page is opened anew", () => {
  test("it begins with nothing, and what had not arrived arrives there, under a pad of its own", async () => {
    const pair = await new Pair().met();
    const { a } = pair;
    a.sendText("before", "key");
    await pair.untilSo(() => isDelivered(a, 1));
    pair.leaveRoom("sae-b");
    expect(a.state.presence).toBe("away");
    a.sendText("meanwhile", "pad");
    pair.reload("sae-b");
    await pair.untilSo(() => isDelivered(a, 2) && textsOf(pair.b).length === 1);
    expect(words(pair.b)).toEqual(["meanwhile"]);
    expect(notesOf(a)).toContain("sae-b has opened the page anew.");
  });

  test("files and calls with the former end, and new ones work", async () => {
    const pair = await new Pair().met();
    const { a } = pair;
    a.sendFile(fileOf(randomBytes(1000)));
    await pair.untilSo(() => filesOf(pair.b).length === 1);
    a.calls.place();
    await pair.untilSo(() => pair.b.state.call.call.state === "ringing");
    pair.reload("sae-b");
    await pair.untilSo(() => filesOf(a)[0]!.state === "failed");
    expect(a.state.call.call.state).toBe("none");
    a.calls.place();
    await pair.untilSo(() => pair.b.state.call.call.state === "ringing");
  });
});

describe("files", () => {
  test("arrive whole, while channels change and keys rotate", async () => {
    const pair = await new Pair().met();
    const { a, b } = pair;
    const bytes = new Uint8Array(20 * BOUNDS.chunkBytes + 7);
    for (let from = 0; from < bytes.length; from += 65_536) crypto.getRandomValues(bytes.subarray(from, from + 65_536));
    a.sendFile(fileOf(bytes));
    await pair.untilSo(() => filesOf(b).length === 1);
    expect(filesOf(b)).toMatchObject([{ name: "keys.pdf", sizeBytes: bytes.length, state: "offered" }]);
    b.answerFile(filesOf(b)[0]!.id, true);
    pair.isDirectPossible = true;
    await pair.untilSo(() => filesOf(b)[0]!.doneBytes > 2 * BOUNDS.chunkBytes);
    pair.breakLines();
    a.setRotation({ messages: 1, seconds: 60 });
    a.sendText("in between", "key");
    await pair.untilSo(() => filesOf(a)[0]!.state === "done" && isDelivered(a, 1));
    const [received] = filesOf(b);
    const came = await bytesOf(received!.chunks!);
    expect([came.length, came.findIndex((byte, i) => byte !== bytes[i])]).toEqual([bytes.length, -1]);
    expect(received!.keys.length).toBeGreaterThan(1);
  });

  test("offered while so much waits that no more is taken have failed, and take no place of others", async () => {
    const pair = new Pair();
    const { a } = pair;
    for (let waiting = 0; waiting < BOUNDS.waitingMessages; waiting++) {
      a.sendFile(fileOf(randomBytes(1)));
      a.cancelFile(filesOf(a).at(-1)!.id);
    }
    a.sendFile(fileOf(randomBytes(1), "too much"));
    expect(filesOf(a).at(-1)).toMatchObject({
      name: "too much",
      state: "failed",
      note: expect.stringMatching(/waits/),
    });
    await pair.met();
    a.sendText("all gone", "key");
    await pair.untilSo(() => isDelivered(a, 1));
    for (let files = 0; files < BOUNDS.files; files++) a.sendFile(fileOf(randomBytes(1), `file ${files}`));
    await pair.untilSo(() => filesOf(pair.b).length === BOUNDS.files);
    expect(filesOf(pair.b).map(({ state }) => state)).toEqual(Array.from({ length: BOUNDS.files }, () => "offered"));
  });

  test("declined or cancelled, by whichever side, nothing more of them goes", async () => {
    const pair = await new Pair().met();
    const { a, b } = pair;
    for (const name of ["declined", "withdrawn", "stopped"]) a.sendFile(fileOf(randomBytes(60_000), name));
    await pair.untilSo(() => filesOf(b).length === 3);
    const [declined, withdrawn, stopped] = filesOf(b).map(({ id }) => id);
    b.answerFile(declined!, false);
    a.cancelFile(withdrawn!);
    b.answerFile(stopped!, true);
    b.cancelFile(stopped!);
    const states = (person: typeof a) => filesOf(person).map(({ state }) => state);
    await pair.untilSo(
      () => !states(a).includes("moving") && !states(a).includes("offered") && states(b)[1] !== "offered",
    );
    for (const person of [a, b]) expect(states(person)).toEqual(["declined", "cancelled", "cancelled"]);
  });

  test("that change while they are sent, or are too large, are not taken for whole", async () => {
    const pair = await new Pair().met();
    const { a, b } = pair;
    const file = fileOf(randomBytes(60_000));
    a.sendFile({ ...file, slice: (from, to) => new Blob([randomBytes(Math.min(10, to - from))]) });
    a.sendFile({ ...file, size: BOUNDS.fileBytes + 1 });
    await pair.untilSo(() => filesOf(b).length === 1);
    b.answerFile(filesOf(b)[0]!.id, true);
    await pair.untilSo(() => filesOf(b)[0]!.state === "cancelled");
    expect(filesOf(a)).toMatchObject([{ state: "failed", note: "it cannot be read any more" }]);
    expect(notesOf(a)).toContain("Not sent: keys.pdf is larger than 100 MB.");
  });

  test("are saved under a name, not under a path", () => {
    expect(["../../etc/passwd", ".bashrc", "a\u202Egpj.exe", " ", "ok.txt"].map(safeName)).toEqual([
      "__.._etc_passwd",
      "_bashrc",
      "a_gpj.exe",
      "file",
      "ok.txt",
    ]);
  });
});

describe("the way", () => {
  test("is direct where that opens, and the room's again when it breaks or is not wanted", async () => {
    const pair = new Pair();
    pair.isDirectPossible = true;
    await pair.met();
    const { a, b } = pair;
    const isBy = (kind: string) => () => a.state.channel === kind && b.state.channel === kind;
    await pair.untilSo(isBy("direct"));
    const roomBefore = pair.passed.room;
    a.sendText("direct", "key");
    await pair.untilSo(() => isDelivered(a, 1));
    expect(pair.passed.room).toBe(roomBefore);
    pair.breakLines();
    expect(a.state.channel).toBe("room");
    await pair.untilSo(isBy("direct"));
    b.setRoomOnly(true);
    await pair.untilSo(isBy("room"));
    a.sendText("room", "key");
    await pair.untilSo(() => isDelivered(a, 2));
    b.setRoomOnly(false);
    // Shown at once: a box that is ticked must not jump back.
    expect(b.state.isRoomOnly).toBe(false);
    await pair.untilSo(isBy("direct"));
    expect(words(b)).toEqual(["direct", "room"]);
  });

  test("that is dead though the browser does not know it is given up, and nothing is lost on it", async () => {
    const pair = new Pair();
    pair.isDirectPossible = true;
    await pair.met();
    const { a, b } = pair;
    await pair.untilSo(() => a.state.channel === "direct" && b.state.channel === "direct");
    pair.isDirectSilent = true;
    pair.isDirectPossible = false;
    a.sendText("into the void", "key");
    await pair.untilSo(() => isDelivered(a, 1));
    expect([a.state.channel, words(b)]).toEqual(["room", ["into the void"]]);
  });

  test("stays the room's where a direct one does not open", async () => {
    const pair = await new Pair().met();
    pair.a.sendText("hello", "key");
    await pair.untilSo(() => isDelivered(pair.a, 1));
    expect([pair.a.state.channel, pair.passed.direct]).toEqual(["room", 0]);
  });
});

async function ringing(): Promise<Pair> {
  const pair = await new Pair().met();
  pair.a.calls.place();
  await pair.untilSo(() => pair.b.state.call.call.state === "ringing");
  return pair;
}

describe("calls", () => {
  const frame = new Int16Array(BOUNDS.soundFrameSamples).fill(3000);

  test("ring, are answered, carry sound, and end on both sides", async () => {
    const pair = await ringing();
    const { a, b, sounds } = pair;
    b.calls.answer(true);
    await pair.untilSo(() => sounds["sae-a"].speak !== null && sounds["sae-b"].speak !== null);
    sounds["sae-a"].speak!(frame);
    sounds["sae-a"].speak!(frame);
    await pair.untilSo(() => sounds["sae-b"].played.length === 2);
    expect(b.state.call).toMatchObject({ heardFrames: 1, level: 0.5 });
    a.calls.mute(true);
    sounds["sae-a"].speak!(frame);
    a.calls.mute(false);
    sounds["sae-a"].speak!(frame);
    await pair.untilSo(() => sounds["sae-b"].played.length === 3);
    expect(sounds["sae-b"].played).toEqual([0, 1, 3]);
    b.calls.hangUp();
    await pair.untilSo(() => a.state.call.call.state === "none");
    expect(sounds["sae-a"].speak).toBeNull();
    for (const person of [a, b]) expect(notesOf(person).at(-1)).toMatch(/^Call ended after \d:\d\d$/);
  });

  test("a microphone that comes late, of a call that is over, takes nothing from the next", async () => {
    const pair = await ringing();
    const { a, b, sounds } = pair;
    const leave = Promise.withResolvers<void>();
    sounds["sae-b"].leave = leave.promise;
    b.calls.answer(true);
    b.calls.hangUp();
    await pair.untilSo(() => a.state.call.call.state === "none");
    sounds["sae-b"].leave = null;
    a.calls.place();
    await pair.untilSo(() => b.state.call.call.state === "ringing");
    b.calls.answer(true);
    await pair.untilSo(() => sounds["sae-b"].speak !== null);
    leave.resolve();
    await turn();
    expect(sounds["sae-b"].speak).not.toBeNull();
    b.calls.hangUp();
    expect(sounds["sae-b"].speak).toBeNull();
  });

  test("declined, unanswered or without a microphone they say so", async () => {
    const pair = await ringing();
    const { a, b } = pair;
    b.calls.answer(false);
    await pair.untilSo(() => notesOf(a).includes("Call declined"));
    a.calls.place();
    await pair.untilSo(() => b.state.call.call.state === "ringing");
    pair.clock.nowMs += BOUNDS.ringMs;
    await pair.untilSo(() => notesOf(b).includes("Missed call"));
    expect(notesOf(a)).toContain("No answer");
    pair.sounds["sae-b"].fault = "There is no microphone.";
    a.calls.place();
    await pair.untilSo(() => b.state.call.call.state === "ringing");
    b.calls.answer(true);
    await pair.untilSo(() => b.state.call.soundFault !== null);
    expect(b.state.call).toMatchObject({ soundFault: "There is no microphone.", call: { state: "talking" } });
  });
});

test("somebody who comes and goes costs no more keys than one a second", async () => {
  const pair = await new Pair().met();
  const before = pair.keys.taken.length;
  const from = pair.clock.nowMs;
  for (let i = 0; i < 30; i++) {
    pair.leaveRoom("sae-b");
    pair.enterRoom("sae-a", "sae-b");
    await pair.untilSo(() => pair.clock.nowMs > from + 100 * i);
  }
  await pair.untilSo(() => pair.a.state.presence === "here" && pair.b.state.presence === "here");
  const seconds = (pair.clock.nowMs - from) / 1000;
  expect(pair.keys.taken.length - before).toBeLessThanOrEqual(2 * (seconds + 2));
});

test("once it is over, nothing is sent, taken or asked for", async () => {
  const pair = await new Pair().met();
  const { a, b } = pair;
  a.end("Signed out.");
  const before = [pair.keys.taken.length, pair.passed.room];
  a.sendText("too late", "key");
  a.tick();
  b.sendText("are you there", "pad");
  await pair.untilSo(() => textsOf(b)[0]!.state === "sent");
  expect(a.state).toMatchObject({ ended: "Signed out.", sendingKey: null });
  expect(textsOf(a).filter(({ from }) => from === "peer")).toEqual([]);
  expect(pair.keys.taken.length - before[0]!).toBe(1);
});
