/** GET_KEY by the frames of ETSI's gs004-app-int, on one connection of mutual TLS to a site agent, one after the other. */
import { once } from "node:events";
import tls from "node:tls";
import { decodeMessage } from "../../../shared/etsi004/binary/decode.ts";
import { encodeMessage } from "../../../shared/etsi004/binary/encode.ts";
import { FrameReader } from "../../../shared/etsi004/binary/frame-reader.ts";
import type { GetKeyRequest, Message } from "../../../shared/etsi004/binary/messages.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { connectToEdge } from "../../load/connection.ts";
import { summarise } from "../../statistics.ts";
import { checkStream, chunkOf, type GivenChunk } from "./chunks.ts";
import { nextChunk } from "./get-key.ts";
import type { Jobs } from "./jobs.ts";

export async function binary(job: Jobs["binary"]["takes"]): Promise<Jobs["binary"]["gives"]> {
  const { port, tls: pem, ksid, count, warmUp } = job;
  const socket = tls.connect({ port, host: "127.0.0.1", ...pem });
  await once(socket, "secureConnect");
  socket.setNoDelay(true);
  const chunks: GivenChunk[] = [];
  const timesMs: number[] = [];
  try {
    for (let index = 0; index < warmUp + count; index++) {
      const startMs = performance.now();
      chunks.push(await ask(socket, { type: "get-key-request", ksid: ksid as Ksid, index, metadataSize: 0 }));
      if (index >= warmUp) timesMs.push(performance.now() - startMs);
    }
  } finally {
    socket.destroy();
  }
  await compare(job, chunks);
  return { ...summarise(timesMs), checkedChunks: checkStream(chunks) };
}

/** @throws Error where the answer is no chunk */
async function ask(socket: tls.TLSSocket, request: GetKeyRequest): Promise<GivenChunk> {
  socket.write(encodeMessage(request));
  const answer = await answerOf(socket);
  if (answer.type !== "get-key-response" || answer.chunk === null) {
    throw new Error(`GET_KEY answered ${"status" in answer ? `status ${answer.status}` : answer.type}`);
  }
  const { index, key } = answer.chunk;
  return { index, key: Buffer.from(key) };
}

function answerOf(socket: tls.TLSSocket): Promise<Message> {
  return new Promise((resolve, reject) => {
    const reader = new FrameReader("responses");
    const settle = (outcome: () => void): void => {
      socket.off("data", take).off("close", closed);
      outcome();
    };
    const closed = (): void => settle(() => reject(new Error("the agent has hung up")));
    const take = (segment: Buffer): void => {
      const [frame] = reader.push(segment).frames;
      if (frame === undefined) return;
      const message = decodeMessage(frame);
      settle(() => (message.ok ? resolve(message.value) : reject(new Error(message.error))));
    };
    socket.on("data", take).once("close", closed);
  });
}

/** What the other end gets has to be the same. */
async function compare({ joiner, ksid }: Jobs["binary"]["takes"], chunks: readonly GivenChunk[]): Promise<void> {
  const end = connectToEdge(joiner);
  try {
    for (const { index, key } of chunks) {
      const other = chunkOf(await nextChunk(end, ksid));
      if (other.index !== index || !other.key.equals(key)) throw new Error("the two ends got unequal chunks");
    }
  } finally {
    end.close();
  }
}
