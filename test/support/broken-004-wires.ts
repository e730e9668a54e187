/** `broken-004.ts` as two bindings have it: a listener for each application, over real TCP. */
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { newKsid } from "../../cli/doctor/etsi004/scene.ts";
import type { Applicant, Target } from "../../cli/doctor/etsi004/stage.ts";
import { type SuiteName, SUITES } from "../../cli/doctor/etsi004/suites.ts";
import { decodeMessage } from "../../shared/etsi004/binary/decode.ts";
import { encodeMessage } from "../../shared/etsi004/binary/encode.ts";
import { type Frame, FrameReader } from "../../shared/etsi004/binary/frame-reader.ts";
import type { Request, Response } from "../../shared/etsi004/binary/messages.ts";
import { type Answer, closed, failed, INVALID_JSON, keyGiven, opened } from "../../shared/etsi004/json-tcp/answers.ts";
import { parseRequest, type Request as Command } from "../../shared/etsi004/json-tcp/requests.ts";
import { JsonSplitter } from "../../shared/etsi004/json-tcp/splitter.ts";
import { NO_WISHES } from "../../shared/etsi004/qos.ts";
import { STATUS } from "../../shared/etsi004/status.ts";
import type { Broken004 } from "./broken-004.ts";

export type Wire = Extract<SuiteName, "binary" | "json-tcp">;

/** What the binary binding says for a KSID that nobody knows. */
const UNKNOWN = 3;
const HOST = /^[a-z]+:\/\/([^/]+)$/;

/** One connection: a segment to what shall be done about it, in order. */
type Reader = (segment: Buffer) => readonly (() => Promise<void> | void)[];
type Serve = (engine: Broken004, self: string, socket: net.Socket, all: ReadonlySet<net.Socket>) => Reader;

const breakAll = (all: ReadonlySet<net.Socket>): void => {
  for (const socket of all) socket.destroy();
};

const binary: Serve = (engine, self, socket, all) => {
  const reader = new FrameReader("requests");
  return (segment) => {
    if (engine.has("wants-whole-frames") && segment.length < 8) return [() => void socket.destroy()];
    const { frames, fault } = reader.push(segment);
    if (frames.length > 1 && engine.has("hangs-up-on-several-at-once")) return [() => void socket.destroy()];
    const answers = frames.map(
      (frame) => async () => void socket.write(encodeMessage(await answerFrame(engine, self, socket, frame))),
    );
    const broken = (): void => {
      if (engine.has("answers-what-is-no-frame")) socket.write("what was that?");
      else if (engine.has("breaks-by-what-is-no-frame")) breakServer(socket, all);
      else socket.destroy();
    };
    return fault === null ? answers : [...answers, broken];
  };
};

const servers = new WeakMap<net.Socket, net.Server>();
function breakServer(socket: net.Socket, all: ReadonlySet<net.Socket>): void {
  servers.get(socket)?.close();
  breakAll(all);
}

async function answerFrame(engine: Broken004, self: string, socket: net.Socket, frame: Frame): Promise<Response> {
  const message = decodeMessage(frame);
  if (!message.ok) {
    const isRead = engine.has("reads-beyond-the-end");
    const stream = isRead ? { ksid: newKsid(), qos: engine.offer(NO_WISHES) } : null;
    return { type: "open-response", status: isRead ? STATUS.success : STATUS["no-connection"], stream };
  }
  const request = message.value as Request;
  if (request.type === "open-request") {
    const peer = HOST.exec(request.destination)?.[1];
    if (peer === undefined) return { type: "open-response", status: STATUS["no-connection"], stream: null };
    if (engine.has("hangs-up-on-who-waits") && request.ksid !== null && !engine.knows(request.ksid)) socket.destroy();
    return { type: "open-response", ...(await engine.open(socket, self, peer, request.ksid, request.qos)) };
  }
  const told = (status: number): number =>
    status === STATUS["unknown-ksid"] && !engine.has("says-other-words") ? UNKNOWN : status;
  if (request.type === "close-request") {
    return { type: "close-response", status: told(engine.close(self, request.ksid)) };
  }
  const { status, chunk, neededSize } = engine.getKey(self, request.ksid, request.index, request.metadataSize);
  return { type: "get-key-response", status: told(status), chunk, neededSize };
}

const jsonTcp: Serve = (engine, self, socket) => {
  const splitter = new JsonSplitter();
  const say = (answer: Answer | null): void =>
    void (answer === null ? socket.destroy() : socket.write(JSON.stringify(answer)));
  return (segment) => {
    const pieces = splitter.push(segment);
    if (pieces.length > 1 && engine.has("hangs-up-on-several-at-once")) return [() => void socket.destroy()];
    return pieces.map((piece) => async () => {
      if (piece.kind !== "object") return say(engine.has("ignores-the-unknown") ? { status: 0 } : INVALID_JSON);
      const request = parseRequest(piece.text);
      if (request.ok) return say(await answerCommand(engine, self, socket, request.value));
      if (request.error.status === "error" && engine.has("ignores-the-unknown")) return say({ status: 0 });
      return say(engine.has("hangs-up-on-what-is-missing") && request.error.status === 1 ? null : request.error);
    });
  };
};

async function answerCommand(engine: Broken004, self: string, socket: net.Socket, request: Command): Promise<Answer> {
  const unknown = engine.has("says-other-words") ? failed("get-key-failed") : failed("no-stream");
  if (request.command === "OPEN_CONNECT") {
    const { source, destination, qos } = request;
    const ksid = await engine.meet(socket, self, `${source} ${destination}`, qos);
    return ksid === null ? failed("no-source") : opened(ksid);
  }
  if (request.command === "CLOSE") return engine.close(self, request.ksid) === STATUS.success ? closed() : unknown;
  const { status, chunk } = engine.getKey(self, request.ksid, request.index, 0);
  if (chunk === null) return status === STATUS["unknown-ksid"] ? unknown : failed("no-key");
  if (!engine.has("signs-octets")) return keyGiven(chunk.key);
  return { status: 0, key_buffer: [...new Int8Array(chunk.key)] };
}

const WIRES: Readonly<Record<Wire, Serve>> = { binary, "json-tcp": jsonTcp };

/**
 * Two key managers for A and B, with two applications each.
 * @param whenOver takes what ends them; of tests that run at once each has to say its own
 */
export async function startBroken004(
  wire: Wire,
  engine: Broken004,
  whenOver: (end: () => void) => void = onTestFinished,
): Promise<Target> {
  const applicant = async (sae: string): Promise<Applicant> => {
    const port = await listen(engine, sae, WIRES[wire], whenOver);
    return { sae, node: `node-of-${sae}`, access: { at: `127.0.0.1:${port}` } };
  };
  const [a, b, c, d] = [await applicant("ann"), await applicant("bob"), await applicant("cid"), await applicant("dan")];
  return {
    a,
    b,
    ksids: 100,
    others: { binding: SUITES[wire].binding, c, d },
    places: {
      drained: async (work) => {
        engine.isDrained = true;
        await work().finally(() => (engine.isDrained = false));
      },
      cut: async (work) => {
        engine.isCut = true;
        await work().finally(() => (engine.isCut = false));
      },
    },
  };
}

async function listen(
  engine: Broken004,
  self: string,
  serve: Serve,
  whenOver: (end: () => void) => void,
): Promise<number> {
  const all = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    all.add(socket);
    servers.set(socket, server);
    const read = serve(engine, self, socket, all);
    let turn = Promise.resolve();
    socket.on("data", (segment: Buffer) => {
      for (const answer of read(segment)) turn = turn.then(answer);
    });
    socket.on("error", () => {
      if (engine.has("breaks-with-a-client")) breakAll(all);
    });
    socket.on("close", () => {
      all.delete(socket);
      engine.gone(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  whenOver(() => {
    server.close();
    breakAll(all);
  });
  return (server.address() as AddressInfo).port;
}
