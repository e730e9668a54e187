/** A stream to a service of another site, over the link to its hub: used at once, before the other end has answered. */
import { LIMITS } from "../../../shared/limits.ts";
import { CODES, type Ending } from "../../../shared/mux/codes.ts";
import type { Mux } from "../../../shared/mux/mux.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok, type Result } from "../../../shared/result.ts";

/** Of a `Link` and its `Session`, what is needed here. */
export interface Way {
  whenUp(
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly ownerSlot: number; readonly mux: Pick<Mux, "start"> } | null>;
}

export interface Wanted {
  readonly link: Way;
  readonly service: string;
  /** How long to wait while the tunnel is down; 0: not at all. */
  readonly waitMs: number;
}

/**
 * @param used resolves when somebody has something to send, which then is in that stream and no other
 * @returns why there is none, for the log; what is refused later is told by the stream's `opened`
 */
export async function openStream(
  { link, service, waitMs }: Wanted,
  signal: AbortSignal,
  used: Promise<void>,
): Promise<Result<MuxStream, string>> {
  const session = await link.whenUp(waitMs, signal);
  if (session === null) return err("the tunnel is down");
  const timely = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.agentOpenMs)]);
  const start = () => session.mux.start(session.ownerSlot, service, timely);
  const first = start();
  if (!first.ok) return err(inWords(first.error));
  const opened = await Promise.race([first.value.opened, used]);
  // It may have crossed the news that another session serves the site from now on: then nobody has got it.
  const isMissed = opened?.ok === false && opened.error.code === "peer-gone";
  const last = isMissed ? start() : first;
  return last.ok ? ok(last.value) : err(inWords(last.error));
}

export const inWords = ({ code, reason }: Ending): string => CODES[code].words + (reason === "" ? "" : `: ${reason}`);
