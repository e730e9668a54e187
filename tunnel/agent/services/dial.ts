/** A TCP connection to what a service lies behind. */
import net from "node:net";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { reasonOf } from "../reason.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Half-open, as a tunnel has to be. Of a name's addresses all are tried, as Node does (RFC 8305). */
export function dial({ host, port }: Address, signal: AbortSignal): Promise<Result<net.Socket, string>> {
  const { promise, resolve } = Promise.withResolvers<Result<net.Socket, string>>();
  const socket = net.connect({ host, port, allowHalfOpen: true, noDelay: true, keepAlive: true });
  const giveUp = (reason: string): void => {
    socket.destroy();
    resolve(err(reason));
  };
  const timer = setTimeout(() => giveUp(`no answer within ${LIMITS.agentDialMs} ms`), LIMITS.agentDialMs);
  const abort = (): void => giveUp("nobody waits any more");
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  // Stays: a connection given up may still fail.
  socket.on("error", (error) => resolve(err(reasonOf(error))));
  socket.once("connect", () => resolve(ok(socket)));
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}
