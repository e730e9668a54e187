/** GET_KEY. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { ChunkMetadata } from "../../../../shared/etsi004/types.ts";
import { C, D, type Got } from "../application.ts";
import { bytesIn, expectDistinct, expectSame, newKsid } from "../stage.ts";
import type { Case } from "./case.ts";

const TEN = Array.from({ length: 10 }, (_, index) => index);
const STREAMS = 100;
const FAR = 1_000_000;
const ROOM = 100;
const SOON = { timeoutMs: 500 };
const TTL_SECONDS = 1;
const LONG_AFTER_MS = 3000;

const metadataOf = ({ metadata }: Got): ChunkMetadata => JSON.parse(metadata ?? "") as ChunkMetadata;

export const GET_KEY_CASES: readonly Case[] = [
  {
    id: "004-03",
    level: "M",
    title: "both ends get the same chunks, of the size agreed on, all of them different",
    needs: [],
    async run(stage) {
      const { a, b, ksid } = await stage.meet({ qos: { chunkBytes: 48 } });
      const chunks: Got[] = [];
      for (const index of TEN) {
        const chunk = await stage.chunk(a, ksid, index);
        expectSame(chunk, await stage.chunk(b, ksid, index));
        expect(bytesIn(chunk)).toBe(48);
        chunks.push(chunk);
      }
      expectDistinct(chunks);
    },
  },
  {
    id: "004-04",
    level: "M",
    title: "without an index: one after the other, and the peer gets the same by the index told",
    needs: ["next"],
    async run(stage) {
      const { a, b, ksid } = await stage.meet();
      for (const index of TEN) {
        const next = await a.getKey(ksid);
        stage.expectWord("get-key", next.word, "success");
        expect(next.index).toBe(index);
        expectSame(next, await stage.chunk(b, ksid, index));
      }
    },
  },
  {
    id: "004-07",
    level: "M",
    title: "before the peer has come: status 3 or 6, no key",
    needs: ["ksid", "refusal"],
    async run(stage) {
      const a = await stage.a();
      const { ksid } = await a.open({ qos: SOON });
      await stage.expectNoKey(a, ksid ?? expect.unreachable(), 0, "peer-not-yet-connected", "timeout");
    },
  },
  {
    id: "004-11",
    level: "M",
    title: "a stream without metadata never has any",
    needs: ["mimetype"],
    uses: ["metadata-size"],
    async run(stage) {
      const { a, ksid } = await stage.meet({ qos: { metadataMimetype: "" } });
      expect((await stage.chunk(a, ksid, 0, { metadataSize: ROOM })).metadata).toBeNull();
    },
  },
  {
    id: "004-13",
    level: "M",
    title: "Metadata_size 0: status 0, no metadata",
    needs: ["metadata", "metadata-size"],
    async run(stage) {
      const { a, ksid } = await stage.meet();
      expect((await stage.chunk(a, ksid, 0, { metadataSize: 0 })).metadata).toBeNull();
    },
  },
  {
    id: "004-14",
    level: "M",
    title: "Metadata_size 1: status 8 and the size needed; with that the chunk that both ends have",
    needs: ["metadata", "metadata-size"],
    async run(stage) {
      const { a, b, ksid } = await stage.meet();
      const small = await a.getKey(ksid, { index: 0, metadataSize: 1 });
      stage.expectWord("get-key", small.word, "metadata-too-small");
      const enough = await stage.chunk(a, ksid, 0, { metadataSize: small.neededSize ?? expect.unreachable() });
      expect(enough.metadata).not.toBeNull();
      expectSame(enough, await stage.chunk(b, ksid, 0));
    },
  },
  {
    id: "004-15",
    level: "M",
    title: "metadata is JSON with age, which grows, and hops",
    needs: ["metadata"],
    async run(stage) {
      const { a, b, ksid } = await stage.meet();
      const young = metadataOf(await stage.chunk(a, ksid, 0, { metadataSize: ROOM }));
      const old = metadataOf(await stage.chunk(b, ksid, 0, { metadataSize: ROOM }));
      for (const { age, hops } of [young, old]) {
        expect([Number.isInteger(age), age >= 0, age < 2 ** 32, hops]).toEqual([true, true, true, 0]);
      }
      expect(old.age).toBeGreaterThan(young.age);
    },
  },
  {
    id: "004-16",
    level: "M",
    title: "the pool is empty: status 2 or 6, and no part of a chunk",
    place: "drained",
    needs: ["refusal"],
    async run(stage) {
      const { a, b, ksid } = await stage.meet({ qos: SOON });
      const statuses = ["insufficient-key", "timeout"] as const;
      await Promise.all([a, b].map(async (end) => await stage.expectNoKey(end, ksid, 0, ...statuses)));
    },
  },
  {
    id: "004-17",
    level: "M",
    title: "an index far ahead: status 2 or 6",
    needs: ["index", "refusal"],
    async run(stage) {
      const { a, ksid } = await stage.meet({ qos: SOON });
      await stage.expectNoKey(a, ksid, FAR, "insufficient-key", "timeout");
      await stage.chunk(a, ksid, 0);
    },
  },
  {
    id: "004-18",
    level: "R",
    title: "an index twice at one end: status 2, and the peer's is untouched",
    needs: ["index", "refusal"],
    async run(stage) {
      const { a, b, ksid } = await stage.meet({ qos: SOON });
      const chunk = await stage.chunk(a, ksid, 0);
      await stage.expectNoKey(a, ksid, 0, "insufficient-key");
      expectSame(chunk, await stage.chunk(b, ksid, 0));
    },
  },
  {
    id: "004-22",
    level: "M",
    title: "after TTL a chunk is gone",
    needs: ["index", "qos", "refusal"],
    async run(stage) {
      const { a, b, ksid } = await stage.meet({ qos: { ...SOON, ttlSeconds: TTL_SECONDS } });
      await stage.chunk(a, ksid, 0);
      await sleep(LONG_AFTER_MS);
      await stage.expectNoKey(b, ksid, 0, "insufficient-key", "timeout", "unknown-ksid");
    },
  },
  {
    id: "004-25",
    level: "M",
    title: "two streams of one application: other KSIDs, other chunks",
    needs: [],
    async run(stage) {
      const meetings = await Promise.all([stage.meet(), stage.meet()]);
      expect(new Set(meetings.map(({ ksid }) => ksid)).size).toBe(2);
      const chunks: Got[] = [];
      for (const index of TEN) for (const { a, ksid } of meetings) chunks.push(await stage.chunk(a, ksid, index));
      expectDistinct(chunks);
    },
  },
  {
    id: "004-27",
    level: "M",
    title: "a hundred streams at once do not mix",
    needs: [],
    async run(stage) {
      const chunks = await Promise.all(
        Array.from({ length: STREAMS }, async () => {
          const { a, b, ksid } = await stage.meet();
          const both = await Promise.all(
            [a, b].map(async (end) => [await stage.chunk(end, ksid, 0), await stage.chunk(end, ksid, 1)]),
          );
          const [[first, second] = [], [theirFirst, theirSecond] = []] = both;
          if (!first || !second || !theirFirst || !theirSecond) expect.unreachable();
          expectSame(first, theirFirst);
          expectSame(second, theirSecond);
          return [first, second];
        }),
      );
      expectDistinct(chunks.flat());
    },
  },
  {
    id: "004-28",
    level: "X",
    title: "a KSID of others is unknown to who did not open it",
    needs: [],
    async run(stage) {
      const theirs = await stage.others(C, D);
      const stranger = await stage.a();
      await stage.expectNoKey(stranger, theirs.ksid, 0, "unknown-ksid");
      stage.expectWord("close", await stranger.close(theirs.ksid), "unknown-ksid");
      expectSame(await theirs.a.getKey(theirs.ksid, { index: 0 }), await theirs.b.getKey(theirs.ksid, { index: 0 }));
    },
  },
  {
    id: "004-24",
    level: "R",
    title: "a KSID that nobody knows, in GET_KEY and CLOSE",
    needs: [],
    async run(stage) {
      const a = await stage.a();
      await stage.expectNoKey(a, newKsid(), 0, "unknown-ksid");
      stage.expectWord("close", await a.close(newKsid()), "unknown-ksid");
    },
  },
];
