/**
 * The classical channel's connections: the sender waits for the receiver, the receiver dials until it is there. One at
 * a time; a newer one takes the place of the one before, whose other end is likely gone without a word.
 */
import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../../shared/limits.ts";
import { retryDelayMs } from "../../../shared/retry.ts";
import { FrameFault, frameHead, FrameReader } from "../../frames.ts";
import { type Log, messageOf, throttled } from "../../log.ts";
import { type Place, placeOf } from "../../place.ts";
import { type AllowList, withThisMachine } from "../../services/etsi004/allow-list.ts";
import type { QkdModuleFeedConfig } from "./config.ts";

/** Where messages of a connection go. Each call is waited for before the next: that is the peer's back-pressure. */
export interface Hearer {
  connected(say: (messages: readonly Uint8Array[]) => void): Promise<void>;
  message(message: Uint8Array): Promise<void>;
  disconnected(): Promise<void>;
  /** There was none to be had, or none that lasted. */
  unreachable(reason: string): void;
}

/** A connection that ended sooner counts as a failure to connect. */
const LASTED_MS = 1000;
/** Where a connection that is silent is gone, the system finds out after so long, or some times that. */
const KEEP_ALIVE_MS = 30_000;

export type ChannelConfig = Pick<QkdModuleFeedConfig, "listen" | "connect" | "allow">;

/** Until `signal` is aborted; rejects where the address cannot be had, and with what `hearer` throws. */
export async function runChannel(config: ChannelConfig, hearer: Hearer, log: Log, signal: AbortSignal): Promise<void> {
  const place = placeOf(config.listen ?? config.connect ?? "");
  if (place === null) throw new Error("no address of the classical channel is given");
  if (config.listen === undefined) await dial(place, config.allow, hearer, signal);
  else await listen(place, withThisMachine(config.allow), hearer, log, signal);
}

async function listen(place: Place, mayConnect: AllowList, hearer: Hearer, log: Log, signal: AbortSignal) {
  const quiet = throttled(log, LIMITS.alarmAuditMs);
  let waiting: net.Socket | null = null;
  let current: net.Socket | null = null;
  let arrival = Promise.withResolvers<void>();
  const server = net.createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    (socket) => {
      socket.on("error", () => undefined);
      const { remoteAddress } = socket;
      if (!mayConnect(remoteAddress)) {
        quiet("warn", "connection refused", { address: remoteAddress ?? "", reason: "the address is not in allow" });
        socket.destroy();
        return;
      }
      waiting?.destroy();
      current?.destroy();
      waiting = socket;
      arrival.resolve();
    },
  );
  server.listen({ host: place.host, port: place.port });
  await once(server, "listening");
  server.on("error", (error) => log("error", "listener failed", { reason: messageOf(error) }));
  log("info", "listening for the other end's module", {
    bind: place.host,
    port: (server.address() as net.AddressInfo).port,
  });
  const stop = (): void => {
    for (const socket of [waiting, current]) socket?.destroy();
    arrival.resolve();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    while (!signal.aborted) {
      current = waiting;
      waiting = null;
      if (current === null) {
        await arrival.promise;
        arrival = Promise.withResolvers();
      } else await converse(current, hearer);
      current = null;
    }
  } finally {
    stop();
    server.close();
  }
}

async function dial({ host, port }: Place, allow: readonly string[], hearer: Hearer, signal: AbortSignal) {
  const mayReach = host === "localhost" ? () => true : withThisMachine(allow);
  for (let failures = 0; !signal.aborted; failures++) {
    const beganMs = performance.now();
    try {
      if (!mayReach(host)) throw new Error(`${host} is not in allow`);
      const socket = await connected(host, port, signal);
      const stop = (): void => void socket.destroy();
      signal.addEventListener("abort", stop, { once: true });
      const reason = await converse(socket, hearer);
      signal.removeEventListener("abort", stop);
      if (performance.now() - beganMs >= LASTED_MS) failures = 0;
      hearer.unreachable(reason);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      hearer.unreachable(error.message);
    }
    await sleep(retryDelayMs(failures + 1, null, Math.random()), undefined, { signal }).catch(() => undefined);
  }
}

class Unreachable extends Error {}

async function connected(host: string, port: number, signal: AbortSignal): Promise<net.Socket> {
  const socket = net.connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
  const until = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.moduleConnectMs)]);
  try {
    await once(socket, "connect", { signal: until });
  } catch (error) {
    socket.destroy();
    throw new Unreachable(until.aborted ? "nobody answers" : messageOf(error));
  }
  socket.on("error", () => undefined);
  return socket;
}

/** As long as the connection lasts. @returns why it ended */
async function converse(socket: net.Socket, hearer: Hearer): Promise<string> {
  const frames = new FrameReader(LIMITS.moduleMessageBytes);
  await hearer.connected((messages) => {
    for (const message of messages) {
      socket.write(frameHead(message));
      socket.write(message);
    }
    // It takes nothing: what it will not read is not piled up for it.
    if (socket.writableLength > LIMITS.moduleUnsentBytes) socket.destroy(new Error("the other end reads nothing"));
  });
  try {
    for await (const message of messagesOf(socket, frames)) await hearer.message(message);
    return "the other end has closed the connection";
  } catch (error) {
    if (!(error instanceof ConnectionEnded)) throw error;
    return error.message;
  } finally {
    socket.destroy();
    await hearer.disconnected();
  }
}

class ConnectionEnded extends Error {}

/** @throws ConnectionEnded however it ends but in order */
async function* messagesOf(socket: net.Socket, frames: FrameReader): AsyncGenerator<Uint8Array, void, void> {
  const chunks = socket.iterator({ destroyOnReturn: true }) as AsyncIterableIterator<Buffer>;
  for (;;) {
    const chunk = await chunks.next().catch((error: unknown) => {
      throw new ConnectionEnded(messageOf(error));
    });
    if (chunk.done === true) return;
    try {
      yield* frames.push(chunk.value);
    } catch (error) {
      if (error instanceof FrameFault) throw new ConnectionEnded(error.message);
      throw error;
    }
  }
}
