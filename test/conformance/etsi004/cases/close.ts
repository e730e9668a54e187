/** CLOSE. */
import { expect } from "vitest";
import { PROFILES } from "../../../../shared/etsi004/profiles.ts";
import { expectSame } from "../stage.ts";
import type { Case } from "./case.ts";

const SOON = { timeoutMs: 500 };

export const CLOSE_CASES: readonly Case[] = [
  {
    id: "004-19",
    level: "M",
    title: "after the peer's CLOSE the chunks that were made may be fetched",
    needs: [],
    async run(stage) {
      const { a, b, ksid } = await stage.meet();
      const chunks = [await stage.chunk(a, ksid, 0), await stage.chunk(a, ksid, 1)];
      stage.expectWord("close", await a.close(ksid), "success");
      for (const [index, chunk] of chunks.entries()) expectSame(chunk, await stage.chunk(b, ksid, index));
    },
  },
  {
    id: "004-20",
    level: "M",
    title: "after its own CLOSE an end gets nothing new",
    needs: [],
    async run(stage) {
      const { a, ksid } = await stage.meet({ qos: SOON });
      await stage.chunk(a, ksid, 0);
      stage.expectWord("close", await a.close(ksid), "success");
      await stage.expectNoKey(a, ksid, 1, "unknown-ksid");
    },
  },
  {
    id: "004-21",
    level: "M",
    title: "closed by both and opened again: other key, or status 5",
    needs: [],
    async run(stage) {
      const label = crypto.randomUUID();
      const { a, b, ksid } = await stage.meet({ label });
      const before = await stage.chunk(a, ksid, 0);
      for (const end of [a, b]) stage.expectWord("close", await end.close(ksid), "success");
      if (PROFILES[stage.binding.profile].closedMayFetch) {
        // There is still key of the first one to be had: its KSID is in use.
        stage.expectWord("open", (await a.open({ ksid, qos: SOON })).word, "ksid-in-use");
        return;
      }
      const again = await stage.meet(stage.binding.can.has("ksid") ? { ksid } : { label });
      expect(again.ksid).toBe(ksid);
      const after = await stage.chunk(again.a, ksid, 0);
      expectSame(after, await stage.chunk(again.b, ksid, 0));
      expect(after.key === before.key).toBe(false);
    },
  },
  {
    id: "004-29",
    level: "R",
    title: "CLOSE twice: status 0, or that of an unknown KSID",
    needs: ["own-open"],
    async run(stage) {
      const { a, b, ksid } = await stage.meet();
      stage.expectWord("close", await a.close(ksid), "success");
      stage.expectWord("close", await a.close(ksid), "success", "unknown-ksid");
      stage.expectWord("close", await b.close(ksid), "success");
      stage.expectWord("close", await b.close(ksid), "success", "unknown-ksid");
    },
  },
];
