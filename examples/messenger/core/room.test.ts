/** Whoever runs the room sees, drops, doubles, changes and keeps back frames, and says who is there. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { met, type Name, Page } from "./testing/pages.ts";
import { turn } from "./testing/world.ts";

/** What a room can do to frames and to what it says of who is there, and people to their pages. */
const deed = fc.record({
  what: fc.constantFrom(
    "run",
    "run",
    "run",
    "lose",
    "replay",
    "change",
    "say",
    "say",
    "say",
    "time",
    "flicker",
    "reload",
    "return",
  ),
  who: fc.constantFrom<Name>("anna", "bert"),
  at: fc.nat({ max: 255 }),
});

test("whatever the room does and however pages come and go: what is said to have arrived has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 60, size: "max" }), async (deeds) => {
      const world = await met();
      const history: { readonly to: Name; readonly frame: Uint8Array<ArrayBuffer> }[] = [];
      const former: Record<Name, Page[]> = { anna: [], bert: [] };
      const otherOf = { anna: "bert", bert: "anna" } as const;
      let said = 0;
      for (const { what, who, at } of deeds) {
        const page = world.pages[who];
        const way = page.ways.room;
        for (const frame of way.waiting) history.push({ to: otherOf[who], frame });
        const old = history[at % Math.max(1, history.length)];
        if (what === "run") await world.run(at % 20);
        else if (what === "lose") way.lose(at);
        else if (what === "replay" && old !== undefined)
          world.pages[old.to].session.receive(old.frame.slice(), () => undefined);
        else if (what === "change" && old !== undefined) {
          const changed = at % 2 === 0 ? old.frame.slice(0, -1) : old.frame.slice();
          changed[at % changed.length]! ^= 1;
          world.pages[old.to].session.receive(changed, () => undefined);
        } else if (what === "say") page.send(`${who} ${said++}`);
        else if (what === "time") world.clock.nowMs += 20 * at;
        else if (what === "flicker") page.session.greet();
        else if (what === "reload" || (what === "return" && former[who].length > 0)) {
          page.session.useCarrier(null);
          if (what === "reload" && at % 2 === 0) page.session.close();
          else former[who].push(page);
          world.pages[who] = what === "reload" ? new Page(world, who, otherOf[who]) : former[who].shift()!;
          world.connect("room");
          world.greet();
        }
        for (const { session } of world.all) session.tick();
        if (at % 2 === 0) await turn();
      }
      for (const who of ["anna", "bert"] as const) world.pages[who].send(`last of ${who}`);
      await world.untilSo(() => world.all.every(({ arrived }) => arrived.some((text) => text.startsWith("last of"))));
      for (const who of ["anna", "bert"] as const) {
        const got = new Set(world.opened[otherOf[who]].flatMap((page) => page.got));
        for (const page of world.opened[who]) for (const text of page.arrived) expect(got).toContain(text);
      }
    }),
    { numRuns: 12 },
  );
});
