/** Opens hybrid streams whose other end is an unmodified hybridization module: its session, and the QKD stream beside it. */
import { readFile } from "node:fs/promises";
import { NO_WISHES } from "../../../shared/etsi004/qos.ts";
import { isLegacy } from "../../../shared/hybrid/methods.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { type Log, messageOf } from "../../log.ts";
import { OpenLanes } from "../etsi004-json/lanes.ts";
import type { ActingFor, Ask } from "../etsi004/as-agent.ts";
import { edgeStreams } from "../etsi004/edge-streams.ts";
import { type Application, type ModuleWish, qkdSource } from "./agreement.ts";
import type { OpenWithModule } from "./engine.ts";
import { failed, type HybridFailure } from "./failure.ts";
import type { ModulePeers } from "./module-peer/module-peers.ts";
import { type ModuleQkd, moduleQkd } from "./module-peer/qkd.ts";
import type { ModuleSession } from "./module-peer/session.ts";
import type { Reports } from "./reports.ts";
import { refused, SessionWithModule } from "./session-with-module.ts";

export interface WithModulesOptions {
  /** Rejects where they cannot be had. */
  readonly modules: Promise<ModulePeers>;
  readonly askFor: (acting: ActingFor) => Ask;
  readonly reports: Reports;
  readonly log: Log;
  readonly nowMs: () => number;
}

interface Opened {
  readonly session: ModuleSession;
  /** Null: not wanted, or optional and not to be had. */
  readonly qkd: ModuleQkd | null;
}

type OpenQkd = (signal: AbortSignal) => Promise<Result<ModuleQkd, string>>;

export function withModules({ modules, askFor, reports, log, nowMs }: WithModulesOptions): OpenWithModule {
  const lanes = new Map<string, OpenLanes>();
  const lanesOf = ({ sae, node }: Application): OpenLanes => {
    const key = `${sae} ${node}`;
    const there = lanes.get(key) ?? new OpenLanes();
    lanes.set(key, there);
    return there;
  };
  const qkdOf = (wish: ModuleWish): OpenQkd => {
    const { own, role, peer, chunkBytes, timeoutMs } = wish;
    const streams = edgeStreams({ ask: askFor(own), binding: "json-tcp", log });
    const [sourceUuid, destinationUuid] = role === "initiator" ? [own.uuid, peer.uuid] : [peer.uuid, own.uuid];
    const qos = { ...NO_WISHES, chunkBytes, timeoutMs };
    const counts = peer.zeroIsNext;
    return (signal) => moduleQkd({ streams, lanes: lanesOf(own), sourceUuid, destinationUuid, qos, counts }, signal);
  };
  return async (wish, signal) => {
    const { method } = wish;
    if (!isLegacy(method)) return failed("unknown-method", `a hybridization module does not know ${method}`);
    const seed = wish.peer.seedFile === null ? ok(null) : await readSeed(wish.peer.seedFile);
    if (!seed.ok) return seed;
    const peers = await available(modules);
    if (!peers.ok) return peers;
    const opened = await openBoth(peers.value, wish, qkdOf(wish), signal);
    if (!opened.ok) return opened;
    return ok(new SessionWithModule({ wish, method, seed: seed.value, ...opened.value, reports, nowMs }));
  };
}

const available = (modules: Promise<ModulePeers>): Promise<Result<ModulePeers, HybridFailure>> =>
  modules.then(ok, (thrown: unknown) =>
    failed("source-unavailable", `this agent does not serve hybridization modules: ${messageOf(thrown)}`),
  );

/** Alike at both ends: what follows the last line of the file is no part of it. */
async function readSeed(file: string): Promise<Result<string, HybridFailure>> {
  try {
    const seed = (await readFile(file, "utf8")).trim();
    return seed === "" ? failed("source-unavailable", "shared_seed_file: it is empty") : ok(seed);
  } catch (thrown) {
    return failed("source-unavailable", `shared_seed_file: ${messageOf(thrown)}`);
  }
}

/** QKD beside the KEMs, as the module does: its own OPEN_CONNECT for QKD key waits no longer for those. */
async function openBoth(
  peers: ModulePeers,
  wish: ModuleWish,
  openQkd: OpenQkd,
  signal: AbortSignal,
): Promise<Result<Opened, HybridFailure>> {
  const qkd = qkdSource(wish);
  const over = new AbortController();
  let opening: ReturnType<OpenQkd> = Promise.resolve(err("not wanted"));
  const session = await peers.openSession(
    { ...wish, role: wish.role === "initiator" ? "client" : "server", peer: wish.peer.module },
    signal,
    () => {
      if (qkd !== undefined) opening = openQkd(AbortSignal.any([signal, over.signal]));
    },
  );
  if (!session.ok) over.abort();
  const stream = await opening;
  const fail = (failure: Result<never, HybridFailure>): Result<never, HybridFailure> => {
    if (session.ok) session.value.close();
    if (stream.ok) void stream.value.close();
    return failure;
  };
  if (!session.ok) return fail(refused(session.error));
  if (signal.aborted) return fail(failed("timeout", "nobody waits for the stream any more"));
  if (!stream.ok && qkd?.required === true) return fail(failed("source-unavailable", `QKD: ${stream.error}`));
  const kems = wish.sources.filter(({ algorithm }) => algorithm !== "QKD").length - session.value.dropped.length;
  if (kems === 0 && !stream.ok) return fail(failed("source-unavailable", "none of the sources can be had"));
  return ok({ session: session.value, qkd: stream.ok ? stream.value : null });
}

export const NO_MODULES: OpenWithModule = () =>
  Promise.resolve(failed("unknown-peer", "no hybridization module is a peer"));
