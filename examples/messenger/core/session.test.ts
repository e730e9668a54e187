import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../../shared/bytes/hex.ts";
import { BOUNDS } from "./bounds.ts";
import { decodeHead, HEAD_BYTES } from "./frame.ts";
import { SEAL_BYTES } from "./sealer.ts";
import { met, type Name, Page, World } from "./testing/pages.ts";
import { randomBytes, turn, until } from "./testing/world.ts";

const texts = (from: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${from} ${i + 1}`);

describe("two pages", () => {
  test("greet, and pass texts both ways in their order, acknowledged", async () => {
    const world = await met();
    const { anna, bert } = world.pages;
    for (const text of texts("anna", 12)) anna.send(text);
    for (const text of texts("bert", 7)) bert.send(text);
    await world.untilSo(() => anna.arrived.length === 12 && bert.arrived.length === 7);
    expect(bert.got).toEqual(texts("anna", 12));
    expect(anna.got).toEqual(texts("bert", 7));
  });

  test("change keys after so many messages, and after so long", async () => {
    const world = await met();
    const { anna } = world.pages;
    for (const text of texts("anna", 12)) anna.send(text);
    await world.untilSo(() => anna.arrived.length === 12);
    const keys = texts("anna", 12).map((text) => anna.keysOf.get(text)!);
    expect(new Set(keys.slice(0, 5)).size).toBe(1);
    expect(new Set(keys).size).toBe(3);
    world.clock.nowMs += 600_000;
    anna.send("later");
    await world.untilSo(() => anna.arrived.includes("later"));
    expect(keys).not.toContain(anna.keysOf.get("later"));
  });

  test("wait for key where there is none, and go on when there is: nothing goes without", async () => {
    const world = await met();
    const { anna, bert } = world.pages;
    world.keys.stock = 0;
    for (const text of texts("anna", 7)) anna.send(text);
    await world.untilSo(() => anna.arrived.length === 5);
    for (let turns = 0; turns < 20; turns++) {
      world.clock.nowMs += 500;
      world.flush();
      anna.session.tick();
      await turn();
    }
    expect(bert.got).toEqual(texts("anna", 5));
    // What the other side says is still acknowledged, under the key there is.
    bert.send("still here");
    await world.untilSo(() => bert.arrived.length === 1);
    world.keys.stock = 1;
    await world.untilSo(() => anna.arrived.length === 7);
    expect(bert.got).toEqual(texts("anna", 7));
  });

  test("a page that is opened anew gets what the former did not acknowledge, under another key", async () => {
    const world = await met();
    const { anna } = world.pages;
    anna.send("seen");
    world.pages.bert.send("seen as well");
    await world.untilSo(() => anna.arrived.length === 1 && anna.got.length === 1);
    const before = anna.session.sendingKey?.keyId;
    anna.session.useCarrier(null);
    anna.send("not seen");
    const gone = world.reload("bert");
    const { bert } = world.pages;
    await world.untilSo(() => anna.arrived.length === 2);
    expect([gone.got, bert.got]).toEqual([["seen"], ["not seen"]]);
    expect(anna.session.sendingKey?.keyId).not.toBe(before);
    bert.send("back");
    await world.untilSo(() => anna.got.length === 2);
  });

  test("a page that comes back after another one was open loses nothing, and is told of nothing that did not arrive", async () => {
    const world = await met();
    const { anna: phone, bert } = world.pages;
    for (const text of texts("bert", 4)) bert.send(text);
    phone.send("from the phone");
    await world.untilSo(() => bert.arrived.length === 4 && bert.got.length === 1);
    // The phone has no network for a while: no page of it is closed.
    phone.session.useCarrier(null);
    const laptop = (world.pages.anna = new Page(world, "anna", "bert"));
    world.connect("room");
    world.greet();
    laptop.send("from the laptop");
    await world.untilSo(() => bert.got.length === 2);
    laptop.session.close();
    world.pages.anna = phone;
    world.connect("room");
    world.greet();
    for (const text of texts("later", 3)) bert.send(text);
    phone.send("from the phone again");
    await world.untilSo(() => bert.arrived.length === 7 && phone.arrived.length === 2);
    expect(phone.got).toEqual([...texts("bert", 4), ...texts("later", 3)]);
    expect(bert.got).toEqual(["from the phone", "from the laptop", "from the phone again"]);
  });

  test("one that is told alone that the other side came meets it all the same", async () => {
    const world = await met();
    await world.run(5);
    world.pages.anna.session.greet();
    await world.untilSo(() => world.pages.anna.session.isMet);
    expect([world.pages.anna.successors, world.pages.bert.successors]).toEqual([0, 0]);
  });

  test("a greeting that the room has kept back brings nobody out of step", async () => {
    const world = await met();
    const { bert } = world.pages;
    world.pages.anna.session.greet();
    await until(() => world.pages.anna.ways.room.waiting.length > 0);
    const keptBack = world.pages.anna.ways.room.waiting.splice(0);
    world.reload("anna");
    const { anna } = world.pages;
    for (const text of texts("anna", 3)) anna.send(text);
    for (const text of texts("bert", 3)) bert.send(text);
    await world.untilSo(() => anna.arrived.length === 3 && bert.arrived.length === 3);
    for (const frame of keptBack) bert.session.receive(frame, () => undefined);
    await world.untilSo(() => bert.successors === 2);
    for (const text of texts("later", 2)) for (const page of [anna, bert]) page.send(text);
    await world.untilSo(() => anna.arrived.length === 5 && bert.arrived.length === 5);
    expect([anna.got.slice(3), bert.got.slice(3)]).toEqual([texts("later", 2), texts("later", 2)]);
  });

  test("a key that the other side cannot have is replaced, and none too often", async () => {
    const world = await met();
    const { anna, bert } = world.pages;
    const before = world.keys.taken.length;
    const give = world.keys.kme.getKeyWithIds;
    world.keys.kme.getKeyWithIds = async (_master, [keyId = ""]) => {
      world.keys.lose(keyId);
      return await give("", [keyId]);
    };
    const fromMs = world.clock.nowMs;
    anna.session.greet();
    anna.send("at last");
    await world.untilSo(() => anna.lostKeys.length === 6);
    expect(bert.lostKeys).toEqual(expect.arrayContaining(anna.lostKeys));
    // The pauses before the next one double.
    expect(world.clock.nowMs - fromMs).toBeGreaterThanOrEqual(250 * (2 ** 5 - 1));
    expect(world.keys.taken.length - before).toBeLessThanOrEqual(8);
    world.keys.kme.getKeyWithIds = give;
    await world.untilSo(() => anna.arrived.length === 1);
    expect(bert.got).toEqual(["at last"]);
  });

  test("two of whom neither could have the other's key meet once they can have keys again", async () => {
    const world = new World();
    const give = world.keys.kme.getKeyWithIds;
    world.keys.kme.getKeyWithIds = async (_master, [keyId = ""]) => {
      world.keys.lose(keyId);
      return await give("", [keyId]);
    };
    world.greet();
    await world.untilSo(() => world.all.every(({ lostKeys }) => lostKeys.length > 0));
    world.keys.kme.getKeyWithIds = give;
    await world.untilSo(() => world.all.every(({ session }) => session.isMet));
    expect(world.keys.taken.length).toBeLessThanOrEqual(4);
  });

  test("what somebody puts into the way is thrown away", async () => {
    const world = await met();
    const { anna, bert } = world.pages;
    anna.send("one");
    await until(() => anna.ways.room.waiting.length > 0);
    const frame = anna.ways.room.waiting[0]!;
    const [changed, head] = [frame.slice(), decodeHead(frame)!];
    changed[changed.length - 1]! ^= 1;
    const garbage = [changed, randomBytes(100), frame.slice(0, 20), frame, frame.slice()];
    for (const each of garbage) bert.session.receive(each, () => undefined);
    await world.untilSo(() => anna.arrived.length === 1);
    expect([bert.got, bert.forged, head.direction]).toEqual([["one"], 1, 0]);
  });

  test("memory of unopened frames is bounded, and given back", async () => {
    const world = new World();
    let done = 0;
    const frames = 2 + BOUNDS.unopenedBytes / (64 * 1024);
    for (let i = 0; i < frames; i++) world.pages.anna.session.receive(randomBytes(64 * 1024), () => void done++);
    // Beyond the bound they are dropped at once.
    expect(done).toBe(2);
    // So is what no frame can be, as it would cost memory that nobody counts.
    for (const size of [0, SEAL_BYTES - 1, 256 * 1024])
      world.pages.bert.session.receive(new Uint8Array(size), () => void done++);
    expect(done).toBe(5);
    await until(() => done === frames + 3);
  });
});

/** What can happen on the ways; `at` chooses among what waits. */
const event = fc.record({
  what: fc.constantFrom("pass", "pass", "pass", "flush", "double", "lose", "switch", "say", "say", "time", "drop"),
  who: fc.constantFrom<Name>("anna", "bert"),
  at: fc.nat({ max: 63 }),
});

test("channels switched while frames are lost, doubled and overtaken: nothing lost, twice, out of order or under one counter", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 60, size: "max" }), async (events) => {
      const world = await met();
      const said: Record<Name, string[]> = { anna: [], bert: [] };
      let kind: "direct" | "room" = "room";
      for (const { what, who, at } of events) {
        const page = world.pages[who];
        const way = page.ways[at % 2 === 0 ? "direct" : "room"];
        if (what === "pass") way.letThrough(at >> 1);
        else if (what === "double") way.double(at >> 1);
        else if (what === "lose") way.lose(at >> 1);
        else if (what === "flush") way.flush();
        else if (what === "time") world.clock.nowMs += 100 * at;
        else if (what === "drop") page.session.useCarrier(null);
        else if (what === "say") {
          const text = `${who} ${said[who].length}`;
          said[who].push(text);
          page.send(text);
        } else {
          kind = kind === "direct" ? "room" : "direct";
          page.session.useCarrier(page.ways[kind].carrier);
        }
        for (const { session } of world.all) session.tick();
        if (at % 3 === 0) await turn();
      }
      world.connect(kind);
      await world.untilSo(() =>
        world.all.every((page, i) => page.arrived.length === said[i === 0 ? "anna" : "bert"].length),
      );
      expect(world.pages.bert.got).toEqual(said.anna);
      expect(world.pages.anna.got).toEqual(said.bert);
      for (const { forged } of world.all) expect(forged).toBe(0);
    }),
    { numRuns: 25 },
  );
});

test("no two different frames share key and counter, whatever is sent again", async () => {
  const world = await met();
  const { anna } = world.pages;
  const frames = new Map<string, string>();
  const note = (frame: Uint8Array): void => {
    const head = toHex(frame.subarray(0, HEAD_BYTES));
    expect(frames.get(head) ?? toHex(frame)).toBe(toHex(frame));
    frames.set(head, toHex(frame));
  };
  for (const text of texts("anna", 6)) anna.send(text);
  let round = 0;
  await until(
    () => frames.size > 20,
    () => {
      for (const way of Object.values(anna.ways)) for (const frame of way.waiting.splice(0)) note(frame);
      anna.session.useCarrier(anna.ways[round++ % 2 === 0 ? "direct" : "room"].carrier);
      world.clock.nowMs += BOUNDS.resendMs;
      anna.session.tick();
    },
  );
});
