/** The other side is an application like any other, and may be anybody's. */
import { expect, test } from "vitest";
import { RefusedError } from "../../../client/index.ts";
import { BOUNDS } from "./bounds.ts";
import { filesOf, notesOf, Pair, textsOf } from "./testing/pair.ts";
import { Stranger } from "./testing/stranger.ts";
import { randomBytes } from "./testing/world.ts";

const idOf = (number: number): string => number.toString(16).padStart(16, "0");
const file = (name: string) => ({ name, type: "", size: 3, slice: () => new Blob(["abc"]) });
const offer = (number: number, sizeBytes = 10) =>
  ({ kind: "file-offer", id: idOf(number), name: "x", mediaType: "", sizeBytes }) as const;

test("of files offered without end no more than a few are shown, and the rest declined", async () => {
  const stranger = await Stranger.met();
  const { a } = stranger.pair;
  for (let i = 0; i < BOUNDS.files + 5; i++) stranger.say(offer(i));
  await stranger.untilSo(() => stranger.heard.filter(({ head }) => head.kind === "file-answer").length === 5);
  expect(filesOf(a).length).toBe(BOUNDS.files);
  a.answerFile(idOf(0), false);
  stranger.say(offer(100));
  await stranger.untilSo(() => filesOf(a).length === BOUNDS.files + 1);
});

test("a file in many small pieces is not taken", async () => {
  const stranger = await Stranger.met();
  const { a } = stranger.pair;
  stranger.say(offer(1, 1000));
  await stranger.untilSo(() => filesOf(a).length === 1);
  a.answerFile(idOf(1), true);
  stranger.say({ kind: "file-chunk", id: idOf(1), offset: 0 }, new Uint8Array(1));
  await stranger.untilSo(() => filesOf(a)[0]!.state === "failed");
});

test("pads that there are none of are not asked for without end, and texts after them are shown", async () => {
  const stranger = await Stranger.met();
  const { a, keys } = stranger.pair;
  const give = keys.kme.getKeyWithIds;
  let asked = 0;
  keys.kme.getKeyWithIds = async (master, ids) => {
    asked++;
    return await give(master, ids);
  };
  for (let i = 0; i < 40; i++) {
    stranger.say({ kind: "pad", id: idOf(i), keyId: crypto.randomUUID() }, randomBytes(40));
  }
  stranger.say({ kind: "text", id: idOf(40), text: "after them" });
  await stranger.untilSo(() => textsOf(a).length === 41);
  expect([asked, textsOf(a).at(-1)!.text]).toEqual([BOUNDS.refusals.most, "after them"]);
});

test("however much is said, what waits to be sent stays, and goes", async () => {
  const stranger = await Stranger.met();
  const { a, keys } = stranger.pair;
  a.sendText("the first key is for this", "key");
  await stranger.untilSo(() => stranger.heard.some(({ head }) => head.kind === "text"));
  keys.stock = 0;
  a.sendText("do not lose me", "pad");
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 60; j++) stranger.say({ kind: "text", id: idOf(60 * i + j), text: "noise" });
    await stranger.untilSo(() => textsOf(a).some(({ id }) => id === idOf(60 * i + 59)));
  }
  expect(a.state.timeline.length).toBe(BOUNDS.entries);
  keys.stock = 5;
  await stranger.untilSo(() => stranger.heard.some(({ head }) => head.kind === "pad"));
});

test("who rings and never gives up is not heard for ever", async () => {
  const stranger = await Stranger.met();
  const { pair } = stranger;
  stranger.say({ kind: "call", call: 1, step: "ring" });
  await stranger.untilSo(() => pair.a.state.call.call.state === "ringing");
  pair.clock.nowMs += BOUNDS.ringMs + BOUNDS.ringOverMs;
  await stranger.untilSo(() => pair.a.state.call.call.state === "none");
  expect(notesOf(pair.a)).toContain("Missed call");
});

test("offers of direct channels without end are not tried without end", async () => {
  const stranger = await Stranger.met();
  const { pair } = stranger;
  stranger.say({ kind: "direct", isWanted: true });
  const before = pair.linesMade;
  for (let i = 0; i < 50; i++) stranger.say({ kind: "description", type: "offer", sdp: "o" });
  stranger.say({ kind: "text", id: idOf(1), text: "after them" });
  await stranger.untilSo(() => textsOf(pair.a).length === 1);
  expect(pair.linesMade - before).toBeLessThanOrEqual(BOUNDS.directOffers.most + 2);
});

test("files that were offered and not answered end with the page, and one that was not seen is offered to the next", async () => {
  const pair = await new Pair().met();
  pair.a.sendFile(file("theirs"));
  await pair.untilSo(() => filesOf(pair.b).length === 1);
  pair.leaveRoom("sae-b");
  pair.b.sendFile(file("unseen"));
  const { b } = pair;
  pair.reload("sae-a");
  await pair.untilSo(() => filesOf(pair.a).length === 1);
  expect(filesOf(b).map(({ name, state }) => [name, state])).toEqual([
    ["theirs", "failed"],
    ["unseen", "offered"],
  ]);
  pair.a.answerFile(filesOf(pair.a)[0]!.id, true);
  await pair.untilSo(() => filesOf(b)[1]!.state === "done");
});

test("a text of characters that JSON makes long goes like any other", async () => {
  const pair = await new Pair().met();
  const text = "\u0001".repeat(BOUNDS.textChars);
  pair.a.sendText(text, "key");
  pair.a.sendText("after it", "key");
  await pair.untilSo(() => textsOf(pair.b).length === 2);
  expect(textsOf(pair.b)[0]!.text).toBe(text);
});

test("a pad that is refused, as for its size, is told, and holds up nobody", async () => {
  const pair = await new Pair().met();
  const give = pair.keys.kme.getKey;
  pair.keys.kme.getKey = async (slave, options) => {
    if ((options?.sizeBits ?? 0) > 256) throw new RefusedError("size is too large", { status: 400 });
    return await give(slave, options);
  };
  pair.a.sendText("too long", "pad");
  pair.a.sendText("behind it", "key");
  await pair.untilSo(() => textsOf(pair.b).length === 1);
  expect(textsOf(pair.a)[0]).toMatchObject({ state: "refused", keyId: null });
  expect(notesOf(pair.a)).toContain("Not sent under a one-time pad: size is too large.");
});

test("a pad of another length than was asked for is neither used nor asked for again and again", async () => {
  const pair = await new Pair().met();
  const give = pair.keys.kme.getKey;
  let pads = 0;
  pair.keys.kme.getKey = async (slave, options) => {
    const sizeBits = options?.sizeBits ?? 256;
    if (sizeBits !== 256) pads++;
    return await give(slave, { sizeBits: sizeBits === 256 ? 256 : sizeBits + 64 });
  };
  pair.a.sendText("secret", "pad");
  pair.a.sendText("behind it", "key");
  await pair.untilSo(() => textsOf(pair.b).length === 1);
  expect([pads, textsOf(pair.a)[0]!.state]).toEqual([1, "refused"]);
});

test("no pads are taken for a text that cannot go yet", async () => {
  const pair = await new Pair().met();
  const { a, keys } = pair;
  keys.stock = 0;
  pair.clock.nowMs += 400_000;
  for (let i = 0; i < BOUNDS.waitingMessages; i += 2) {
    a.calls.place();
    a.calls.hangUp();
  }
  keys.kme.getKey = ((give) => async (slave, options) => {
    if (options?.sizeBits === 256) throw new RefusedError("none", { status: 503 });
    keys.stock = 1;
    return await give(slave, options);
  })(keys.kme.getKey);
  a.sendText("under a pad", "pad");
  let ticks = 0;
  await pair.untilSo(() => ++ticks > 50);
  expect(keys.sizesBits.filter((bits) => bits !== 256).length).toBe(1);
});

test("where the browser makes no direct channel all goes through the room, and it is tried again", async () => {
  const pair = new Pair();
  pair.isLineForbidden = true;
  pair.isDirectPossible = true;
  await pair.met();
  pair.a.sendText("hello", "key");
  await pair.untilSo(() => textsOf(pair.b).length === 1);
  expect(pair.a.state.channel).toBe("room");
  pair.isLineForbidden = false;
  await pair.untilSo(() => pair.a.state.channel === "direct" && pair.b.state.channel === "direct");
});
