/** A stream to a service of another site, over the link to its hub. */
import { LIMITS } from "../../../shared/limits.ts";
import { CODES, type Ending } from "../../../shared/mux/codes.ts";
import type { Mux } from "../../../shared/mux/mux.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { err, ok, type Result } from "../../../shared/result.ts";

/** Of a `Link` and its `Session`, what is needed here. */
interface Way {
  whenUp(
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly ownerSlot: number; readonly mux: Pick<Mux, "open"> } | null>;
}

export interface Wanted {
  readonly link: Way;
  readonly service: string;
  /** How long to wait while the tunnel is down; 0: not at all. */
  readonly waitMs: number;
}

/** @returns why there is none, for the log */
export async function openStream(
  { link, service, waitMs }: Wanted,
  signal: AbortSignal,
): Promise<Result<MuxStream, string>> {
  const session = await link.whenUp(waitMs, signal);
  if (session === null) return err("the tunnel is down");
  const timely = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.agentOpenMs)]);
  const open = () => session.mux.open(session.ownerSlot, service, timely);
  const first = await open();
  // It may have crossed the news that another session serves the site from now on: then nobody has got it.
  const opened = first.ok || first.error.code !== "peer-gone" ? first : await open();
  return opened.ok ? ok(opened.value) : err(inWords(opened.error));
}

const inWords = ({ code, reason }: Ending): string => CODES[code].words + (reason === "" ? "" : `: ${reason}`);
