/** The calls of ETSI GS QKD 004 by one SAE, whatever binding they came by: who is meant, and which objects to ask. */
import { allows } from "../../../shared/auth/policy.ts";
import type { Principal } from "../../../shared/auth/principal.ts";
import { fail, type Fault } from "../../../shared/errors/errors.ts";
import { peerOf } from "../../../shared/etsi004/address.ts";
import { isOpened } from "../../../shared/etsi004/native/answers.ts";
import { honoured, PROFILES, type ProfileName } from "../../../shared/etsi004/profiles.ts";
import type { Qos } from "../../../shared/etsi004/qos.ts";
import type {
  AvailableAnswer,
  GetKeyAnswer,
  Ksid,
  OpenAnswer,
  StreamCaller,
  StreamEnd,
  StreamPeer,
} from "../../../shared/etsi004/types.ts";
import type { StatusName } from "../../../shared/etsi004/status.ts";
import { type HybridTerms, type HybridWish, hybridWishOf } from "../../../shared/hybrid/edge/terms.ts";
import type { NodeId } from "../../../shared/ids.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { type Lookup, nodeId } from "../../../shared/network/lookup.ts";
import { type Route, routeBetween, shardsOf } from "../../../shared/network/pairs.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { directoryCache, snapshotSourceOf } from "../../clients/directory.ts";
import { answerOf } from "../../clients/key-pool.ts";
import { streamOf } from "../../clients/key-stream.ts";
import type { Env } from "../../env.ts";
import { authenticate } from "../../middleware/authenticate.ts";
import type { AuthenticatedCall } from "../handler.ts";
import { shardByHash } from "../idempotency.ts";

export interface OpenWish {
  /** Null: the caller. */
  readonly source: string | null;
  readonly destination: string;
  /** Null: to be allocated. */
  readonly ksid: Ksid | null;
  readonly qos: Qos;
  /** Does the caller wait for the other end? Nobody does who has its KSID allocated. */
  readonly waits: boolean;
}

export interface Opened {
  readonly ksid: Ksid;
  readonly answer: OpenAnswer;
  /** Why there is no connection, where more can be told than that. */
  readonly detail?: string;
}

interface OtherEnd {
  /** Null: a plain stream. */
  readonly hybrid: HybridTerms | null;
  readonly lookup: Lookup;
  readonly peer: StreamPeer;
  readonly route: Route;
}

const UNKNOWN_KSID = { status: "unknown-ksid" } as const;
/** Why an address is of no use. */
const REASONS = {
  unknown: "means no SAE and no node of this network",
  itself: "is the calling SAE itself",
} as const;

export class StreamCalls {
  readonly #call: AuthenticatedCall;
  readonly #env: Env;
  readonly #lookup: Lookup;
  readonly #principal: string;
  readonly #profile: ProfileName;
  readonly self: StreamEnd;

  constructor(call: AuthenticatedCall, self: StreamEnd, profile: ProfileName) {
    this.#call = call;
    this.#env = call.env;
    this.#lookup = call.caller.lookup;
    this.#principal = `sae:${self.sae}`;
    this.#profile = profile;
    this.self = self;
  }

  async open(wish: OpenWish): Promise<Result<Opened, Fault>> {
    // Refused, and not passed over: whoever asks for hybrid key shall not be given QKD key alone.
    const hybrid = hybridWishOf(wish.source, wish.destination);
    if (!hybrid.ok) return fail("bad-request", hybrid.error.message);
    const other = await this.#otherEnd(wish, hybrid.value);
    if (!other.ok) {
      if (other.error.code === "bad-request") return other;
      const ksid = wish.ksid ?? newKsid();
      return ok({ ksid, answer: { status: "no-connection" }, detail: other.error.message });
    }
    return wish.ksid === null
      ? await this.#openAllocated(wish, other.value)
      : await this.#openAt(wish.ksid, wish, other.value);
  }

  /**
   * Any shard will do, and each promises what it has itself: only where none can give Min_bps it is refused, with the
   * most that one of them offers. So an offer that is asked for is met, whichever shard made it.
   */
  async #openAllocated(wish: OpenWish, other: OtherEnd): Promise<Result<Opened, Fault>> {
    const shards = shardsOf(other.route).length;
    const openIn = async (shard: number) => await this.#openAt(newKsid(shard % shards, shards), wish, other);
    const first = Math.floor(Math.random() * shards);
    let best = await openIn(first);
    for (let next = 1; next < shards && offeredBps(best) < wish.qos.minBps; next++) {
      const opened = await openIn(first + next);
      if (offeredBps(opened) > offeredBps(best)) best = opened;
    }
    return best;
  }

  async #openAt(ksid: Ksid, wish: OpenWish, other: OtherEnd): Promise<Result<Opened, Fault>> {
    const { lookup, peer, route, hybrid } = other;
    const answer = await answerOf(() =>
      streamOf(this.#env, ksid, this.self.node).open({
        ...this.caller(ksid),
        configVersion: lookup.sequence,
        peer,
        pair: route.pair,
        shard: shardOfStream(ksid, route),
        qos: honoured(PROFILES[this.#profile], wish.qos),
        allocated: wish.ksid === null || !wish.waits,
        ...(hybrid === null ? {} : { hybrid }),
      }),
    );
    if (!answer.ok) return answer;
    if (isOpened(answer.value) && (answer.value.isHybrid ?? false) !== (hybrid !== null)) {
      await this.close(ksid);
      return fail("unavailable", "a new version is being deployed, which knows of hybrid streams: try again");
    }
    return ok({ ksid, answer: answer.value });
  }

  /** @param ksid null: of a text that is no UUID */
  async getKey(
    ksid: Ksid | null,
    indices: readonly number[] | null,
    metadataSize = 0,
  ): Promise<Result<GetKeyAnswer, Fault>> {
    if (ksid === null) return ok(UNKNOWN_KSID);
    const call = { ...this.caller(ksid), indices, metadataSize };
    const startMs = Date.now();
    const answer = await answerOf(() => streamOf(this.#env, ksid, this.self.node).getKey(call));
    const hasWaited = Date.now() - startMs > LIMITS.snapshotMaxAgeMs;
    if (!answer.ok || answer.value.status !== "success" || !hasWaited) return answer;
    const stillIn = await this.#stillIn();
    if (stillIn.ok) return answer;
    answer.value.key.fill(0);
    return stillIn;
  }

  /** Whoever waited for key may have been revoked meanwhile. @returns `unauthorised`, `directory-unavailable` */
  async #stillIn(): Promise<Result<null, Fault>> {
    const { request, env, context } = this.#call;
    const now = await authenticate(request, env, context);
    if (!now.ok) return now;
    const { grant } = now.value;
    return allows(grant, "streams.use") && isEnd(grant.principal, this.self)
      ? ok(null)
      : fail("unauthorised", "gone while the call waited");
  }

  async close(ksid: Ksid | null): Promise<Result<{ readonly status: StatusName }, Fault>> {
    if (ksid === null) return ok(UNKNOWN_KSID);
    return await answerOf(() => streamOf(this.#env, ksid, this.self.node).close(this.caller(ksid)));
  }

  /** @param count how many to make; null: those that are made already */
  async available(ksid: Ksid | null, count: number | null): Promise<Result<AvailableAnswer, Fault>> {
    if (ksid === null) return ok({ ...UNKNOWN_KSID, indices: [], count: 0 });
    const call = { ...this.caller(ksid), count };
    return await answerOf(() => streamOf(this.#env, ksid, this.self.node).available(call));
  }

  /** Who calls, as objects want to know it. */
  caller(ksid: Ksid): StreamCaller {
    return {
      configVersion: this.#lookup.sequence,
      principal: this.#principal,
      profile: this.#profile,
      ksid,
      self: this.self,
    };
  }

  /** Somebody this isolate has not heard of may have been added a moment ago. */
  async #otherEnd(wish: OpenWish, hybrid: HybridWish | null): Promise<Result<OtherEnd, Fault>> {
    const found = otherEndIn(this.#lookup, this.self, wish, hybrid);
    if (found.ok || found.error.code !== "unknown-sae") return found;
    const newer = await directoryCache.afterMiss(snapshotSourceOf(this.#env), this.#lookup);
    return newer === null ? found : otherEndIn(newer, this.self, wish, hybrid);
  }
}

const isEnd = (principal: Principal, { sae, node }: StreamEnd): boolean =>
  principal.role === "sae" && principal.id === sae && principal.node === node;

/** A KSID that nobody knows yet, of a stream in this shard. */
function newKsid(shard = 0, shards = 1): Ksid {
  for (;;) {
    const ksid = crypto.randomUUID() as Ksid;
    if (shardByHash(ksid, shards) === shard) return ksid;
  }
}

/** Of the KSID, so that both ends come to the same one. */
function shardOfStream(ksid: Ksid, route: Route): number {
  const shards = shardsOf(route);
  return shards[shardByHash(ksid, shards.length)] ?? 0;
}

/** The Min_bps that could be had, of a stream refused for its QoS; any, of one that was not. */
function offeredBps(result: Result<Opened, Fault>): number {
  if (!result.ok) return Infinity;
  const { status, opened = false, qos } = result.value.answer;
  return status === "qos-not-met" && !opened && qos !== undefined ? qos.minBps : Infinity;
}

/** @returns `unknown-sae`, `no-route`, `bad-request` */
function otherEndIn(
  lookup: Lookup,
  self: StreamEnd,
  { source, destination }: OpenWish,
  hybrid: HybridWish | null,
): Result<OtherEnd, Fault> {
  const found = peerOf(lookup, self, source, destination);
  if (!found.found) return fail("unknown-sae", `${found.member}: ${REASONS[found.why]}`);
  const { peer } = found;
  if (hybrid !== null && lookup.nodesById.get(peer.node)?.remote !== undefined) {
    return fail("no-route", `node ${peer.node} is hosted by another deployment: hybrid streams need both nodes here`);
  }
  const terms = hybrid === null ? ok(null) : termsBetween(lookup, [self.node, peer.node], hybrid);
  if (!terms.ok) return terms;
  const route = routeBetween(lookup, self.node, peer.node);
  return route.ok ? ok({ lookup, peer, route: route.value, hybrid: terms.value }) : route;
}

/** The addresses' nodes shall be the stream's two: an SAE may have one of them as an address, whatever is in it. */
function termsBetween(
  lookup: Lookup,
  ends: readonly NodeId[],
  { initiator, responder, ...wish }: HybridWish,
): Result<HybridTerms, Fault> {
  const [first, second] = [initiator, responder].map((uuid) => {
    const entry = lookup.nodesByUuid.get(uuid);
    return entry === undefined ? null : { uuid, node: nodeId(entry.id) };
  });
  const areEnds = first && second && ends.includes(first.node) && ends.includes(second.node);
  if (!areEnds || first.node === second.node) {
    return fail("bad-request", "bad-uri: node: the UUIDs shall be those of the stream's two nodes");
  }
  return ok({ ...wish, initiator: first, responder: second });
}

/** @returns `unauthorised` for anybody but an SAE; the policy table lets nobody else come here */
export function streamCalls(call: AuthenticatedCall, profile: ProfileName): Result<StreamCalls, Fault> {
  const { principal } = call.caller.grant;
  if (principal.role !== "sae") return fail("unauthorised", "key streams are for SAEs");
  return ok(new StreamCalls(call, { sae: principal.id, node: principal.node }, profile));
}
