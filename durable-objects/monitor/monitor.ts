/**
 * The Monitor, one a deployment: asks all objects how they are, every second while somebody watches and seldom otherwise;
 * keeps the figures of a day and the deployment's alarms, and tells those who watch. It holds nothing that others need: without
 * it, all else goes on.
 */
import { DurableObject } from "cloudflare:workers";
import type { MonitorView } from "../../shared/api/monitor-schemas.ts";
import { HTTP_STATUS } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { poolName } from "../../shared/ids.ts";
import { settled } from "../../shared/monitor/diff.ts";
import { withAlarms } from "../../shared/monitor/health.ts";
import type { WatchedNetwork } from "../../shared/monitor/network.ts";
import { LIVE_CALL_HEADER, type LiveCall, type MonitorRpc, readLiveCall } from "../../shared/monitor/rpc.ts";
import { StockMeters } from "../../shared/monitor/rates.ts";
import { stocksOf } from "../../shared/monitor/stocks.ts";
import { toldAlarms } from "../../shared/monitor/told-alarms.ts";
import { viewOf } from "../../shared/monitor/view.ts";
import { err, ok } from "../../shared/result.ts";
import { DIRECTORY_NAME, MONITOR_NAME, type ObjectsEnv } from "../env.ts";
import { DIRECTORY_UNREACHABLE, KnownNetwork } from "../known-network.ts";
import { logFailure } from "../log-failure.ts";
import { Reviews } from "../standing/reviews.ts";
import { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { Planner } from "../storage/planner.ts";
import { within } from "../within.ts";
import { Alarms } from "./alarms.ts";
import { Collector } from "./collector.ts";
import { History } from "./history.ts";
import { LiveSockets } from "./live-sockets.ts";
import { MIGRATIONS } from "./schema.ts";
import { Tallies } from "./tallies.ts";

const RECOVERY_MS = 30_000;
const AGAIN_MS = 1000;
const DEFAULT_PERIOD_S = 60;

type Call<Name extends keyof MonitorRpc> = Parameters<MonitorRpc[Name]>[0];

export class Monitor extends DurableObject<ObjectsEnv> implements MonitorRpc {
  readonly #network: KnownNetwork<WatchedNetwork>;
  readonly #collector: Collector;
  readonly #meters = new StockMeters();
  readonly #history: History;
  readonly #alarms: Alarms;
  readonly #tallies: Tallies;
  readonly #live: LiveSockets;
  readonly #reviews: Reviews<LiveCall>;
  readonly #planner: Planner;
  /** The last, and the same without alarms. */
  #view: MonitorView | null = null;
  #bare: MonitorView | null = null;
  #sampling: Promise<void> | null = null;
  /** When the last sample began, and the share of all objects that it has asked. */
  #sampledMs = -Infinity;
  #share = 1;
  /** When the last sample was at its end. */
  #seenMs = -Infinity;
  /** When somebody asked last, other than by a socket. */
  #askedMs = -Infinity;
  /** The alarms' own work rests until then, after a failure. */
  #alarmsNotBeforeMs = 0;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    const directory = () => env.DIRECTORY.getByName(DIRECTORY_NAME);
    this.#network = new KnownNetwork(async (known) => await directory().monitorView(known));
    this.#collector = new Collector(env);
    this.#history = new History(db);
    this.#meters.restore(this.#history.stocks());
    this.#alarms = new Alarms({ db, env, logOf: (node) => env.AUDIT_LOG.getByName(node), nowMs: Date.now });
    this.#tallies = new Tallies(db);
    this.#live = new LiveSockets({
      sockets: () => ctx.getWebSockets(),
      accept: (socket) => ctx.acceptWebSocket(socket),
      newId: () => crypto.randomUUID(),
      nowMs: Date.now,
    });
    this.#reviews = new Reviews("monitor", this.#live, directory);
    this.#planner = new Planner({
      ctx,
      name: "monitor",
      recoveryMs: RECOVERY_MS,
      dueMs: (nowMs) => this.#dueMs(nowMs),
      work: async () => await this.#work(),
    });
  }

  async view(): ReturnType<MonitorRpc["view"]> {
    this.#askedMs = Date.now();
    await this.#noOlderThan(LIMITS.monitorWatchedMs);
    this.#planner.plan();
    return this.#view === null ? err(DIRECTORY_UNREACHABLE) : ok(this.#view);
  }

  async history(call: Call<"history">): ReturnType<MonitorRpc["history"]> {
    return this.#history.read(call, Date.now());
  }

  async tally(more: Call<"tally">): Promise<void> {
    this.#tallies.add(more, Date.now());
  }

  async metrics(): ReturnType<MonitorRpc["metrics"]> {
    await this.#noOlderThan(LIMITS.metricsMaxAgeMs);
    return this.#view === null ? err(DIRECTORY_UNREACHABLE) : ok({ view: this.#view, totals: this.#tallies.totals });
  }

  async refresh(): Promise<void> {
    // Twice, as a question that was under way may have been answered before the change.
    const isKnown = (await this.#network.refresh()) && (await this.#network.refresh());
    if (!isKnown) throw new Error("the directory does not answer");
    this.#collector.nudged();
    if (this.#live.calls.length > 0) await this.#reviews.review(MONITOR_NAME);
    this.#planner.plan();
  }

  async endSession(sessionSha256: string): Promise<void> {
    this.#live.end("revoked", (call) => call.sessionSha256 === sessionSha256);
  }

  async listAlarms(state: Call<"listAlarms">): ReturnType<MonitorRpc["listAlarms"]> {
    // As of now: what has just been cleared shall not be told.
    this.#askedMs = Date.now();
    await this.#noOlderThan(LIMITS.alarmsFreshMs);
    this.#planner.plan();
    return await this.#alarms.listAlarms(state);
  }

  async acknowledgeAlarm(call: Call<"acknowledgeAlarm">): ReturnType<MonitorRpc["acknowledgeAlarm"]> {
    // Just woken, it does not know whom it has to tell of that.
    if (this.#view === null) await this.#noOlderThan(0);
    const alarm = await this.#alarms.acknowledgeAlarm(call);
    if (alarm.ok && this.#bare !== null) this.#show(this.#bare);
    this.#planner.plan();
    return alarm;
  }

  async webhooks(): ReturnType<MonitorRpc["webhooks"]> {
    return await this.#alarms.webhooks();
  }

  async certificatesSeen(shown: Call<"certificatesSeen">): Promise<void> {
    await this.#alarms.certificatesSeen(shown);
  }

  override async fetch(request: Request): Promise<Response> {
    const header = request.headers.get(LIVE_CALL_HEADER);
    if (header === null || request.headers.get("Upgrade")?.toLowerCase() !== "websocket")
      return refused("upgrade-required", "a WebSocket is expected here");
    const call = readLiveCall(header);
    if (this.#live.isFullFor(call.principal)) return refused("unavailable", "as many watch as may, try again later");
    const { 0: client, 1: server } = new WebSocketPair();
    this.#live.admit(server, call);
    if (this.#view !== null) this.#live.publish(this.#view);
    this.#planner.plan();
    this.ctx.waitUntil(this.#reviews.begin(MONITOR_NAME, ({ principal }) => principal === call.principal, Date.now));
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#live.heard(socket, message, this.#view);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#live.ended(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#live.ended(socket);
  }

  override async alarm(): Promise<void> {
    await this.#planner.alarm();
  }

  async #work(): Promise<boolean> {
    this.#live.endExpired();
    if (this.#sampleDueMs(Date.now()) <= Date.now()) await this.#sample();
    this.#beginAlarmWork();
    return true;
  }

  #dueMs(nowMs: number): number {
    const alarmsMs = Math.max(this.#alarms.dueMs(), this.#alarmsNotBeforeMs);
    return Math.min(this.#sampleDueMs(nowMs), alarmsMs, this.#live.nextExpiryMs);
  }

  #sampleDueMs(nowMs: number): number {
    const periodMs = this.#periodMs(nowMs);
    if (periodMs === Infinity) return Infinity;
    // Where one sample asks some of the objects only, the others come the sooner.
    return this.#sampledMs + Math.max(LIMITS.monitorWatchedMs, periodMs * this.#share);
  }

  /** Between two samples; Infinity: there are none. */
  #periodMs(nowMs: number): number {
    const isWatched = this.#live.calls.length > 0 || nowMs - this.#askedMs < LIMITS.monitorAskedMs;
    if (isWatched) return LIMITS.monitorWatchedMs;
    const seconds = Number(this.env.QKD_MONITOR_S ?? DEFAULT_PERIOD_S);
    return seconds > 0 ? 1000 * seconds : Infinity;
  }

  /** What is there is better than to wait on for objects that do not answer, one after the other. */
  async #noOlderThan(ageMs: number): Promise<void> {
    if (Date.now() - this.#seenMs >= ageMs) await within(LIMITS.monitorPatienceMs, this.#sample());
  }

  /** One at a time: who asks meanwhile is served by it. What it leaves to be done is planned, whoever still waits. */
  async #sample(): Promise<void> {
    this.#sampling ??= this.#sampleNow().finally(() => {
      this.#sampling = null;
      this.#planner.plan();
    });
    await this.#sampling;
  }

  async #sampleNow(): Promise<void> {
    this.#sampledMs = Date.now();
    if (!this.#network.isKnown && !(await this.#network.refresh())) return;
    const network = this.#network.view;
    this.#share = await this.#collector.collect(network);
    const nowMs = Date.now();
    const { answers, audit, faults, unheardLogs, pairs: listed } = this.#collector;
    const pairs = listed ?? [];
    const stocks = stocksOf(network, pairs, answers, nowMs);
    const known = new Set([
      ...network.links.map(({ id }) => `link:${id}`),
      ...pairs.map(({ pair, shard }) => `pair:${poolName(pair, shard)}`),
    ]);
    this.#meters.see(stocks, (id) => known.has(id) || (listed === null && id.startsWith("pair:")));
    const meters = this.#meters;
    const asSetMs = this.#periodMs(nowMs);
    // Where none come by themselves, whoever looks has them come so often.
    const periodMs = asSetMs === Infinity ? LIMITS.monitorWatchedMs : asSetMs;
    const seen = viewOf({ network, pairs, answers, meters, audit, nowMs, periodMs });
    const view = { ...seen, operations: this.#tallies.operations(nowMs) };
    const told = toldAlarms(network, pairs, answers);
    const hubs = [...answers.hubs.values()].filter((hub) => hub !== null);
    this.#alarms.judge({ view, arePairsKnown: listed !== null, told, hubs, faults, unheardLogs }, network);
    this.#history.keep(view, () => meters.stocks(), nowMs);
    this.#show(view);
    this.#seenMs = nowMs;
  }

  /** To all who watch. */
  #show(view: MonitorView): void {
    this.#bare = view;
    this.#view = settled(this.#view, withAlarms(view, this.#alarms.standing()));
    this.#live.publish(this.#view);
  }

  /** Not waited for: a webhook that does not answer would hold up the samples, and all other webhooks. */
  #beginAlarmWork(): void {
    if (Date.now() < this.#alarmsNotBeforeMs) return;
    for (const part of this.#alarms.begin()) this.ctx.waitUntil(this.#seeThrough(part));
  }

  async #seeThrough(part: Promise<void>): Promise<void> {
    try {
      await part;
    } catch (error) {
      this.#alarmsNotBeforeMs = Date.now() + AGAIN_MS;
      logFailure("monitor, alarms", error);
    }
    this.#planner.plan();
  }
}

function refused(code: "upgrade-required" | "unavailable", message: string): Response {
  const again = code === "unavailable" ? { "Retry-After": "1" } : undefined;
  return Response.json({ message }, { status: HTTP_STATUS[code], headers: { "Cache-Control": "no-store", ...again } });
}
