/**
 * TunnelHub: where the agents of one site, and those of other sites that want to reach it, meet. This class only
 * composes: what each part does has a file of its own beside it.
 */
import { DurableObject } from "cloudflare:workers";
import { fail, type Fault, fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { CODES } from "../../shared/mux/codes.ts";
import { AGENT_FACTS_HEADER, readAgentFacts } from "../../shared/tunnel/agent-facts.ts";
import {
  CLOSE,
  HELLO_HEADER,
  PING_TEXT,
  PONG_TEXT,
  type PublicKeys,
  type RefusalCode,
} from "../../shared/tunnel/messages.ts";
import { mayOpen } from "../../shared/tunnel/services.ts";
import {
  type AccessHolder,
  type EnrolCall,
  GATEWAY_HEADER,
  HTTP_CALL_HEADER,
  type HttpCall,
  type ReportCall,
  type ServiceStream,
  type TunnelHubRpc,
  type TunnelStatus,
} from "../../shared/tunnel/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { Database, storedJson } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { arm } from "../storage/planner.ts";
import { accessHolder, nextRenewalMs, renewAccesses } from "./access.ts";
import { respondFault } from "./answers.ts";
import { Arrivals, type Sockets } from "./arrivals.ts";
import { Connections } from "./connections.ts";
import { Door } from "./door.ts";
import { enrol, expelInstance, keysFor, tellHubs } from "./enrolment.ts";
import { exchange } from "./http-exchange.ts";
import { HubNetwork } from "./network.ts";
import { OwnStreams } from "./own-streams.ts";
import { serviceStream } from "./raw-streams.ts";
import { alarmsOf, type HubParts, ServiceTable } from "./parts.ts";
import { refusedAnswer, Refusals } from "./refusals.ts";
import { Relay } from "./relay.ts";
import { Reports } from "./reports.ts";
import { MIGRATIONS } from "./schema.ts";
import { hearText } from "./services-lists.ts";
import { Sessions } from "./sessions.ts";
import { statusOf } from "./status.ts";
import { HubStore } from "./store.ts";

/** How soon what waits is done, how soon events that could not be shipped are tried again, and a failed alarm. */
const SOON_MS = 50;
const SHIP_AGAIN_MS = 5000;
const RECOVERY_MS = 30_000;

export class TunnelHub extends DurableObject<ObjectsEnv> implements TunnelHubRpc {
  readonly #parts: HubParts;
  readonly #services: ServiceTable;
  readonly #network: HubNetwork;
  readonly #own: OwnStreams;
  readonly #sessions: Sessions;
  readonly #arrivals: Arrivals;
  readonly #relay: Relay;
  readonly #door: Door;
  readonly #reports: Reports;
  /** Accounts are to be written down before long. */
  #saving = false;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING_TEXT, PONG_TEXT));
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    const store = new HubStore(db);
    const site = store.site(ctx.id.name);
    const outbox = new AuditOutbox(db, `tunnel-hub:${site}`, LIMITS);
    this.#parts = {
      site,
      store,
      outbox,
      alarms: alarmsOf(db, outbox, site),
      connections: new Connections(ctx.getWebSockets()),
      gauges: { framesRelayed: 0, bytesRelayed: 0, culpritsClosed: 0, connects: 0 },
      nowMs: Date.now,
      replan: () => ctx.waitUntil(this.#plan()),
    };
    this.#services = new ServiceTable(store);
    this.#network = new HubNetwork(site, () => env.DIRECTORY.getByName(DIRECTORY_NAME));
    this.#own = new OwnStreams(this.#parts);
    this.#sessions = new Sessions(this.#parts, this.#services, () => this.#own.ended());
    this.#relay = new Relay(this.#parts, this.#services, {
      close: (connection, code) => this.#sessions.expel(connection, code),
      tooMuch: (culprit) => this.#sessions.tooMuch(culprit),
      toHub: (frame) => this.#own.received(frame),
    });
    const refusals = new Refusals(this.#parts);
    this.#arrivals = new Arrivals(this.#parts, this.#sessions, refusals);
    this.#door = new Door(this.#parts, refusals, this.#network, (other) => env.TUNNEL_HUB.getByName(other));
    this.#reports = new Reports(this.#parts);
    this.#sessions.wake();
  }

  override async fetch(request: Request): Promise<Response> {
    const call = request.headers.get(HTTP_CALL_HEADER);
    if (call !== null) return await this.#toService(storedJson<HttpCall>(call), request);
    if (request.headers.has(GATEWAY_HEADER)) return this.#answer((sockets) => this.#arrivals.admitGateway(sockets));
    const heardMs = Date.now();
    const proven = await this.#door.hear(request.headers.get(HELLO_HEADER), request.url);
    if (!proven.ok) return refusedAnswer(proven.error);
    const facts = readAgentFacts(request.headers.get(AGENT_FACTS_HEADER));
    const told = facts === null ? {} : { clockAheadMs: facts.nowMs - heardMs, certificates: facts.certificates };
    return this.#answer((sockets) => this.#arrivals.admit(proven.value, sockets, told));
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    const connection = this.#parts.connections.of(socket);
    if (connection === undefined) return;
    if (typeof message === "string") {
      hearText(this.#sessions, connection, message, this.#parts.nowMs());
      return;
    }
    this.#relay.receive(connection, new Uint8Array(message));
    // Free at once: the collector would let tens of megabytes of such buffers pile up before it looks at their objects.
    message.transfer(0);
    if (this.#saving) return;
    this.#saving = true;
    setTimeout(() => this.#saveAccounts(), LIMITS.tunnelSnapshotMs);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#ended(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#ended(socket);
  }

  async openService(service: string): Promise<Result<ServiceStream, Fault>> {
    const refusal = await this.#objection({ service, site: null });
    if (refusal !== null) return err(refusal);
    const started = this.#own.start(service, AbortSignal.timeout(LIMITS.agentOpenMs));
    const opened = started.ok ? await started.value.opened : started;
    if (!opened.ok) return fail("unavailable", CODES[opened.error.code].words);
    return ok(serviceStream(opened.value, (work) => this.ctx.waitUntil(work)));
  }

  async nonce(): Promise<string> {
    return this.#door.nonce();
  }

  async enrol(call: EnrolCall): Promise<Result<null, Fault>> {
    const enrolled = enrol(this.#parts, call);
    if (!enrolled.ok) return enrolled;
    // Under its former keys it is a stranger.
    if (enrolled.value.changed) this.#close(this.#parts.site, call.enrolment.instance);
    await this.#plan();
    return ok(null);
  }

  async expel(call: Parameters<TunnelHubRpc["expel"]>[0]): Promise<Result<null, Fault>> {
    const expelled = expelInstance(this.#parts, call.instance, call.principal);
    if (!expelled.ok) return expelled;
    this.#close(this.#parts.site, call.instance);
    await tellHubs(this.#parts, (site) => this.env.TUNNEL_HUB.getByName(site));
    await this.#plan();
    return expelled;
  }

  async keysOf(call: Parameters<TunnelHubRpc["keysOf"]>[0]): Promise<PublicKeys | null> {
    return keysFor(this.#parts, call);
  }

  async expelled({ site, instance }: Parameters<TunnelHubRpc["expelled"]>[0]): Promise<void> {
    this.#close(site, instance);
  }

  async accessOf(tokenSha256: string): Promise<AccessHolder | null> {
    return accessHolder(this.#parts, tokenSha256);
  }

  async status(): Promise<TunnelStatus> {
    await this.#plan();
    return statusOf(
      this.#parts,
      this.#services,
      this.#own.count,
      (socket) => this.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? null,
    );
  }

  async clearAlarms(
    call: Parameters<TunnelHubRpc["clearAlarms"]>[0],
  ): Promise<Result<{ readonly cleared: number }, Fault>> {
    const { store, alarms, nowMs } = this.#parts;
    const cleared = store.transaction(() => alarms.clear(call.code, null, call.principal, nowMs()));
    await this.#plan();
    return ok({ cleared });
  }

  async report(call: ReportCall): Promise<Result<null, Fault>> {
    const taken = this.#reports.take(call);
    await this.#plan();
    return taken;
  }

  async refresh(): Promise<void> {
    const { connections } = this.#parts;
    const isInUse = (): boolean => this.#door.isInUse || connections.members.length > 0;
    const wasInUse = isInUse();
    let view = await this.#network.now(wasInUse);
    // Whoever has come meanwhile has to be known of.
    if (!wasInUse && isInUse()) view = await this.#network.now(true);
    if (view === null) throw new Error("the directory does not answer");
    this.#sessions.review(view);
    await this.#plan();
  }

  override async alarm(): Promise<void> {
    // Should this run end in the middle, the next one goes on where it was.
    await this.ctx.storage.setAlarm(Date.now() + RECOVERY_MS);
    renewAccesses(this.#parts);
    await tellHubs(this.#parts, (site) => this.env.TUNNEL_HUB.getByName(site));
    const { failedNodes } = await this.#parts.outbox.ship((node) => this.env.AUDIT_LOG.getByName(node));
    await this.#plan(failedNodes.length > 0 ? SHIP_AGAIN_MS : SOON_MS, true);
  }

  /** A WebSocket, or why there is none. */
  #answer(admit: (sockets: Sockets) => RefusalCode | null): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    const refusal = admit({
      accept: (name) => {
        this.ctx.acceptWebSocket(server, [name]);
        return server;
      },
      count: (name) => this.ctx.getWebSockets(name).length,
    });
    return refusal === null ? new Response(null, { status: 101, webSocket: client }) : refusedAnswer(refusal);
  }

  #close(site: string, instance: string): void {
    this.#door.expel(site, instance);
    this.#sessions.closeInstance(site, instance);
  }

  async #toService(wanted: HttpCall, request: Request): Promise<Response> {
    const refusal = await this.#objection(wanted);
    if (refusal !== null) return respondFault(refusal);
    const answer = await exchange(wanted.service, request, {
      start: (target) => this.#own.start(target),
      background: (work) => this.ctx.waitUntil(work),
    });
    return answer.ok ? answer.value : respondFault(answer.error);
  }

  /** Why a service is not to be used on that behalf; null where it is. */
  async #objection({ service: name, site }: HttpCall): Promise<Fault | null> {
    const { owner } = this.#parts.connections;
    const serving = owner?.member?.id ?? null;
    const service = this.#services.byName(serving).get(name);
    const view = this.#network.latest ?? (await this.#network.now(true));
    if (owner === null) return fault("unavailable", "no agent of this site is connected");
    if (!this.#services.isTold(serving)) return fault("unavailable", "the site's agent has just connected, try again");
    if (service === undefined) return fault("not-found", "the site exposes no such service");
    const linked = site !== null && (view?.linkedSites.includes(site) ?? false);
    const may =
      mayOpen(service, { site: null, linked: false }) && (site === null || mayOpen(service, { site, linked }));
    return may ? null : fault("forbidden", "the site does not expose this service to you");
  }

  #ended(socket: WebSocket): void {
    const connection = this.#parts.connections.of(socket);
    if (connection !== undefined) this.#sessions.ended(connection);
    try {
      socket.close(CLOSE.leaving);
    } catch {
      // Closed both ways already.
    }
  }

  #saveAccounts(): void {
    this.#saving = false;
    for (const connection of this.#parts.connections.members) if (connection.unsaved) connection.save();
  }

  /** Arms the alarm for what comes next; one that is due sooner stays, unless this is its own end. */
  async #plan(shipInMs: number = SOON_MS, replace = false): Promise<void> {
    const nowMs = Date.now();
    const { outbox, store } = this.#parts;
    const deadlines = [
      nextRenewalMs(this.#parts),
      store.nextErrandMs(),
      outbox.pending() > 0 ? nowMs + shipInMs : null,
    ].filter((deadline) => deadline !== null);
    await arm(this.ctx.storage, Math.max(Math.min(...deadlines), nowMs + SOON_MS), replace);
  }
}
