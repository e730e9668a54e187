/** OPEN_CONNECT of clients that name no stream: until the peer has come too, or the time is over. */
import { setTimeout as sleep } from "node:timers/promises";
import type { OpenRequest } from "../../../shared/etsi004/json-tcp/requests.ts";
import { STATUS } from "../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import type { EdgeStreams, NoStatus, Opened, OpenWish } from "../etsi004/edge-streams.ts";
import { ksidOfLane, type OpenLanes } from "./lanes.ts";

export type OpenOutcome = Result<Opened, NoStatus>;

const LATE: Opened = { status: STATUS.timeout, ksid: null, qos: null, message: null };

/** For any metadata: the call says so, and leaves the chunk where it is. */
const TOO_SMALL = 1;

/** Nobody came so far. */
const LONELY: ReadonlySet<number> = new Set([STATUS.timeout, STATUS["peer-not-connected"]]);

/**
 * Lane by lane from the lowest. In the lowest one waits for the peer as long as may be, in any other for a while before all
 * are looked at again: the peer may be in a lower one, where it had no others open before it.
 */
export async function openByLane(
  streams: EdgeStreams,
  lanes: OpenLanes,
  { source, destination, qos }: OpenRequest,
  signal: AbortSignal,
): Promise<OpenOutcome> {
  const untilMs = performance.now() + (qos.timeoutMs === 0 ? LIMITS.localPeerMs : qos.timeoutMs);
  const isOver = (): boolean => signal.aborted || performance.now() >= untilMs;
  let isFirstLook = true;
  for (let lane = 0; !isOver(); lane++) {
    if (lane === LIMITS.localLanes) {
      isFirstLook = false;
      lane = 0;
      await sleep(LIMITS.localLanePauseMs);
    }
    const ksid = ksidOfLane(source, destination, lane);
    const isOwn = lanes.has(ksid);
    if (isOwn && isFirstLook) continue;
    lanes.add(ksid);
    const wish = { source, destination, ksid, qos };
    const opened = await openLane({ streams, wish, lane, isOwn, untilMs, signal });
    if (opened.ok && opened.value.status === STATUS.success) return opened;
    if (!isOwn) lanes.delete(ksid);
    if (opened.ok && opened.value.status === STATUS["ksid-in-use"]) continue;
    if (!opened.ok || !LONELY.has(opened.value.status)) return opened;
    isFirstLook = false;
    lane = -1;
  }
  return ok(LATE);
}

interface Attempt {
  readonly streams: EdgeStreams;
  readonly wish: OpenWish & { readonly ksid: Ksid };
  readonly lane: number;
  /** Somebody at this end has it open, as far as is known. */
  readonly isOwn: boolean;
  readonly untilMs: number;
  readonly signal: AbortSignal;
}

/** What did not open is withdrawn, lest a peer that comes late finds nobody in it. */
async function openLane({ streams, wish, lane, isOwn, untilMs, signal }: Attempt): Promise<OpenOutcome> {
  const { ksid, qos } = wish;
  const startMs = performance.now();
  const inUseUntilMs = isOwn ? startMs : Math.min(untilMs, startMs + LIMITS.localLaneInUseMs);
  for (;;) {
    const leftMs = Math.max(1, Math.floor(untilMs - performance.now()));
    const timeoutMs = lane === 0 ? leftMs : Math.min(leftMs, LIMITS.localLaneMs);
    const opened = fitting(await streams.open({ ...wish, qos: { ...qos, timeoutMs } }, signal), qos.chunkBytes);
    if (!opened.ok || opened.value.status !== STATUS["ksid-in-use"]) {
      const isOpen = opened.ok && opened.value.status === STATUS.success && !signal.aborted;
      if (isOpen && (lane === 0 || (await hasStayed(streams, ksid, signal)))) return opened;
      await withdraw(streams, ksid);
      return isOpen ? ok(LATE) : opened;
    }
    // The peer may not have closed yet what both have just used.
    if (performance.now() >= inUseUntilMs || signal.aborted) return opened;
    await sleep(LIMITS.localLanePauseMs);
  }
}

/** The peer may have left this lane for a lower one just when it was joined here. No key is taken by asking. */
async function hasStayed(streams: EdgeStreams, ksid: Ksid, signal: AbortSignal): Promise<boolean> {
  const asked = await streams.getKey({ ksid, index: 0, metadataSize: TOO_SMALL }, signal);
  return asked.ok && asked.value.status === STATUS["metadata-too-small"];
}

const withdraw = (streams: EdgeStreams, ksid: Ksid): Promise<unknown> =>
  streams.close(ksid, AbortSignal.timeout(LIMITS.agentRequestMs));

/** The answer has no room for a QoS: it is as asked for if the length is. */
function fitting(opened: OpenOutcome, chunkBytes: number): OpenOutcome {
  if (!opened.ok || opened.value.ksid === null) return opened;
  const { status, qos } = opened.value;
  if (status !== STATUS.success && status !== STATUS["qos-not-met"]) return opened;
  const fits = qos?.chunkBytes === chunkBytes;
  return ok({ ...opened.value, status: fits ? STATUS.success : STATUS["qos-not-met"] });
}
