/** OPEN_CONNECT. */
import { setTimeout as sleep } from "node:timers/promises";
import { must } from "../../case.ts";
import type { Application, OpenWish } from "../application.ts";
import { mustBeSame, mustBeUuid4, mustHaveBytes, newKsid, OPENED, type Scene } from "../scene.ts";
import { COMMANDS_MS, semantic, type SemanticCase } from "./case.ts";

const QUICK_MS = 500;
/** Beyond its Timeout: machines may be slow. */
const TOLERANCE_MS = 20_000;
/** bit/s; more than any link makes, and still a uint32. */
const IMPOSSIBLE_BPS = 4_000_000_000;
const HUGE_BYTES = 100_000;
const AT_ONCE = 50;
const MANY_MS = 120_000;

/** Both ends, where one alone would fail for want of the other. */
const endsFor = async (scene: Scene): Promise<readonly Application[]> =>
  scene.binding.can.has("ksid") ? [await scene.a()] : [await scene.a(), await scene.b()];

const openAt = async (ends: readonly Application[], wish: OpenWish) =>
  await Promise.all(ends.map(async (end) => await end.open(wish)));

export const OPEN_CASES: readonly SemanticCase[] = [
  semantic({
    id: "004-01",
    level: "M",
    clause: "5 Key_stream_ID; 6.1",
    title: "without a KSID: status 0 or 1, a UUID v4, and the QoS",
    needs: ["own-open"],
    uses: ["ksid", "qos-told"],
    async play(scene) {
      // Who names none and is told none alone, is told it with the peer.
      if (!scene.binding.can.has("ksid")) {
        mustBeUuid4((await scene.meet()).ksid);
        return;
      }
      const { said, ksid, qos } = await (await scene.a()).open({ qos: { chunkBytes: 64 } });
      scene.says("open", said, ...OPENED);
      mustBeUuid4(ksid);
      if (scene.binding.can.has("qos-told")) must(qos?.chunkBytes === 64, "the QoS told is not the one asked for");
    },
  }),
  semantic({
    id: "004-02",
    level: "M",
    clause: "5 QOS; 6.1",
    title: "the peer joins with another QoS, and gets the one that is registered",
    needs: ["own-open", "ksid"],
    uses: ["qos-told"],
    async play(scene) {
      const [a, b] = [await scene.a(), await scene.b()];
      const opened = await a.open({ qos: { chunkBytes: 64, ttlSeconds: 100 } });
      const ksid = scene.ksidOf(opened);
      const joined = await b.open({ ksid, qos: { chunkBytes: 48, ttlSeconds: 7 } });
      scene.says("open", joined.said, "success");
      if (scene.binding.can.has("qos-told")) {
        must(JSON.stringify(joined.qos) === JSON.stringify(opened.qos), "the peer is told another QoS");
      }
      mustHaveBytes(await scene.chunk(b, ksid, 0), 64);
    },
  }),
  semantic({
    id: "004-05",
    level: "M",
    clause: "6.3",
    title: "a KSID known beforehand, opened in either order: the same chunks",
    needs: ["own-open", "ksid"],
    async play(scene) {
      for (const isTurned of [false, true]) {
        const [a, b] = [await scene.a(), await scene.b()];
        const [first, second] = isTurned ? [b, a] : [a, b];
        const ksid = newKsid();
        const opened = await openAt([first, second], { ksid });
        for (const { said } of opened) scene.says("open", said, ...OPENED);
        mustBeSame(await scene.chunk(a, ksid, 0), await scene.chunk(b, ksid, 0));
      }
    },
  }),
  semantic({
    id: "004-06",
    level: "M",
    clause: "table 2, status 5",
    title: "a KSID that other applications use: status 5, and they do not notice",
    needs: ["own-open", "ksid", "others"],
    async play(scene) {
      const theirs = await scene.others();
      const { said } = await (await scene.a()).open({ ksid: theirs.ksid });
      scene.says("open", said, "ksid-in-use");
      mustBeSame(await theirs.a.getKey(theirs.ksid, { index: 0 }), await theirs.b.getKey(theirs.ksid, { index: 0 }));
    },
  }),
  semantic({
    id: "004-08",
    level: "M",
    clause: "5 QOS.Timeout",
    title: "the peer does not come within Timeout: status 6, or 1 at once",
    needs: ["own-open"],
    async play(scene) {
      const wish = { qos: { timeoutMs: QUICK_MS }, label: crypto.randomUUID() };
      const named = scene.binding.can.has("ksid") ? { ...wish, ksid: newKsid() } : wish;
      const a = await scene.a();
      const late = sleep(QUICK_MS + TOLERANCE_MS, null, { ref: false });
      const opened = await Promise.race([a.open(named), late]);
      must(
        opened !== null,
        `no answer ${(QUICK_MS + TOLERANCE_MS) / 1000} s after an OPEN_CONNECT with Timeout 500 ms`,
      );
      scene.says("open", opened.said, "timeout", "peer-not-connected");
    },
  }),
  semantic({
    id: "004-09",
    level: "M",
    clause: "5 QOS; table 2, status 7",
    title: "Min_bps that nobody can give: status 7, and what is offered is accepted",
    needs: ["own-open", "qos", "qos-told"],
    async play(scene) {
      const a = await scene.a();
      const refused = await a.open({ qos: { minBps: IMPOSSIBLE_BPS } });
      scene.says("open", refused.said, "qos-not-met");
      const { qos } = refused;
      must(qos !== null && qos.minBps < IMPOSSIBLE_BPS, "no QoS that could be had is offered");
      // Some bindings have opened the first one with what was offered.
      if (refused.ksid !== null) await a.close(refused.ksid);
      const { said, ksid } = await a.open({ qos });
      scene.says("open", said, ...OPENED);
      if (ksid !== null) await a.close(ksid);
    },
  }),
  semantic({
    id: "004-10",
    level: "M",
    clause: "5 QOS.Metadata_mimetype",
    title: "metadata of application/json is never refused",
    needs: ["own-open", "mimetype"],
    async play(scene) {
      await scene.meet({ qos: { metadataMimetype: "application/json" } });
    },
  }),
  semantic({
    id: "004-12",
    level: "M",
    clause: "5 QOS.Metadata_mimetype",
    title: "metadata of an unknown type: not opened so, and told which one is known",
    needs: ["own-open", "qos", "mimetype", "qos-told"],
    async play(scene) {
      const { said, qos } = await (await scene.a()).open({ qos: { metadataMimetype: "x/unknown" } });
      scene.refuses("open", said, "qos-not-met");
      must(qos !== null && qos.metadataMimetype !== "x/unknown", "it is not told which type of metadata is preferred");
      if (qos.metadataMimetype !== "application/json")
        scene.tell.note("preferred is another type than application/json");
    },
  }),
  semantic({
    id: "004-23",
    level: "M",
    clause: "table 2, status 4",
    title: "the link is gone: status 4",
    needs: ["own-open", "cut"],
    timeoutMs: COMMANDS_MS,
    async play(scene) {
      await scene.in("cut", async () => {
        const wish = { label: crypto.randomUUID() };
        for (const { said } of await openAt(await endsFor(scene), wish)) scene.says("open", said, "no-connection");
      });
    },
  }),
  semantic({
    id: "004-26",
    level: "M",
    clause: "5 QOS.Key_chunk_size",
    title: "a chunk of 0 bytes, and a huge one: status 7 or an error, and others are served",
    needs: ["own-open"],
    uses: ["no-bytes"],
    async play(scene) {
      const ends = await endsFor(scene);
      for (const chunkBytes of scene.binding.can.has("no-bytes") ? [0, HUGE_BYTES] : [HUGE_BYTES]) {
        const wish = { qos: { chunkBytes, timeoutMs: QUICK_MS }, label: crypto.randomUUID() };
        for (const { said } of await openAt(ends, wish)) {
          must(
            !OPENED.some((status) => scene.has(said, "open", status)),
            `a stream with chunks of ${chunkBytes} bytes is opened`,
          );
        }
      }
      const { a, ksid } = await scene.meet();
      mustHaveBytes(await scene.chunk(a, ksid, 0), 32);
    },
  }),
  semantic({
    id: "004-30",
    level: "M",
    clause: "5 Key_stream_ID",
    title: "a thousand KSIDs: all different, all of version 4",
    needs: ["own-open", "ksid"],
    timeoutMs: MANY_MS,
    async play(scene) {
      const allocated = new Set<string>();
      const applications = await Promise.all(Array.from({ length: AT_ONCE }, async () => await scene.a()));
      while (allocated.size < scene.ksids) {
        const opened = await Promise.all(applications.map(async (a) => ({ a, ksid: scene.ksidOf(await a.open({})) })));
        for (const { ksid } of opened) {
          mustBeUuid4(ksid);
          must(!allocated.has(ksid), "a Key_stream_ID was allocated twice");
          allocated.add(ksid);
        }
        await Promise.all(opened.map(async ({ a, ksid }) => await a.close(ksid)));
      }
    },
  }),
];
