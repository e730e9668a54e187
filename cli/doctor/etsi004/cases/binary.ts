/** B-01 to B-15: the frames of ETSI's gs004-app-int, byte by byte. */
import { setTimeout as sleep } from "node:timers/promises";
import { encodeMessage } from "../../../../shared/etsi004/binary/encode.ts";
import { HEADER_BYTES, type Request } from "../../../../shared/etsi004/binary/messages.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { must } from "../../case.ts";
import { parsed } from "../reach.ts";
import { AGE_DIGITS, mustBeUuid4, newKsid } from "../scene.ts";
import { askBinary } from "../wire/binary.ts";
import { BinaryEnds, getKey, mustBeEqual, mustGive, mustSay, mustServe, nextGiven, OPEN, ROOM } from "./binary-ends.ts";
import { type WireCase, wireCases } from "./wire-case.ts";

const FAR = 1_000_000;
const HUGE_BYTES = 100_000;
/** Between two segments: else they are one. And until a key manager has noticed that a connection is gone. */
const APART_MS = 5;
const NOTICED_MS = 100;

const NO_FRAMES: readonly (readonly [string, string])[] = [
  ["an unknown type", "0100017f00000004"],
  ["another version", "0100020200000004"],
  ["4 GiB", "01000102ffffffff"],
  ["a payload too short", "0100010400000004"],
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n").toString("hex")],
];

const wire = wireCases((stage) => new BinaryEnds(stage));

export const BINARY_CASES: readonly WireCase[] = [
  wire({
    id: "B-01",
    level: "M",
    title: "OPEN_CONNECT: its answer has status 0 or 7, the QoS and a KSID, 312 bytes in all",
    async play(ends) {
      const { status, stream } = await askBinary(await ends.line(), ends.request());
      must(OPEN.has(status) && stream !== null, `OPEN_CONNECT says ${status}`);
      mustBeUuid4(stream.ksid);
    },
  }),
  wire({
    id: "B-02",
    level: "M",
    title: "GET_KEY: status, index, a chunk of the size agreed on, metadata in JSON; the same at both ends",
    async play(ends) {
      const { a, b, ksid, qos } = await ends.pair();
      const [one, other] = [mustGive(await getKey(a, ksid, 0), 0), mustGive(await getKey(b, ksid, 0), 0)];
      must(one.key.length === qos.chunkBytes, `a chunk of ${one.key.length} bytes, and not of ${qos.chunkBytes}`);
      mustBeEqual(one.key, other.key);
      must(parsed(one.metadata) !== undefined, "the metadata is no JSON");
    },
  }),
  wire({
    id: "B-03",
    level: "M",
    title: "too little room for metadata: status 8 and the size needed; with that the chunk is there",
    async play(ends) {
      const { a, ksid } = await ends.pair();
      const small = await getKey(a, ksid, 0, 4);
      mustSay(small.status, 8, "GET_KEY with Metadata_size 4");
      const neededSize = small.neededSize ?? 0;
      must(neededSize > 4, "the size needed is not told");
      mustGive(await getKey(a, ksid, 0, neededSize + AGE_DIGITS), 0);
    },
  }),
  wire({
    id: "B-04",
    level: "M",
    title: "Metadata_size 0: status 0, no metadata (ETSI's Python port says 8)",
    async play(ends) {
      const { a, ksid } = await ends.pair();
      must(mustGive(await getKey(a, ksid, 0, 0), 0).metadata === "", "metadata that was not asked for");
    },
  }),
  wire({
    id: "B-05",
    level: "M",
    title: "an index too far: status 2, nothing else",
    async play(ends) {
      const { a, ksid } = await ends.pair();
      mustSay((await getKey(a, ksid, FAR)).status, 2, "GET_KEY");
    },
  }),
  wire({
    id: "B-06",
    level: "M",
    title: "CLOSE: status 0",
    async play(ends) {
      const { a, b, ksid } = await ends.pair();
      for (const line of [a, b]) mustSay((await askBinary(line, { type: "close-request", ksid })).status, 0, "CLOSE");
    },
  }),
  wire({
    id: "B-07",
    level: "R",
    title: "an unknown KSID in GET_KEY and CLOSE: status 3",
    async play(ends) {
      const line = await ends.line();
      mustSay((await getKey(line, newKsid(), 0)).status, 3, "GET_KEY");
      mustSay((await askBinary(line, { type: "close-request", ksid: newKsid() })).status, 3, "CLOSE");
    },
  }),
  wire({
    id: "B-08",
    level: "R",
    title: "a KSID opened again by the same end: status 5",
    async play(ends) {
      const { a, ksid } = await ends.pair();
      mustSay((await askBinary(a, ends.request("a", { ksid }))).status, 5, "OPEN_CONNECT");
    },
  }),
  wire({
    id: "B-09",
    level: "R",
    title: "an address without scheme and host: status 4",
    async play(ends) {
      const answer = await askBinary(await ends.line(), ends.request("a", { destination: "localhost" }));
      mustSay(answer.status, 4, "OPEN_CONNECT");
    },
  }),
  wire({
    id: "B-10",
    level: "R",
    title: "Timeout 0: status 6",
    async play(ends) {
      const request = ends.request();
      const none = { ...request, qos: { ...request.qos, timeoutMs: 0 } };
      mustSay((await askBinary(await ends.line(), none)).status, 6, "OPEN_CONNECT");
    },
  }),
  wire({
    id: "B-11",
    level: "R",
    title: "a chunk too long: status 7 with a QoS that can be had, and the stream can be used",
    async play(ends) {
      const { a, b, ksid, qos, status } = await ends.pair({ chunkBytes: HUGE_BYTES });
      mustSay(status, 7, "OPEN_CONNECT");
      const [one, other] = [mustGive(await getKey(a, ksid, 0), 0), mustGive(await getKey(b, ksid, 0), 0)];
      must(one.key.length === qos.chunkBytes, `a chunk of ${one.key.length} bytes, and not of ${qos.chunkBytes}`);
      mustBeEqual(one.key, other.key);
    },
  }),
  wire({
    id: "B-12",
    level: "M",
    title: "a byte at a time, and three frames in one segment: all are answered, in order",
    async play(ends) {
      const { a, b, ksid } = await ends.pair();
      const request = (index: number): Request => ({ type: "get-key-request", ksid, index, metadataSize: ROOM });
      for (const byte of encodeMessage(request(0))) {
        a.send(Uint8Array.of(byte));
        await sleep(APART_MS);
      }
      mustGive(await nextGiven(a), 0);
      const three: readonly Request[] = [request(1), request(0), { type: "close-request", ksid }];
      b.send(Buffer.concat(three.map(encodeMessage)));
      mustGive(await nextGiven(b), 1);
      mustGive(await nextGiven(b), 0);
      const last = await b.next();
      must(
        last?.type === "close-response" && last.status === 0,
        "the third of three frames is not answered as the third",
      );
    },
  }),
  wire({
    id: "B-13",
    level: "X",
    title: "what is no frame, 4 GiB or too short: the connection ends or says nothing, others are served",
    async play(ends, tell) {
      for (const [what, hex] of NO_FRAMES) {
        const line = await ends.line();
        line.send(Buffer.from(hex, "hex"));
        // Words, and no rejection: others are asked first.
        const answered = line.next().then(
          (answer) => (answer === null ? "" : `${what} is answered`),
          (thrown: unknown) => `${what} is answered: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        );
        await mustServe(ends);
        const words = await Promise.race([answered, sleep(LIMITS.doctorCloseMs, null, { ref: false })]);
        must(words === null || words === "", words ?? "");
        if (words === null) tell.remark(`after ${what} the connection stays open`);
      }
    },
  }),
  wire({
    id: "B-14",
    level: "X",
    title: "texts that do not end: an error, or the connection ends",
    async play(ends) {
      const noEnd = Buffer.from(encodeMessage(ends.request()));
      noEnd[noEnd.indexOf(0, HEADER_BYTES)] = 0x20;
      const line = await ends.line();
      line.send(noEnd);
      const answer = await line.next();
      must(answer === null || !OPEN.has(answer.status), "a stream is opened without a destination");
      await mustServe(ends);
    },
  }),
  wire({
    id: "B-15",
    level: "X",
    title: "a client that goes within a frame: others are served",
    async play(ends) {
      const good = await ends.line();
      const gone = await ends.line();
      gone.send(encodeMessage(ends.request()).subarray(0, 20));
      gone.breakOff();
      await sleep(NOTICED_MS);
      must(
        OPEN.has((await askBinary(good, ends.request())).status),
        "a connection that was open is not served any more",
      );
      await mustServe(ends);
    },
  }),
];
