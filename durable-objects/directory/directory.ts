/**
 * The one Directory of a deployment: the network document with its versions, revocations and drains, and the only
 * place where they change. Workers and pools work from its snapshots.
 */
import { DurableObject } from "cloudflare:workers";
import type { Fault } from "../../shared/errors/errors.ts";
import { fail } from "../../shared/errors/errors.ts";
import { poolName, type PairName } from "../../shared/ids.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { diffNetworks } from "../../shared/network/diff.ts";
import type {
  CallersCall,
  CallersKind,
  DirectoryRpc,
  EpochsState,
  LeaseAnswer,
  LeaseCall,
  NetworkDiff,
  NetworkVersion,
  RelayPools,
  Revocation,
  Snapshot,
} from "../../shared/network/directory-types.ts";
import type { IpsecView, IpsecViewCall } from "../../shared/ipsec/view.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { watchedNetwork } from "../../shared/monitor/network.ts";
import { maxShardsOf } from "../../shared/network/lookup.ts";
import { moduleLink } from "../../shared/network/module-config.ts";
import type { OwnRelayView, RelayViewCall } from "../../shared/network/relay-view.ts";
import { type ModuleConfig, moduleName } from "../../shared/qkd-module/rpc.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { TunnelView, TunnelViewCall } from "../../shared/tunnel/types.ts";
import { generationOf, type ObjectsEnv } from "../env.ts";
import { logFailure } from "../log-failure.ts";
import { Database } from "../storage/database.ts";
import { epochStoreOf } from "../storage/epoch-store.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { arm } from "../storage/planner.ts";
import {
  audit,
  bootstrapOpen,
  putNetwork,
  revoke,
  validateNext,
  type DirectoryParts,
  type PutCall,
  type RevokeCall,
} from "./changes.ts";
import { Callers } from "./callers.ts";
import { EpochTable } from "./epoch-table.ts";
import { Epochs, sealerOfStream, streamOfSealer } from "./epochs.ts";
import { type Errands, runErrands } from "./errands.ts";
import { viewOfHub } from "./hubs.ts";
import { Leases } from "./leases.ts";
import { lossesOf } from "./losses.ts";
import { behind, PoolStore } from "./pool-store.ts";
import { viewOfProxyAgent } from "./proxy-agents.ts";
import { RelayNodes } from "./relay-nodes.ts";
import { MIGRATIONS } from "./schema.ts";
import { DirectoryStore } from "./store.ts";
import { Watchers } from "./watchers.ts";

/** How soon what waits is done, how soon events that could not be shipped are tried again, and a failed alarm. */
const SOON_MS = 50;
const SHIP_AGAIN_MS = 5000;
const RECOVERY_MS = 30_000;

export class Directory extends DurableObject<ObjectsEnv> implements DirectoryRpc {
  readonly #parts: DirectoryParts;
  readonly #errands: Errands;
  readonly #leases: Leases;
  readonly #epochs: Epochs;
  readonly #hubs: Watchers;
  /** Objects with sockets of SAEs. */
  readonly #visited: Readonly<Record<Exclude<CallersKind, "monitor">, Watchers>>;
  readonly #monitor: Watchers;
  readonly #callers: Callers;
  readonly #nodes: RelayNodes;
  readonly #proxies: Watchers;
  /** Of the present sequence; made again after each change. */
  #snapshot: Snapshot | null = null;
  /** The alarm has been set for all that there is to be done, since this start. */
  #isPlanned = false;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    const store = new DirectoryStore(db);
    const outbox = new AuditOutbox(db, "directory", LIMITS);
    const bootstrapSha256 = env.QKD_BOOTSTRAP_SHA256?.toLowerCase();
    this.#parts = { store, outbox, bootstrapSha256, nowMs: Date.now };
    this.#errands = {
      pools: (pair, shard) => env.KEY_POOL.getByName(poolName(pair, shard)),
      modules: (link, node) => env.QKD_MODULE.getByName(moduleName(link, node)),
      known: new PoolStore(db),
    };
    this.#leases = new Leases(this.#parts, this.#errands.known);
    const sealer = (name: string) => {
      const stream = streamOfSealer(name);
      return stream === null ? env.KEY_POOL.getByName(name) : env.KEY_STREAM.getByName(stream);
    };
    this.#epochs = new Epochs(this.#parts, new EpochTable(db), epochStoreOf(env), sealer);
    this.#hubs = new Watchers(this.#parts, db, "tunnel", (site) => env.TUNNEL_HUB.getByName(site).refresh());
    this.#visited = {
      streams: new Watchers(this.#parts, db, "streams", (name) => env.KEY_STREAM.getByName(name).refresh()),
      rooms: new Watchers(this.#parts, db, "rooms", (name) => env.ROOM.getByName(name).refresh()),
    };
    this.#callers = new Callers(this.#parts);
    this.#monitor = new Watchers(this.#parts, db, "monitor", async (name) => {
      const { sequence } = store.head();
      await env.MONITOR.getByName(name).refresh();
      this.#monitor.saw(name, sequence);
    });
    const nodes = new Watchers(this.#parts, db, "nodes", (node) => env.TRUSTED_NODE.getByName(node).refresh());
    this.#nodes = new RelayNodes(this.#parts, nodes);
    this.#proxies = new Watchers(this.#parts, db, "ipsec", (node) => env.PROXY_AGENT.getByName(node).refresh());
    this.#leases.seeGeneration(generationOf(env));
    if (bootstrapSha256 !== undefined) this.#seeBootstrap(bootstrapSha256);
  }

  async snapshot(knownSequence: number): Promise<Snapshot | { readonly unchanged: true; readonly sequence: number }> {
    // Here only what the start has made, or should the alarm have been lost: what is new was planned by who made it.
    const isPlanned = this.#isPlanned && (await this.ctx.storage.getAlarm()) !== null;
    if (!isPlanned) await this.#plan(SHIP_AGAIN_MS);
    const snapshot = this.#current();
    return snapshot.sequence === knownSequence ? { unchanged: true, sequence: knownSequence } : snapshot;
  }

  async putNetwork(call: PutCall): Promise<Result<{ readonly version: number }, Fault>> {
    const result = putNetwork(this.#parts, call);
    this.ctx.waitUntil(this.#tellWatchers());
    await this.#plan();
    return result;
  }

  async getNetwork(
    version: number | null,
  ): Promise<Result<{ readonly version: number; readonly document: NetworkDocument }, Fault>> {
    const wanted = version ?? this.#parts.store.head().documentVersion;
    const document = this.#parts.store.document(wanted);
    return document === undefined
      ? fail("not-found", `version ${wanted} of the network is not kept`)
      : ok({ version: wanted, document });
  }

  async versions(): Promise<readonly NetworkVersion[]> {
    return this.#parts.store.versions();
  }

  async diff(document: unknown): Promise<Result<NetworkDiff, Fault>> {
    const view = this.#parts.store.view();
    const valid = validateNext(this.#parts, document, view.document);
    if (!valid.ok) return valid;
    const losses = await lossesOf(view, valid.value, this.#errands);
    const changes = diffNetworks(view.document, valid.value);
    return ok({ changes, ...losses, drainSeconds: view.document.policy.drain_s });
  }

  async revoke(call: RevokeCall): Promise<Result<Revocation, Fault>> {
    const result = revoke(this.#parts, call);
    this.ctx.waitUntil(this.#tellWatchers());
    await this.#plan();
    return result;
  }

  async poolConfig(pair: PairName, shard?: number): Promise<PoolConfig> {
    const { epoch } = await this.#epochs.inForce();
    const view = this.#parts.store.view();
    // A pool of the release before does not say which of the pair's it is: all of them count.
    const shards = shard === undefined ? Array.from({ length: maxShardsOf(view) }, (_, each) => each) : [shard];
    for (const each of shards) this.#epochs.meet(poolName(pair, each));
    await this.#plan();
    return { ...view.configOf(pair, shard), epoch };
  }

  async moduleConfig(link: string): Promise<ModuleConfig> {
    const { epoch } = await this.#epochs.inForce();
    const { sequence, document } = this.#parts.store.view();
    return { version: sequence, epoch, link: moduleLink(document, link) };
  }

  async streamEpoch(object: string): Promise<number> {
    const { epoch } = await this.#epochs.inForce();
    this.#epochs.meet(sealerOfStream(object));
    await this.#plan();
    return epoch;
  }

  async epochs(): Promise<Result<EpochsState, Fault>> {
    return ok(await this.#epochs.state());
  }

  async rollEpoch({ by }: { readonly by: string }): Promise<Result<{ readonly epoch: number }, Fault>> {
    const rolled = await this.#epochs.roll(by);
    await this.#plan();
    return rolled;
  }

  async leasePool(call: LeaseCall): Promise<LeaseAnswer> {
    const answer = this.#leases.lease(call);
    this.#epochs.meet(call.pool);
    await this.#plan();
    return answer;
  }

  async relayPools({ after, limit }: { readonly after: string; readonly limit: number }): Promise<RelayPools> {
    const { configOf } = this.#parts.store.view();
    const page = this.#errands.known.relayPoolsFrom(behind(after), limit);
    const pools = page.filter(({ pair, shard }) => configOf(pair, shard).state !== "gone");
    return { pools, next: page.length < limit ? null : (page.at(-1)?.name ?? null) };
  }

  async tunnelView(call: TunnelViewCall): Promise<TunnelView | { readonly unchanged: true }> {
    return viewOfHub(this.#parts, this.#hubs, call);
  }

  async goneCallers(call: CallersCall): Promise<readonly number[]> {
    const kind = call.kind ?? "streams";
    // The Monitor hears of every change, whoever is there.
    return this.#callers.gone(kind === "monitor" ? null : this.#visited[kind], call);
  }

  async relayView(call: RelayViewCall): Promise<OwnRelayView | { readonly unchanged: true }> {
    return this.#nodes.viewOf(call);
  }

  async ipsecView(call: IpsecViewCall): Promise<IpsecView | { readonly unchanged: true }> {
    return viewOfProxyAgent(this.#parts, this.#proxies, call);
  }

  async monitorView(knownSequence: number): ReturnType<DirectoryRpc["monitorView"]> {
    const network = this.#parts.store.view();
    return network.sequence === knownSequence ? { unchanged: true } : watchedNetwork(network);
  }

  override async alarm(): Promise<void> {
    // Should this run end in the middle, the next one goes on where it was.
    await this.ctx.storage.setAlarm(Date.now() + RECOVERY_MS);
    this.#endBootstrap();
    await Promise.all([this.#tellWatchers(), runErrands(this.#parts, this.#errands)]);
    const { failedNodes } = await this.#parts.outbox.ship((node) => this.env.AUDIT_LOG.getByName(node));
    await this.#runEpochs();
    await this.#plan(failedNodes.length > 0 ? SHIP_AGAIN_MS : SOON_MS, true);
  }

  async #tellWatchers(): Promise<void> {
    await Promise.all(this.#watchers.map(async (each) => await each.tell()));
  }

  get #watchers(): readonly Watchers[] {
    return [this.#hubs, ...Object.values(this.#visited), this.#nodes.watchers, this.#proxies, this.#monitor];
  }

  /** Where the keys are kept may not answer; all else goes on. */
  async #runEpochs(): Promise<void> {
    try {
      await this.#epochs.run();
    } catch (error) {
      logFailure("directory alarm, epochs", error);
    }
  }

  #current(): Snapshot {
    const { store } = this.#parts;
    const { sequence, documentVersion, document, drains } = store.view();
    if (this.#snapshot?.sequence !== sequence) {
      const open = bootstrapOpen(this.#parts);
      this.#snapshot = {
        sequence,
        documentVersion,
        document,
        drains,
        revocations: store.revocations(),
        bootstrapOpen: open,
      };
    }
    return this.#snapshot;
  }

  /** Arms the alarm for what comes next; one that is due sooner stays, unless this is its own end. */
  async #plan(shipInMs: number = SOON_MS, replace = false): Promise<void> {
    const nowMs = Date.now();
    const { store, outbox, bootstrapSha256 } = this.#parts;
    const errandMs = store.nextErrandMs();
    const watcherMs = this.#watchers.map((each) => each.nextMs()).filter((due) => due !== null);
    const deadlines = [
      errandMs === null ? null : Math.max(errandMs, nowMs + SOON_MS),
      ...watcherMs.map((dueMs) => Math.max(dueMs, nowMs + SOON_MS)),
      Math.max(this.#epochs.nextMs(), nowMs + SOON_MS),
      outbox.pending() > 0 ? nowMs + shipInMs : null,
      bootstrapSha256 === undefined ? null : store.bootstrapUntilMs(bootstrapSha256),
    ].filter((deadline) => deadline !== null);
    await arm(this.ctx.storage, Math.min(...deadlines), replace);
    this.#isPlanned = true;
  }

  #seeBootstrap(sha256: string): void {
    this.#parts.store.transaction(() => {
      if (this.#parts.store.seeBootstrap(sha256, Date.now())) {
        this.#parts.store.bump();
        audit(this.#parts, { act: "bootstrap.open", who: "system", detail: { seconds: LIMITS.bootstrapSeconds } });
      }
    });
  }

  /** The hour is over: closed for ever, and snapshots say so. */
  #endBootstrap(): void {
    const { store, bootstrapSha256 } = this.#parts;
    if (bootstrapSha256 === undefined) return;
    const untilMs = store.bootstrapUntilMs(bootstrapSha256);
    if (untilMs === null || untilMs > Date.now()) return;
    store.transaction(() => {
      store.closeBootstrap(bootstrapSha256, Date.now());
      store.bump();
      audit(this.#parts, { act: "bootstrap.close", who: "system", detail: { reason: "too old" } });
    });
  }
}
