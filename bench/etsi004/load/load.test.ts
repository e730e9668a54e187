/** The load tool against an edge that is none, and gives what it is told to. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority, issue } from "../../../pki/authority.ts";
import { decodeMessage } from "../../../shared/etsi004/binary/decode.ts";
import { encodeMessage } from "../../../shared/etsi004/binary/encode.ts";
import { FrameReader } from "../../../shared/etsi004/binary/frame-reader.ts";
import { type LoadTool, startJobs } from "../../processes/jobs.ts";
import type { EdgeEnds, Jobs, TlsClient } from "./jobs.ts";

/** Answers GET_KEY of a stream, by its KSID; the token says who asks. @param count calls of this end so far */
type Give = (who: string, count: number) => object;

const keyOf = (index: number, stream: string): string =>
  Buffer.from(`${index} ${stream}`.padEnd(32, ".").slice(0, 32)).toString("base64");
const chunk = (index: number, stream: string) => ({ status: 0, index, Key_buffer: keyOf(index, stream) });

/** Of the binary binding KSIDs are UUIDs: at the second one's other end the chunks are others. */
const [SAME, UNEQUAL] = ["a0000000-0000-4000-8000-000000000000", "b0000000-0000-4000-8000-000000000000"] as const;

const STREAMS: Readonly<Record<string, Give>> = {
  good: (_who, count) => chunk(count, "good"),
  other: (_who, count) => chunk(count, "other"),
  fixed: () => chunk(7, "fixed"),
  unequal: (who, count) => chunk(count, who),
  again: (_who, count) => ({ ...chunk(count, "again"), Key_buffer: keyOf(0, "again") }),
  [SAME]: (_who, count) => chunk(count, SAME),
  [UNEQUAL]: (_who, count) => chunk(count, "not that one"),
  gap: (_who, count) => chunk(2 * count, "gap"),
};

let edge: Server;
let ends: EdgeEnds;
let load: LoadTool<Jobs>;
let calls: Record<string, number>;

beforeAll(async () => {
  calls = {};
  edge = createServer((request, response) => {
    const who = request.headers.authorization ?? "";
    const path = request.url ?? "";
    const [, , , , stream = "", call = "open"] = path.split("/");
    const count = (calls[`${who} ${path}`] = (calls[`${who} ${path}`] ?? -1) + 1);
    const opened = { status: who === "Bearer opener" ? 1 : 0, key_stream_ID: "good" };
    const answer = { get_key: STREAMS[stream]?.(who, count), close: { status: 0 }, open: opened }[call];
    request.resume();
    request.once("end", () => {
      response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? { status: 9 }));
    });
  });
  await new Promise<void>((resolve) => edge.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`;
  ends = { opener: { url, token: "opener" }, joiner: { url, token: "joiner" } };
  load = startJobs<Jobs>(join(import.meta.dirname, "main.ts"));
});

afterAll(async () => {
  await load.stop();
  edge.close();
});

const getKey = async (ksids: readonly string[], chunksAreUnique = true) =>
  await load.run("get-key", { ends, ksids, warmUpMs: 20, measureMs: 100, chunksAreUnique });

describe("GET_KEY", () => {
  test("all chunks are looked at, and both ends are left at the same one", async () => {
    const { checkedChunks, count, perS } = await getKey(["good", "other"]);
    expect(checkedChunks).toBeGreaterThan(0);
    expect(perS).toBeGreaterThan(0);
    expect(2 * checkedChunks).toBeGreaterThanOrEqual(count);
    const path = "/api/v1/streams/good/get_key";
    expect(calls[`Bearer opener ${path}`]).toBe(calls[`Bearer joiner ${path}`]);
    await expect(getKey(["good"])).resolves.toBeTruthy();
  });

  test("of streams that are none nothing is compared with what was before", async () => {
    expect(await getKey(["fixed"], false)).toMatchObject({ checkedChunks: 0 });
  });

  test.each([
    ["unequal", "unequal chunks"],
    ["again", "given out twice"],
    ["gap", "out of their order"],
    ["nobody", "answered 404"],
  ])("%s: the measurement is void", async (ksid, words) => {
    await expect(getKey([ksid])).rejects.toThrow(words);
  });
});

describe("OPEN and CLOSE", () => {
  const job = { source: "a", destination: "b", chunkBytes: 32, count: 5, warmUp: 2 };

  test("each call is timed, the first ones are not", async () => {
    const { open, join: joined, close } = await load.run("opens", { ends, ...job });
    expect([open.count, joined.count, close.count]).toEqual([5, 5, 10]);
  });

  test("another status voids the measurement", async () => {
    const swapped = { opener: ends.joiner, joiner: ends.opener };
    await expect(load.run("opens", { ends: swapped, ...job })).rejects.toThrow("open answered 200 with status 0");
  });
});

describe("GET_KEY, binary", () => {
  let agent: tls.Server;
  let client: TlsClient;

  beforeAll(async () => {
    const authority = await createAuthority("load test CA");
    const sans = [{ type: "ip", value: "127.0.0.1" }] as const;
    const server = await issue(authority, { commonName: "agent", usage: "server", sans: [...sans] });
    const { certificate: cert, key } = await issue(authority, { commonName: "application", usage: "client" });
    const ca = authority.certificate.toString("pem");
    client = { cert, key, ca };
    const mutual = { requestCert: true, rejectUnauthorized: true };
    agent = tls.createServer({ cert: server.certificate, key: server.key, ca, ...mutual }, answerFrames);
    await new Promise<void>((resolve) => agent.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => void agent.close());

  const run = async (ksid: string) => {
    const { port } = agent.address() as AddressInfo;
    return await load.run("binary", { port, tls: client, joiner: ends.joiner, ksid, count: 5, warmUp: 2 });
  };

  test("calls are timed, the first ones are not, and all chunks are compared", async () => {
    expect(await run(SAME)).toMatchObject({ count: 5, checkedChunks: 7 });
  });

  test("unequal chunks void the measurement", async () => {
    await expect(run(UNEQUAL)).rejects.toThrow("unequal chunks");
  });
});

function answerFrames(socket: tls.TLSSocket): void {
  const reader = new FrameReader("requests");
  socket.on("error", () => socket.destroy());
  socket.on("data", (segment) => {
    for (const frame of reader.push(segment).frames) {
      const message = decodeMessage(frame);
      if (!message.ok || message.value.type !== "get-key-request") continue;
      const { ksid, index } = message.value;
      const key = Buffer.from(keyOf(index, ksid), "base64");
      const answer = { type: "get-key-response", status: 0, neededSize: null } as const;
      socket.write(encodeMessage({ ...answer, chunk: { index, key, metadata: "" } }));
    }
  });
}
