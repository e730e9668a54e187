/** OPEN_CONNECT. */
import { expect } from "vitest";
import { C, D } from "../application.ts";
import { bytesIn, expectSame, newKsid, UUID_V4 } from "../stage.ts";
import type { Case } from "./case.ts";

const QUICK_MS = 500;
/** bit/s; no link of the demo makes as much. */
const IMPOSSIBLE_BPS = 4_000_000_000;
const HUGE_BYTES = 100_000;
/** There are seven bindings that allocate. */
const KSIDS_EACH = 200;
const AT_ONCE = 50;
const allocated = new Set<string>();

export const OPEN_CASES: readonly Case[] = [
  {
    id: "004-01",
    level: "M",
    title: "without a KSID: status 0 or 1, a UUID v4, and the QoS",
    needs: ["own-open"],
    uses: ["ksid", "qos-told"],
    async run(stage) {
      // Who names none and is told none alone, is told it with the peer.
      if (!stage.binding.can.has("ksid")) {
        expect((await stage.meet()).ksid).toMatch(UUID_V4);
        return;
      }
      const { word, ksid, qos } = await (await stage.a()).open({ qos: { chunkBytes: 64 } });
      stage.expectWord("open", word, "success", "peer-not-connected");
      expect(ksid).toMatch(UUID_V4);
      if (stage.binding.can.has("qos-told")) expect(qos).toMatchObject({ chunkBytes: 64 });
    },
  },
  {
    id: "004-02",
    level: "M",
    title: "the peer joins with another QoS, and gets the one that is registered",
    needs: ["own-open", "ksid"],
    uses: ["qos-told"],
    async run(stage) {
      const [a, b] = [await stage.a(), await stage.b()];
      const { ksid, qos } = await a.open({ qos: { chunkBytes: 64, ttlSeconds: 100 } });
      if (ksid === null) expect.unreachable();
      const joined = await b.open({ ksid, qos: { chunkBytes: 48, ttlSeconds: 7 } });
      stage.expectWord("open", joined.word, "success");
      if (stage.binding.can.has("qos-told")) expect(joined.qos).toEqual(qos);
      expect(bytesIn(await stage.chunk(b, ksid, 0))).toBe(64);
    },
  },
  {
    id: "004-05",
    level: "M",
    title: "a KSID known beforehand, opened in either order: the same chunks",
    needs: ["own-open", "ksid"],
    async run(stage) {
      for (const isTurned of [false, true]) {
        const [a, b] = [await stage.a(), await stage.b()];
        const [first, second] = isTurned ? [b, a] : [a, b];
        const ksid = newKsid();
        const waiting = first.open({ ksid });
        const joined = await second.open({ ksid });
        for (const { word } of [await waiting, joined]) stage.expectWord("open", word, "success", "peer-not-connected");
        expectSame(await stage.chunk(a, ksid, 0), await stage.chunk(b, ksid, 0));
      }
    },
  },
  {
    id: "004-06",
    level: "M",
    title: "a KSID that other applications use: status 5, and they do not notice",
    needs: ["own-open", "ksid"],
    async run(stage) {
      const theirs = await stage.others(C, D);
      const { word } = await (await stage.a()).open({ ksid: theirs.ksid });
      stage.expectWord("open", word, "ksid-in-use");
      expectSame(await theirs.a.getKey(theirs.ksid, { index: 0 }), await theirs.b.getKey(theirs.ksid, { index: 0 }));
    },
  },
  {
    id: "004-08",
    level: "M",
    title: "the peer does not come within Timeout: status 6, or 1 at once",
    needs: ["own-open"],
    async run(stage) {
      const wish = { qos: { timeoutMs: QUICK_MS }, label: crypto.randomUUID() };
      const named = stage.binding.can.has("ksid") ? { ...wish, ksid: newKsid() } : wish;
      const { word } = await (await stage.a()).open(named);
      stage.expectWord("open", word, "timeout", "peer-not-connected");
    },
  },
  {
    id: "004-09",
    level: "M",
    title: "Min_bps that nobody can give: status 7, and what is offered is accepted",
    needs: ["own-open", "qos", "qos-told"],
    async run(stage) {
      const a = await stage.a();
      const refused = await a.open({ qos: { minBps: IMPOSSIBLE_BPS } });
      stage.expectWord("open", refused.word, "qos-not-met");
      if (refused.qos === null) expect.unreachable();
      expect(refused.qos.minBps).toBeLessThan(IMPOSSIBLE_BPS);
      // Some bindings have opened the first one with what was offered.
      if (refused.ksid !== null) await a.close(refused.ksid);
      const { word, ksid } = await a.open({ qos: refused.qos });
      stage.expectWord("open", word, "success", "peer-not-connected");
      if (ksid !== null) await a.close(ksid);
    },
  },
  {
    id: "004-10",
    level: "M",
    title: "metadata of application/json is never refused",
    needs: ["own-open", "mimetype"],
    async run(stage) {
      await stage.meet({ qos: { metadataMimetype: "application/json" } });
    },
  },
  {
    id: "004-12",
    level: "M",
    title: "metadata of an unknown type: not opened so, and told which one is known",
    needs: ["own-open", "qos", "mimetype", "qos-told"],
    async run(stage) {
      const { word, qos } = await (await stage.a()).open({ qos: { metadataMimetype: "x/unknown" } });
      stage.expectWord("open", word, "qos-not-met");
      expect(qos?.metadataMimetype).toBe("application/json");
    },
  },
  {
    id: "004-23",
    level: "M",
    title: "the link is gone: status 4",
    place: "cut",
    needs: ["own-open"],
    async run(stage) {
      const { word } = await (await stage.a()).open({ label: crypto.randomUUID() });
      stage.expectWord("open", word, "no-connection");
    },
  },
  {
    id: "004-26",
    level: "M",
    title: "a chunk of 0 bytes, and a huge one: status 7 or an error, and others are served",
    needs: ["own-open"],
    uses: ["no-bytes"],
    async run(stage) {
      const good = (["success", "peer-not-connected"] as const).flatMap((it) => stage.binding.says("open", it));
      // Both ends where one alone would fail for want of the other.
      const ends = stage.binding.can.has("ksid") ? [await stage.a()] : [await stage.a(), await stage.b()];
      for (const chunkBytes of stage.binding.can.has("no-bytes") ? [0, HUGE_BYTES] : [HUGE_BYTES]) {
        const wish = { qos: { chunkBytes, timeoutMs: QUICK_MS }, label: crypto.randomUUID() };
        for (const { word } of await Promise.all(ends.map(async (end) => await end.open(wish)))) {
          expect(good, `a chunk of ${chunkBytes} bytes`).not.toContain(word);
        }
      }
      const { a, ksid } = await stage.meet();
      expect(bytesIn(await stage.chunk(a, ksid, 0))).toBe(32);
    },
  },
  {
    id: "004-30",
    level: "M",
    title: "more than a thousand KSIDs, over all bindings together: all different, all of version 4",
    needs: ["own-open", "ksid"],
    async run(stage) {
      const before = allocated.size;
      const applications = await Promise.all(Array.from({ length: AT_ONCE }, async () => await stage.a()));
      for (let opened = 0; opened < KSIDS_EACH; opened += AT_ONCE) {
        for (const { ksid } of await Promise.all(applications.map(async (a) => await a.open({})))) {
          expect(ksid).toMatch(UUID_V4);
          allocated.add(ksid ?? "");
        }
      }
      expect(allocated.size).toBe(before + KSIDS_EACH);
    },
  },
];
