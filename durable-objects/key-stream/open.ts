/** OPEN_CONNECT (ETSI GS QKD 004 V2.1.1 clause 5). */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { failsAtOnce, type Profile, PROFILES } from "../../shared/etsi004/profiles.ts";
import type { StatusName } from "../../shared/etsi004/status.ts";
import type { OpenAnswer, OpenCall, StreamResult } from "../../shared/etsi004/types.ts";
import { differenceOf } from "../../shared/hybrid/edge/terms.ts";
import type { StreamOpened } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Seat } from "./half.ts";
import { type Halves, isSamePlace } from "./halves.ts";
import { atMost, Patience, tooManyWait } from "./waiting.ts";

const only = (status: StatusName): Result<OpenAnswer, never> => ok({ status });

export async function openStream(halves: Halves, call: OpenCall): StreamResult<OpenAnswer> {
  const profile = PROFILES[call.profile];
  if (failsAtOnce(profile, call.qos)) return only("timeout");
  if (halves.openings(call.ksid) >= LIMITS.streamWaiting) return err(tooManyWait());
  const timeoutMs = call.qos.timeoutMs === 0 ? LIMITS.streamDefaultTimeoutMs : call.qos.timeoutMs;
  const startMs = halves.reach.nowMs();
  const turnMs = startMs + Math.min(timeoutMs, LIMITS.streamTimeoutMs);
  const opened = await halves.opening(call.ksid, turnMs, async () => await register(halves, call, profile));
  if (opened === null) return only("timeout");
  if (!opened.ok) return opened.error.code === "no-route" ? only("no-connection") : opened;
  const { outcome } = opened.value;
  if (outcome === "in-use") return only("ksid-in-use");
  if (outcome === "qos-not-met" && opened.value.stream === null) {
    return ok({ status: "qos-not-met", qos: opened.value.qos, opened: false });
  }
  const { seat } = opened.value;
  if (seat === null) return only("ksid-in-use");
  const { qos, hybrid } = seat.half.stream;
  const isHybrid = hybrid !== undefined;
  if (outcome === "qos-not-met") return ok({ status: "qos-not-met", qos, opened: true, isHybrid });
  if (outcome === "joined") halves.tell(seat);
  if (!hasCome(seat)) {
    if (call.allocated) return ok({ status: "peer-not-connected", qos, isHybrid });
    const came = await awaitPeer(halves, seat, call.configVersion, startMs + qos.timeoutMs);
    if (!came.ok) return came;
    if (!came.value) return only("timeout");
  }
  if (isHybrid) {
    // Whether the two ends have the same KEM secrets is known before either is told that the stream is open.
    // Opened again, it may be beyond exchanges that have run out.
    const { nextIndex } = seat.half.stream;
    const prepared = await halves.hybrid.prepare(seat, [nextIndex], halves.reach.nowMs() + LIMITS.hybridExchangeMs);
    if (!prepared.ok) return prepared;
    if (!prepared.value) return only("timeout");
  }
  return ok({ status: "success", qos: seat.half.stream.qos, isHybrid });
}

type Registered = StreamOpened & { readonly seat: Seat | null };

/** Registers the stream at its pool, unless others have it here. */
async function register(halves: Halves, call: OpenCall, profile: Profile): Promise<Result<Registered, Fault>> {
  const { configVersion, principal, ksid, self, peer, pair, shard, qos, hybrid } = call;
  const known = halves.rowOf(ksid);
  if (known !== undefined && !isSamePlace(known, call)) {
    // Its pool does not know of that one, and would take this for another stream.
    const there = await halves.isThere(known, configVersion);
    if (!there.ok) return there;
    if (there.value) return ok({ outcome: "in-use", seat: null });
    halves.forget(ksid);
  }
  const opened = await halves.reach.poolOf(call).openStream({
    configVersion,
    principal,
    ksid,
    self,
    peer,
    qos,
    opensAdjusted: profile.qosNotMet === "open",
    ...(hybrid === undefined ? {} : { hybrid }),
  });
  if (!opened.ok) return opened;
  const { value } = opened;
  // A pool of another version would have passed over what the addresses ask for.
  if ("stream" in value && value.stream !== null && differenceOf(value.stream.hybrid, hybrid) !== null) {
    return fail("unavailable", "the pool does not know of hybrid streams: a new version is being deployed, try again");
  }
  if (value.outcome === "in-use" || value.stream === null) return ok({ ...value, seat: null });
  if (value.outcome === "same-end" && profile.reopen === "in-use") return ok({ outcome: "in-use", seat: null });
  const half = await halves.remember({ ksid, pair, shard, sae: self.sae }, value.stream);
  const end = half.endOf(self);
  return ok({ ...value, seat: end === null ? null : { half, end } });
}

const hasCome = ({ half, end }: Seat): boolean => half.peerOf(end.self).state !== "absent";

async function awaitPeer(halves: Halves, seat: Seat, configVersion: number, untilMs: number): StreamResult<boolean> {
  const { half } = seat;
  const { nowMs } = halves.reach;
  if (half.news.waiting >= LIMITS.streamWaiting) return err(tooManyWait());
  const patience = new Patience();
  while (nowMs() < untilMs) {
    await half.news.wait(atMost(patience.nextMs(), untilMs, nowMs()));
    if (hasCome(seat)) return ok(true);
    const looked = await halves.look(seat, configVersion);
    if (!looked.ok) return looked;
    if (!looked.value) return ok(false);
    if (hasCome(seat)) return ok(true);
  }
  return ok(false);
}
