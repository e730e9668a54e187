/** J-01 to J-10: the hybridization module's JSON over TCP. */
import { setTimeout as sleep } from "node:timers/promises";
import { failed, INVALID_JSON, UNKNOWN_COMMAND } from "../../../../shared/etsi004/json-tcp/answers.ts";
import { must } from "../../case.ts";
import { qosWish } from "../application.ts";
import { jsonAddresses } from "../bindings/json-tcp.ts";
import type { WireStage } from "../stage.ts";
import { askJson, command, type JsonAnswer, type JsonLine, jsonQos, openJson } from "../wire/json.ts";
import { type Ends, type WireCase, wireCases } from "./wire-case.ts";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const METADATA = { size: 46, buffer: "" };
const QUICK_MS = 500;
/** Between two segments: else they are one. */
const APART_MS = 50;

/** Both ends' connections, for one case. */
class JsonEnds implements Ends {
  readonly #stage: WireStage;
  readonly #lines: JsonLine[] = [];

  constructor(stage: WireStage) {
    this.#stage = stage;
  }

  async line(end: "a" | "b" = "a"): Promise<JsonLine> {
    const line = await openJson(this.#stage.parties[end].reach);
    this.#lines.push(line);
    return line;
  }

  /** Members of OPEN_CONNECT, the same at both ends. */
  wish(label: string, qos: Parameters<typeof qosWish>[1] = {}) {
    const { a, b } = this.#stage.parties;
    return { ...jsonAddresses(a, b, label), qos: jsonQos(qosWish(a, qos)) };
  }

  /** A stream that both ends have come to. */
  async meet() {
    const lines = [await this.line("a"), await this.line("b")] as const;
    const wish = this.wish(crypto.randomUUID());
    const answers = await Promise.all(lines.map(async (line) => await askJson(line, "OPEN_CONNECT", wish)));
    const [ksid, other] = answers.map(mustOpen);
    must(ksid !== undefined && ksid === other, "the two ends are told different key_stream_ids");
    return { lines, ksid, chunkBytes: wish.qos.key_chunk_size };
  }

  end(): void {
    for (const line of this.#lines.splice(0)) line.end();
  }
}

/** @returns the KSID */
function mustOpen(answer: JsonAnswer): string {
  const { status, key_stream_id: ksid } = answer;
  must(status === 0, `OPEN_CONNECT says ${saidBy(answer)}`);
  must(typeof ksid === "string" && UUID.test(ksid), "key_stream_id is no UUID");
  return ksid;
}

const isOctet = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255;

/** @returns the chunk */
function mustGive(answer: JsonAnswer | null): readonly number[] {
  const key = answer?.["key_buffer"];
  must(answer?.["status"] === 0 && Array.isArray(key), `GET_KEY says ${saidBy(answer)}`);
  must(key.every(isOctet), "key_buffer holds what is no octet");
  return key as number[];
}

const mustBeSame = (one: readonly number[], other: readonly number[]): void =>
  must(
    Buffer.compare(Buffer.from(one), Buffer.from(other)) === 0,
    "the two ends have different bytes of one chunk",
    "M",
  );

function saidBy(answer: JsonAnswer | null): string {
  if (answer === null) return "nothing, and hangs up";
  const { status, message } = answer;
  return `status ${String(status)}${typeof message === "string" ? ` "${message.slice(0, 120)}"` : ""}`;
}

const getKey = async (line: JsonLine, ksid: string, index: number): Promise<readonly number[]> =>
  mustGive(await askJson(line, "GET_KEY", { key_stream_id: ksid, index, metadata: METADATA }));

function mustSay(answer: JsonAnswer | null, due: object): void {
  const isSame = Object.entries(due).every(([name, value]) => answer?.[name] === value);
  must(isSame, `it says ${saidBy(answer)}, and shall say ${JSON.stringify(due)}`);
}

const wire = wireCases((stage) => new JsonEnds(stage));

export const JSON_TCP_CASES: readonly WireCase[] = [
  wire({
    id: "J-01",
    level: "M",
    title: "OPEN_CONNECT by both ends: status 0, and the same key_stream_id",
    async play(ends) {
      await ends.meet();
    },
  }),
  wire({
    id: "J-02",
    level: "M",
    title: "GET_KEY: as many integers of 0 to 255 as the chunk has bytes",
    async play(ends) {
      const { lines, ksid, chunkBytes } = await ends.meet();
      const { length } = await getKey(lines[0], ksid, 0);
      must(length === chunkBytes, `a chunk of ${length} bytes, and not of ${chunkBytes}`);
    },
  }),
  wire({
    id: "J-03",
    level: "M",
    title: "CLOSE: status 0",
    async play(ends) {
      const { lines, ksid } = await ends.meet();
      for (const line of lines) mustSay(await askJson(line, "CLOSE", { key_stream_id: ksid }), { status: 0 });
    },
  }),
  wire({
    id: "J-04",
    level: "R",
    title: 'what is no command: status "error", in the original\'s words',
    async play(ends) {
      mustSay(await askJson(await ends.line(), "X", {}), UNKNOWN_COMMAND);
    },
  }),
  wire({
    id: "J-05",
    level: "R",
    title: 'what is no JSON: status "error", in the original\'s words',
    async play(ends) {
      const line = await ends.line();
      line.send("not json");
      mustSay(await line.next(), INVALID_JSON);
    },
  }),
  wire({
    id: "J-06",
    level: "R",
    title: "a request in two segments: one answer (the original: an error)",
    async play(ends) {
      const { lines, ksid } = await ends.meet();
      const text = command("GET_KEY", { key_stream_id: ksid, index: 0, metadata: METADATA });
      lines[0].send(text.slice(0, 15));
      await sleep(APART_MS);
      lines[0].send(text.slice(15));
      mustGive(await lines[0].next());
    },
  }),
  wire({
    id: "J-07",
    level: "R",
    title: "a member of qos is missing: an error in words (the original hangs up)",
    async play(ends) {
      const { qos, ...wish } = ends.wish(crypto.randomUUID());
      const { ttl: _ttl, ...less } = qos;
      const line = await ends.line();
      line.send(command("OPEN_CONNECT", { ...wish, qos: less }));
      const answer = await line.next();
      must(answer !== null && answer["status"] !== 0, `it says ${saidBy(answer)}`);
    },
  }),
  wire({
    id: "J-08",
    level: "R",
    title: "the peer does not come: status 1, in the original's words",
    async play(ends) {
      const wish = ends.wish(crypto.randomUUID(), { timeoutMs: QUICK_MS });
      mustSay(await askJson(await ends.line(), "OPEN_CONNECT", wish), failed("no-source"));
    },
  }),
  wire({
    id: "J-09",
    level: "M",
    title: "both ends have the same key",
    async play(ends) {
      const { lines, ksid } = await ends.meet();
      mustBeSame(await getKey(lines[0], ksid, 0), await getKey(lines[1], ksid, 0));
    },
  }),
  wire({
    id: "J-10",
    level: "M",
    title: "several requests on a connection, one after the other and at once: answered in order",
    async play(ends) {
      const { lines, ksid } = await ends.meet();
      for (const index of [0, 1]) {
        mustBeSame(await getKey(lines[0], ksid, index), await getKey(lines[1], ksid, index));
      }
      const wish = (index: number): string => command("GET_KEY", { key_stream_id: ksid, index, metadata: METADATA });
      for (const line of lines) line.send(wish(3) + wish(2) + command("CLOSE", { key_stream_id: ksid }));
      const [third, second] = [mustGive(await lines[0].next()), mustGive(await lines[0].next())];
      mustBeSame(third, mustGive(await lines[1].next()));
      mustBeSame(second, mustGive(await lines[1].next()));
      for (const line of lines) mustSay(await line.next(), { status: 0 });
    },
  }),
];
