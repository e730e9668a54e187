/** CLOSE. */
import { must } from "../../case.ts";
import { mustBeSame, OPENED } from "../scene.ts";
import { semantic, type SemanticCase } from "./case.ts";

const SOON = { timeoutMs: 1000 };

export const CLOSE_CASES: readonly SemanticCase[] = [
  semantic({
    id: "004-19",
    level: "M",
    clause: "5 CLOSE",
    title: "after the peer's CLOSE the chunks that were made may be fetched",
    needs: [],
    async play(scene) {
      const { a, b, ksid } = await scene.meet();
      const chunks = [await scene.chunk(a, ksid, 0), await scene.chunk(a, ksid, 1)];
      scene.says("close", await a.close(ksid), "success");
      for (const [index, chunk] of chunks.entries()) mustBeSame(chunk, await scene.chunk(b, ksid, index));
    },
  }),
  semantic({
    id: "004-20",
    level: "M",
    clause: "5 CLOSE",
    title: "after its own CLOSE an end gets nothing new",
    needs: [],
    async play(scene) {
      const { a, ksid } = await scene.meet({ qos: SOON });
      await scene.chunk(a, ksid, 0);
      scene.says("close", await a.close(ksid), "success");
      await scene.noKey(a, ksid, 1, "unknown-ksid");
    },
  }),
  semantic({
    id: "004-21",
    level: "M",
    clause: "5 CLOSE; table 2, status 5",
    title: "closed by both and opened again: other key, or status 5",
    needs: [],
    async play(scene) {
      const label = crypto.randomUUID();
      const { a, b, ksid } = await scene.meet({ label });
      const before = await scene.chunk(a, ksid, 0);
      for (const end of [a, b]) scene.says("close", await end.close(ksid), "success");
      const hasKsid = scene.binding.can.has("ksid");
      const again = await Promise.all([a, b].map(async (end) => await end.open(hasKsid ? { ksid } : { label })));
      const [one] = again;
      if (one !== undefined && scene.has(one.said, "open", "ksid-in-use")) {
        scene.tell.remark("while it had key to be fetched, the Key_stream_ID was in use");
        return;
      }
      for (const { said } of again) scene.says("open", said, ...OPENED);
      const same = again[0] === undefined ? ksid : scene.ksidOf(again[0]);
      const after = await scene.chunk(a, same, 0);
      mustBeSame(after, await scene.chunk(b, same, 0));
      must(after.key !== before.key, "a stream that was opened again gives the key of the one before", "M");
    },
  }),
  semantic({
    id: "004-29",
    level: "R",
    clause: "5 CLOSE",
    title: "CLOSE twice: status 0, or that of an unknown KSID",
    needs: ["own-open"],
    async play(scene) {
      const { a, b, ksid } = await scene.meet();
      for (const end of [a, b]) {
        scene.says("close", await end.close(ksid), "success");
        scene.says("close", await end.close(ksid), "success", "unknown-ksid");
      }
    },
  }),
];
