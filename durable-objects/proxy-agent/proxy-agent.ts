/**
 * ProxyAgent: a node with an IPsec host, named by the node's id: the SPD and SAD entries asked for, what became of them,
 * and when SAs are made anew. It has the agents of the two ends make the keys and never sees one. This class only composes.
 */
import { DurableObject } from "cloudflare:workers";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { Batch, ProxyAgentRpc, ProxyAgentStatus } from "../../shared/ipsec/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { logFailure } from "../log-failure.ts";
import { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { Planner } from "../storage/planner.ts";
import { Settings } from "../storage/settings.ts";
import { BatchStore } from "./batch-store.ts";
import { Batches } from "./batches.ts";
import { EntryStore } from "./entry-store.ts";
import { ErrandStore } from "./errand-store.ts";
import { Errands } from "./errands.ts";
import { Events } from "./events.ts";
import { setKeys } from "./key-settings.ts";
import { Meeting } from "./meeting.ts";
import { ProxyNetwork } from "./network.ts";
import { hear } from "./notified.ts";
import { isOver } from "./lifetime.ts";
import { Outcomes, reportOf } from "./outcomes.ts";
import type { ProxyParts } from "./parts.ts";
import { RekeyStore } from "./rekey-store.ts";
import { RekeySteps } from "./rekey-steps.ts";
import { Rekeying } from "./rekeying.ts";
import { MIGRATIONS } from "./schema.ts";
import { Settling } from "./settling.ts";
import { ProxyStore } from "./store.ts";
import { Waiters } from "./waiters.ts";
import { WordStore } from "./word-store.ts";

type Call<Name extends keyof ProxyAgentRpc> = Parameters<ProxyAgentRpc[Name]>[0];

/** Entries whose time has come that are looked at in one go. */
const DUE_AT_ONCE = 64;
const RECOVERY_MS = 10_000;
const LOG_NAME = "proxy agent";

export class ProxyAgent extends DurableObject<ObjectsEnv> implements ProxyAgentRpc {
  readonly #parts: ProxyParts;
  readonly #batches: Batches;
  readonly #outcomes: Outcomes;
  readonly #meeting: Meeting;
  readonly #errands: Errands;
  readonly #steps: RekeySteps;
  readonly #rekeying: Rekeying;
  readonly #peers = (peer: NodeId): ProxyAgentRpc => this.env.PROXY_AGENT.getByName(peer);
  readonly #planner: Planner;
  #isLooking = false;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the object's name is its node's id
    const node = new Settings(db).named(ctx.id.name) as NodeId;
    const waiters = new Waiters();
    this.#parts = {
      node,
      db,
      store: new ProxyStore(db),
      entries: new EntryStore(db),
      batches: new BatchStore(db),
      errands: new ErrandStore(db),
      words: new WordStore(db),
      rekeys: new RekeyStore(db),
      network: new ProxyNetwork(node, () => this.env.DIRECTORY.getByName(DIRECTORY_NAME)),
      events: new Events(node, db, (log) => this.env.AUDIT_LOG.getByName(log)),
      nowMs: Date.now,
      newId: () => crypto.randomUUID(),
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      waiters,
      changed: () => this.#changed(),
    };
    this.#batches = new Batches(this.#parts);
    this.#outcomes = new Outcomes(this.#parts);
    this.#meeting = new Meeting(this.#parts, this.#outcomes, this.#peers);
    this.#steps = new RekeySteps(this.#parts, this.#outcomes);
    this.#rekeying = new Rekeying(this.#parts, this.#steps, this.#peers);
    const settling = new Settling(this.#parts, this.#outcomes, this.#meeting, this.#steps);
    this.#errands = new Errands(this.#parts, settling, (site) => this.env.TUNNEL_HUB.getByName(site));
    this.#planner = new Planner({
      ctx,
      name: LOG_NAME,
      recoveryMs: RECOVERY_MS,
      dueMs: (nowMs) => this.#dueMs(nowMs),
      work: async () => await this.#work(),
    });
  }

  async post(call: Call<"post">): ReturnType<ProxyAgentRpc["post"]> {
    return await this.#with(call.configVersion, async () => await this.#batches.post(call));
  }

  async remove(call: Call<"remove">): ReturnType<ProxyAgentRpc["remove"]> {
    return await this.#with(call.configVersion, async () => await this.#batches.remove(call));
  }

  async batch({ id }: Call<"batch">): Promise<Result<Batch, Fault>> {
    this.#planner.plan();
    const batch = this.#batches.read(id);
    return batch === null ? fail("not-found", "no such batch, or it was long ago") : ok(batch);
  }

  async setKeys(call: Call<"setKeys">): ReturnType<ProxyAgentRpc["setKeys"]> {
    return await this.#with(call.configVersion, async () => {
      const set = await setKeys(this.#parts, call, this.#peers);
      this.#planner.plan();
      return set;
    });
  }

  async notified({ notifications }: Call<"notified">): ReturnType<ProxyAgentRpc["notified"]> {
    return await this.#with(0, async () => {
      const heard = notifications.slice(0, LIMITS.ipsecNotifications);
      this.#parts.db.transaction(() => {
        for (const each of heard) hear(this.#parts, this.#outcomes, each);
      });
      this.#parts.changed();
      return await Promise.resolve(ok(null));
    });
  }

  async rekey({ principal, name }: Call<"rekey">): ReturnType<ProxyAgentRpc["rekey"]> {
    return await this.#with(0, async () => {
      const { entries, events, nowMs } = this.#parts;
      const row = entries.named("sad", name);
      if (row?.kind !== "sad") return fail("not-found", "no SA of this name was asked for");
      const begun = await this.#rekeying.begin(row);
      if (begun.ok) events.tell("ipsec.rekey-asked", principal, { name, rekey: begun.value.id }, nowMs());
      this.#planner.plan();
      return begun;
    });
  }

  async status(): Promise<Result<ProxyAgentStatus, Fault>> {
    return await this.#with(0, async () => {
      const { node, network, entries, store, rekeys, events } = this.#parts;
      const underWay = rekeys
        .list()
        .map(({ id, phase, sas, beganMs }) => ({ id, phase, sas: sas.length, sinceMs: beganMs }));
      return await Promise.resolve(
        ok({
          node,
          entries: network.own === null ? [] : entries.list(LIMITS.ipsecEntriesListed).map((row) => reportOf(row)),
          settings: store.keySettings(),
          rekeys: underWay,
          notifications: store.notifications(),
          alarms: events.list(),
        }),
      );
    });
  }

  async counts(): ReturnType<ProxyAgentRpc["counts"]> {
    const { entries, rekeys, events } = this.#parts;
    return ok({ ...entries.counts(), rekeys: rekeys.count(), alarms: events.list() });
  }

  async clearAlarms({ code, principal }: Call<"clearAlarms">): ReturnType<ProxyAgentRpc["clearAlarms"]> {
    const { db, events, nowMs } = this.#parts;
    const cleared = db.transaction(() => events.clear(code, null, principal, nowMs()));
    this.#planner.plan();
    return ok({ cleared });
  }

  async settled(call: Call<"settled">): ReturnType<ProxyAgentRpc["settled"]> {
    return await this.#with(0, async () => {
      const agreed = this.#meeting.heard(call);
      this.#parts.changed();
      return await Promise.resolve(ok({ agreed }));
    });
  }

  async rekeyStep(call: Call<"rekeyStep">): ReturnType<ProxyAgentRpc["rekeyStep"]> {
    return await this.#with(0, async () => await this.#steps.run(call));
  }

  async rekeyAsked(call: Call<"rekeyAsked">): ReturnType<ProxyAgentRpc["rekeyAsked"]> {
    return await this.#with(0, async () => await this.#rekeying.asked(call));
  }

  async refresh(): Promise<void> {
    await this.#parts.network.refresh();
    this.#planner.plan();
  }

  override async alarm(): Promise<void> {
    await this.#planner.alarm();
  }

  /** Bounded, and the same again does no harm. Errands and rekeys go on by themselves. */
  async #work(): Promise<boolean> {
    const { entries, db, events, network, nowMs, changed } = this.#parts;
    // Where the Directory does not answer nothing can be done, and the alarm tries again.
    if (!network.isKnown && !(await network.refresh())) return false;
    this.#errands.begin();
    this.#rekeying.driveDue();
    for (const { id } of entries.due(nowMs(), DUE_AT_ONCE)) {
      // The one before may have concerned it too.
      const row = entries.get(id);
      if (row?.kind !== "sad" || row.rekey !== null) continue;
      if (row.state === "keyed") db.transaction(() => this.#meeting.silent(row));
      else if (isOver(row, nowMs())) db.transaction(() => this.#outcomes.expired(row));
      else if (row.state === "installed") await this.#rekeying.due(row);
    }
    await this.#meeting.tellDue();
    await events.ship();
    changed();
    return true;
  }

  async #with<T>(configVersion: number, work: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
    const known = await this.#parts.network.atLeast(configVersion);
    // Whoever calls has what is due looked at, should an alarm have been lost.
    this.#planner.plan();
    return known.ok ? await work() : known;
  }

  /**
   * Once for all that changes in one turn. What is due by it is begun in that turn too: what is written for it is then on
   * disk together with what led to it, and not after it.
   */
  #changed(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    queueMicrotask(() => {
      this.#isLooking = false;
      this.#look().catch((error: unknown) => logFailure(LOG_NAME, error));
    });
  }

  async #look(): Promise<void> {
    const { network, waiters } = this.#parts;
    if (network.isKnown) this.#errands.begin();
    const telling = network.isKnown ? this.#meeting.tellDue() : null;
    waiters.look();
    this.#planner.plan();
    await telling;
  }

  #dueMs(nowMs: number): number {
    const { entries, words, rekeys, events } = this.#parts;
    const dues = [entries, words, rekeys].map((store) => store.nextDueMs() ?? Infinity);
    return Math.min(...dues, this.#errands.dueMs(nowMs), events.dueMs());
  }
}
