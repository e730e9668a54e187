import fc from "fast-check";
import { expect, it } from "vitest";
import { createLoad, type Visit } from "./load.ts";

const BOUNDS = { connectionsPerCertificate: 2, requestsPerCertificate: 3, bufferedBytes: 100 };
const step = fc.record({
  who: fc.constantFrom("a", "b", "c"),
  what: fc.constantFrom("connect", "disconnect", "enter", "hold", "leave"),
  n: fc.nat(60),
});

it("never lets more in or holds more than the bounds, and refuses nothing below them", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const load = createLoad(BOUNDS);
      const connected: { who: string; leave: () => void }[] = [];
      const open: { who: string; visit: Visit; bytes: number }[] = [];
      for (const { who, what, n } of steps) {
        const mine = open.filter((entry) => entry.who === who);
        const connections = connected.filter((entry) => entry.who === who);
        if (what === "connect") {
          const leave = load.connect(who);
          expect(leave !== undefined).toBe(connections.length < BOUNDS.connectionsPerCertificate);
          if (leave !== undefined) connected.push({ who, leave });
        } else if (what === "disconnect") {
          if (connections[0] === undefined) continue;
          connections[0].leave();
          connected.splice(connected.indexOf(connections[0]), 1);
        } else if (what === "enter") {
          const visit = load.enter(who);
          expect(visit !== undefined).toBe(mine.length < BOUNDS.requestsPerCertificate);
          if (visit !== undefined) open.push({ who, visit, bytes: 0 });
        } else if (what === "hold" && mine[0] !== undefined) {
          const room = BOUNDS.bufferedBytes - open.reduce((sum, { bytes }) => sum + bytes, 0);
          expect(mine[0].visit.hold(n)).toBe(n <= room);
          if (n <= room) mine[0].bytes += n;
        } else if (mine[0] !== undefined) {
          mine[0].visit.leave();
          mine[0].visit.leave();
          expect(mine[0].visit.hold(0)).toBe(false);
          open.splice(open.indexOf(mine[0]), 1);
        }
      }
    }),
  );
});
