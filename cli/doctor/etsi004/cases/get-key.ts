/** GET_KEY. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChunkMetadata } from "../../../../shared/etsi004/types.ts";
import { must } from "../../case.ts";
import type { Got } from "../application.ts";
import { parsed } from "../reach.ts";
import { AGE_DIGITS, mustBeSame, mustDiffer, mustHaveBytes, newKsid } from "../scene.ts";
import { COMMANDS_MS, semantic, type SemanticCase } from "./case.ts";

const TEN = Array.from({ length: 10 }, (_, index) => index);
const STREAMS = 100;
const MANY_MS = 120_000;
const FAR = 1_000_000;
const ROOM = 100;
const SOON = { timeoutMs: 1000 };
const TTL_SECONDS = 1;
const LONG_AFTER_MS = 3000;
/** Between two looks at a chunk's age. */
const LATER_MS = 50;
const UINT32 = 2 ** 32;

function metadataOf({ metadata }: Got): ChunkMetadata {
  const json = parsed(metadata ?? "");
  must(typeof json === "object" && json !== null, "the metadata is no JSON object");
  return json as ChunkMetadata;
}

const mustHaveNone = ({ metadata }: Got): void => must(metadata === null, "metadata that was not asked for");

export const GET_KEY_CASES: readonly SemanticCase[] = [
  semantic({
    id: "004-03",
    level: "M",
    clause: "5 GET_KEY",
    title: "both ends get the same chunks, of the size agreed on, all of them different",
    needs: [],
    async play(scene) {
      const { a, b, ksid } = await scene.meet({ qos: { chunkBytes: 48 } });
      const chunks: Got[] = [];
      for (const index of TEN) {
        const chunk = await scene.chunk(a, ksid, index);
        mustBeSame(chunk, await scene.chunk(b, ksid, index));
        mustHaveBytes(chunk, 48);
        chunks.push(chunk);
      }
      mustDiffer(chunks);
    },
  }),
  semantic({
    id: "004-04",
    level: "M",
    clause: "5 index",
    title: "without an index: one after the other, and the peer gets the same by the index told",
    needs: ["next"],
    async play(scene) {
      const { a, b, ksid } = await scene.meet();
      for (const index of TEN) {
        const next = await a.getKey(ksid);
        scene.says("get-key", next.said, "success");
        must(next.index === index, `chunk ${next.index} comes where ${index} is the next`);
        mustBeSame(next, await scene.chunk(b, ksid, index));
      }
    },
  }),
  semantic({
    id: "004-07",
    level: "M",
    clause: "table 2, statuses 3 and 6",
    title: "before the peer has come: status 3 or 6, no key",
    needs: ["ksid", "refusal"],
    async play(scene) {
      const a = await scene.a();
      const ksid = scene.ksidOf(await a.open({ qos: SOON }));
      await scene.noKeyBut(a, ksid, 0, "peer-not-yet-connected", "timeout");
    },
  }),
  semantic({
    id: "004-11",
    level: "M",
    clause: "5 QOS.Metadata_mimetype",
    title: "a stream without metadata never has any",
    needs: ["mimetype"],
    uses: ["metadata-size"],
    async play(scene) {
      const { a, ksid } = await scene.meet({ qos: { metadataMimetype: "" } });
      mustHaveNone(await scene.chunk(a, ksid, 0, { metadataSize: ROOM }));
    },
  }),
  semantic({
    id: "004-13",
    level: "M",
    clause: "5 Metadata",
    title: "Metadata_size 0: status 0, no metadata",
    needs: ["metadata", "metadata-size"],
    async play(scene) {
      const { a, ksid } = await scene.meet();
      mustHaveNone(await scene.chunk(a, ksid, 0, { metadataSize: 0 }));
    },
  }),
  semantic({
    id: "004-14",
    level: "M",
    clause: "table 2, status 8",
    title: "Metadata_size 1: status 8 and the size needed; with that the chunk that both ends have",
    needs: ["metadata", "metadata-size"],
    async play(scene) {
      const { a, b, ksid } = await scene.meet();
      const small = await a.getKey(ksid, { index: 0, metadataSize: 1 });
      scene.says("get-key", small.said, "metadata-too-small");
      const { neededSize } = small;
      must(neededSize !== null && neededSize > 1, "the size that is needed is not told");
      const enough = await scene.chunk(a, ksid, 0, { metadataSize: neededSize + AGE_DIGITS });
      must(enough.metadata !== null, "with the size that is needed there is no metadata");
      mustBeSame(enough, await scene.chunk(b, ksid, 0));
    },
  }),
  semantic({
    id: "004-15",
    level: "M",
    clause: "5 Metadata",
    title: "metadata is JSON with age, which grows, and hops",
    needs: ["metadata"],
    async play(scene) {
      const { a, b, ksid } = await scene.meet();
      const young = metadataOf(await scene.chunk(a, ksid, 0, { metadataSize: ROOM }));
      await sleep(LATER_MS);
      const old = metadataOf(await scene.chunk(b, ksid, 0, { metadataSize: ROOM }));
      for (const { age, hops } of [young, old]) {
        must(Number.isInteger(age) && age >= 0 && age < UINT32, "age is no uint32");
        must(Number.isInteger(hops) && hops >= 0 && hops < UINT32, "hops is no uint32");
      }
      must(old.age > young.age, "age does not grow");
    },
  }),
  semantic({
    id: "004-16",
    level: "M",
    clause: "6.2; table 2, statuses 2 and 6",
    title: "the pool is empty: status 2 or 6, and no part of a chunk",
    needs: ["refusal", "drained"],
    timeoutMs: COMMANDS_MS,
    async play(scene) {
      await scene.in("drained", async () => {
        const { a, b, ksid } = await scene.meet({ qos: SOON });
        const empty = [a, b].map(async (end) => await scene.noKeyBut(end, ksid, 0, "insufficient-key", "timeout"));
        await Promise.all(empty);
      });
    },
  }),
  semantic({
    id: "004-17",
    level: "M",
    clause: "5 index",
    title: "an index far ahead: status 2 or 6",
    needs: ["index", "refusal"],
    async play(scene) {
      const { a, ksid } = await scene.meet({ qos: SOON });
      await scene.noKeyBut(a, ksid, FAR, "insufficient-key", "timeout");
      await scene.chunk(a, ksid, 0);
    },
  }),
  semantic({
    id: "004-18",
    level: "R",
    clause: "5 index",
    title: "an index twice at one end: status 2, or the same bytes; the peer's is untouched",
    needs: ["index", "refusal"],
    async play(scene) {
      const { a, b, ksid } = await scene.meet({ qos: SOON });
      const chunk = await scene.chunk(a, ksid, 0);
      const again = await a.getKey(ksid, { index: 0 });
      if (again.key === "") scene.says("get-key", again.said, "insufficient-key");
      else {
        mustBeSame(chunk, again);
        scene.tell.remark("the same end may read a chunk again");
      }
      mustBeSame(chunk, await scene.chunk(b, ksid, 0));
    },
  }),
  semantic({
    id: "004-22",
    level: "M",
    clause: "5 QOS.TTL",
    title: "after TTL a chunk is gone",
    needs: ["index", "qos", "refusal"],
    async play(scene) {
      const { a, b, ksid } = await scene.meet({ qos: { ...SOON, ttlSeconds: TTL_SECONDS } });
      await scene.chunk(a, ksid, 0);
      await sleep(LONG_AFTER_MS);
      await scene.noKey(b, ksid, 0, "insufficient-key", "timeout", "unknown-ksid");
    },
  }),
  semantic({
    id: "004-24",
    level: "R",
    clause: "",
    title: "a KSID that nobody knows, in GET_KEY and CLOSE",
    needs: [],
    async play(scene) {
      const a = await scene.a();
      await scene.noKey(a, newKsid(), 0, "unknown-ksid");
      scene.refuses("close", await a.close(newKsid()), "unknown-ksid");
    },
  }),
  semantic({
    id: "004-25",
    level: "M",
    clause: "5 Key_stream_ID",
    title: "two streams of one application: other KSIDs, other chunks",
    needs: [],
    async play(scene) {
      const [one, other] = await Promise.all([scene.meet(), scene.meet()]);
      must(one.ksid !== other.ksid, "two streams have the same Key_stream_ID");
      const chunks: Got[] = [];
      for (const index of TEN) {
        for (const { a, ksid } of [one, other]) chunks.push(await scene.chunk(a, ksid, index));
      }
      mustDiffer(chunks);
    },
  }),
  semantic({
    id: "004-27",
    level: "M",
    clause: "5 Key_stream_ID",
    title: "a hundred streams at once do not mix",
    needs: [],
    timeoutMs: MANY_MS,
    async play(scene) {
      const streams = Array.from({ length: STREAMS }, async () => {
        const { a, b, ksid } = await scene.meet();
        const read = async (end: typeof a) =>
          [await scene.chunk(end, ksid, 0), await scene.chunk(end, ksid, 1)] as const;
        const [ours, theirs] = await Promise.all([read(a), read(b)]);
        mustBeSame(ours[0], theirs[0]);
        mustBeSame(ours[1], theirs[1]);
        return ours;
      });
      mustDiffer((await Promise.all(streams)).flat());
    },
  }),
  semantic({
    id: "004-28",
    level: "X",
    clause: "",
    title: "a KSID of others is unknown to who did not open it",
    needs: ["others"],
    async play(scene) {
      const theirs = await scene.others();
      const stranger = await scene.a();
      await scene.noKey(stranger, theirs.ksid, 0, "unknown-ksid");
      scene.refuses("close", await stranger.close(theirs.ksid), "unknown-ksid");
      mustBeSame(await theirs.a.getKey(theirs.ksid, { index: 0 }), await theirs.b.getKey(theirs.ksid, { index: 0 }));
    },
  }),
];
