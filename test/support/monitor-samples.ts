/** What a small network's objects answer the Monitor, for tests of what it makes of that. Pure. */
import * as v from "valibot";
import type { LinkId, NodeId, PairName } from "../../shared/ids.ts";
import { BIT_STATES, type Ledger, type PoolStatus } from "../../shared/keypool/types.ts";
import { type Answers, targetsOf } from "../../shared/monitor/answers.ts";
import { type WatchedNetwork, watchedNetwork } from "../../shared/monitor/network.ts";
import type { Seen } from "../../shared/monitor/seen.ts";
import { NetworkDocumentSchema } from "../../shared/network/document.ts";
import type { ModuleAnswer } from "../../shared/qkd-module/rpc.ts";
import type { ModuleState } from "../../shared/qkd-module/status.ts";
import type { NodeStatus } from "../../shared/relay/node-status.ts";
import type { TunnelStatus } from "../../shared/tunnel/types.ts";
import { pushLink, remoteNode, saeAt } from "./network-document.ts";

export const NOW_MS = Date.UTC(2026, 0, 31, 12);

/** a - b - c over links `ab` (two shards) and `bc` (BB84), b - far over `bf`; a's site is north. Key for a and c is relayed. */
export const WATCHED: WatchedNetwork = watchedNetwork({
  sequence: 7,
  documentVersion: 3,
  document: v.parse(NetworkDocumentSchema, {
    name: "net",
    nodes: [{ id: "a", site: "north" }, { id: "b" }, { id: "c" }, remoteNode("far", { saes: ["s-far"] })],
    links: [
      pushLink("ab", "a", "b", { shards: 2 }),
      pushLink("bc", "b", "c", { source: "bb84" }),
      pushLink("bf", "b", "far"),
    ],
    saes: [saeAt("s-a", "a"), saeAt("s-a2", "a")],
    operators: [],
  }),
});
export const PAIRS = [{ pair: "a|c" as PairName, shard: 60 }];

export const ledger = (bits: Partial<Ledger>): Ledger =>
  ({ ...Object.fromEntries(BIT_STATES.map((state) => [state, 0])), ...bits }) as Ledger;

export const pool = (more: Partial<PoolStatus> = {}): PoolStatus => ({
  pair: "a|b" as PairName,
  shard: 0,
  link: "ab" as LinkId,
  state: "active",
  source: "push",
  simulated: false,
  custody: "edge",
  ledgerBits: ledger({ available: 1000 }),
  ingestedBits: 1000,
  transferredBits: 0,
  importedBits: 0,
  conserved: true,
  level: "normal",
  watermarks: { lowBytes: 10, highBytes: 1000 },
  rates: null,
  health: { blocks: 1, quarantinedBlocks: 0, last: null },
  alarms: [],
  ...more,
});

type Report = NonNullable<ModuleAnswer["status"]>["reports"][number];

/** @param qber of its last block, released; or what a block that was given up knew */
export const moduleAnswer = (
  state: ModuleState,
  qber: number | null | Pick<Report, "qberX" | "qberZ"> = null,
  endedMs = 0,
): ModuleAnswer => ({
  node: "b" as NodeId,
  alarms: [],
  status: {
    role: "sender",
    sim: "bb84",
    state,
    block: 1,
    totals: { released: 1, aborted: 0, siftedBits: 0, keyBits: 0 },
    reports:
      qber === null ? [] : [{ ...(typeof qber === "number" ? { qberX: qber, qberZ: qber } : qber), endedMs } as Report],
    finishedBlocks: 0,
    unsettledBlocks: 0,
    authenticationSlots: 1,
  },
});

const counts = { begun: 0, done: 0, failed: {} };
export const nodeStatus = (node: string, more: Partial<NodeStatus> = {}): NodeStatus => ({
  node: node as NodeId,
  isRelayEnabled: true,
  links: [],
  heard: [],
  unheard: [],
  avoided: [],
  relays: { sinceMs: 0, keys: counts, troubles: {}, steps: counts },
  alarms: [],
  ...more,
});

export const hub = (site: string, more: Partial<TunnelStatus> = {}): TunnelStatus => ({
  site,
  agents: [],
  services: [],
  peers: [],
  gauges: { framesRelayed: 0, bytesRelayed: 0, waitingBytes: 0, culpritsClosed: 0, connects: 0, streams: 0 },
  alarms: [],
  ...more,
});

type Given = { readonly [Kind in keyof Answers]?: Readonly<Record<string, unknown>> };

/** All is well, but for what is given; `undefined`: it has not been asked. */
export function seen(given: Given = {}, more: Partial<Seen> = {}): Seen {
  const well: { readonly [Kind in keyof Answers]: Record<string, unknown> } = {
    pools: Object.fromEntries(
      targetsOf(WATCHED, PAIRS).flatMap(({ kind, name }) => (kind === "pool" ? [[name, pool()]] : [])),
    ),
    modules: { "bc@b": moduleAnswer("idle"), "bc@c": moduleAnswer("idle") },
    nodes: Object.fromEntries(["a", "b", "c"].map((node) => [node, nodeStatus(node)])),
    ipsec: {},
    hubs: Object.fromEntries(["north", "b", "c"].map((site) => [site, hub(site)])),
  };
  const answers = Object.fromEntries(
    Object.entries(well).map(([kind, table]) => {
      const all = Object.entries({ ...table, ...given[kind as keyof Answers] });
      return [kind, new Map(all.filter(([, answer]) => answer !== undefined))];
    }),
  );
  return {
    network: WATCHED,
    pairs: PAIRS,
    answers: answers as unknown as Answers,
    meters: { rates: () => null },
    audit: [],
    nowMs: NOW_MS,
    periodMs: 1000,
    ...more,
  };
}
