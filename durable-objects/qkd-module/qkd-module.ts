/**
 * QkdModule: one end of a QKD link that the edge simulates, `<link>@<node>`. The core is `shared/qkd-module`; this class
 * keeps its state, its time and its connection. The sender's object drives: each run of its alarm is a bounded part of a
 * block, and the receiver's answers. Both put their own copies of the key into the pool.
 */
import { DurableObject } from "cloudflare:workers";
import { runWithPauses } from "../../shared/conditioning/slices.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { poolName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ModuleAlarmCode } from "../../shared/qkd-module/alarms.ts";
import { QkdModule as Core } from "../../shared/qkd-module/module.ts";
import { type ModuleAnswer, type ModuleConfig, moduleName, type QkdModuleRpc } from "../../shared/qkd-module/rpc.ts";
import type { ModuleNews } from "../../shared/qkd-module/status.ts";
import { ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_NAME, generationOf, type ObjectsEnv } from "../env.ts";
import { logFailure } from "../log-failure.ts";
import { Database, storedJson } from "../storage/database.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";
import { epochStoreOf } from "../storage/epoch-store.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { arm } from "../storage/planner.ts";
import { Settings } from "../storage/settings.ts";
import { Shipping } from "../storage/shipping.ts";
import { StandingAlarms } from "../storage/standing-alarms.ts";
import { tellNews } from "./news.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { putAway } from "./put-away.ts";
import { randomBytes } from "./random-bytes.ts";
import { MIGRATIONS } from "./schema.ts";
import { pause, SenderTurn } from "./sender-turn.ts";
import { QkdModuleStore } from "./store.ts";

const RECOVERY_MS = 30_000;
const AGAIN_MS = 5000;

type Link = NonNullable<ModuleConfig["link"]>;

interface Running {
  readonly link: Link;
  readonly core: Core;
  /** The sender's. */
  readonly turn: SenderTurn | null;
}

export class QkdModule extends DurableObject<ObjectsEnv> implements QkdModuleRpc {
  readonly #name: string;
  readonly #node: NodeId;
  readonly #store: QkdModuleStore;
  readonly #settings: Settings;
  readonly #keys: EpochKeys;
  readonly #outbox: AuditOutbox;
  readonly #shipping: Shipping;
  readonly #alarms: StandingAlarms<ModuleAlarmCode>;
  readonly #turns = new OneAtATime(LIMITS.moduleTurnMs, () => {
    this.#running = null;
  });
  #config: ModuleConfig | null;
  #configuredMs = -Infinity;
  #running: Running | null = null;
  /** Cores that there have been: one that was given up may write no more. */
  #lives = 0;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    this.#settings = new Settings(db);
    this.#name = this.#settings.named(ctx.id.name);
    this.#node = this.#name.slice(this.#name.indexOf("@") + 1) as NodeId;
    this.#keys = new EpochKeys(epochStoreOf(env), `qkd-module:${this.#name}`);
    this.#store = new QkdModuleStore(db, this.#keys);
    // Its keys may have been used since.
    this.#settings.seeGeneration(generationOf(env), () => this.#store.forgetKeys());
    const stored = this.#settings.text("config");
    this.#config = stored === undefined ? null : storedJson<ModuleConfig>(stored);
    this.#outbox = new AuditOutbox(db, `qkd-module:${this.#name}`, LIMITS);
    this.#shipping = new Shipping(this.#outbox, (node) => env.AUDIT_LOG.getByName(node));
    this.#alarms = new StandingAlarms(db, {
      max: LIMITS.moduleAlarms,
      audit: (event) => this.#outbox.recordOrDrop([event]),
      node: this.#node,
      detail: { module: this.#name },
    });
  }

  async refresh(_version: number): Promise<Result<null, Fault>> {
    this.#configuredMs = -Infinity;
    await this.ctx.storage.setAlarm(Date.now());
    return ok(null);
  }

  async exchange(messages: readonly Uint8Array[]): ReturnType<QkdModuleRpc["exchange"]> {
    return await this.#turns.run(async () => {
      const running = await this.#ready();
      if (running === null || running.turn !== null) return fail("not-found", "no receiver of a QKD link");
      const send: Uint8Array[] = [];
      for (const message of messages) {
        const step = await runWithPauses(running.core.receive(message, Date.now()), pause);
        this.#tell(step.news);
        send.push(...step.send);
      }
      if (running.core.finished.length > 0) await this.ctx.storage.setAlarm(Date.now());
      return ok(send);
    });
  }

  async status(): ReturnType<QkdModuleRpc["status"]> {
    const status = this.#running?.core.status(Date.now()) ?? null;
    const answer: ModuleAnswer = { node: this.#node, status, alarms: this.#alarms.list() };
    if (status === null && this.#config?.link != null) await this.ctx.storage.setAlarm(Date.now());
    return ok(answer);
  }

  async clearAlarms({
    code,
    principal,
  }: Parameters<QkdModuleRpc["clearAlarms"]>[0]): ReturnType<QkdModuleRpc["clearAlarms"]> {
    const cleared = this.#store.transaction(() => this.#alarms.clear(code, null, principal, Date.now()));
    await this.ctx.storage.setAlarm(Date.now());
    return ok({ cleared });
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + RECOVERY_MS);
    let nextMs = Date.now() + AGAIN_MS;
    try {
      nextMs = await this.#turns.run(async () => await this.#work());
    } catch (error) {
      // What the core was in the middle of is lost with it; what it had written down is not.
      this.#running = null;
      logFailure("qkd module", error);
    }
    await this.#shipping.ship();
    await arm(this.ctx.storage, Math.max(Math.min(nextMs, this.#shipping.dueMs()), Date.now()), true);
  }

  /** A bounded part of what is to be done. @returns when the next part is due */
  async #work(): Promise<number> {
    const running = await this.#ready();
    if (running === null) return Infinity;
    const { core, turn, link } = running;
    const pool = this.env.KEY_POOL.getByName(poolName(link.pair, 0));
    const from = { configVersion: this.#config?.version ?? 0, principal: `module:${this.#name}` };
    let isFull = false;
    await turn?.take(this.env.QKD_MODULE.getByName(moduleName(link.id, link.nodes[1])), async () => {
      const status = await pool.status(from);
      isFull = !status.ok || status.value.ledgerBits.available >= link.enoughBits;
      return isFull;
    });
    const refused = (id: string, why: string) =>
      this.#tell([{ kind: "raise", code: "module-refused", detail: `${id}: ${why}` }]);
    const isEmpty = await putAway(core, { pool, node: this.#node, ...from, refused });
    const nowMs = Date.now();
    const turnMs = turn?.dueMs(nowMs) ?? Infinity;
    return Math.min(
      isFull ? Math.max(turnMs, nowMs + LIMITS.moduleFullMs) : turnMs,
      isEmpty ? Infinity : nowMs + LIMITS.moduleFullMs,
      this.#configuredMs + LIMITS.moduleRefreshMs,
    );
  }

  /** The module as the network has it now; null where it has none. */
  async #ready(): Promise<Running | null> {
    if (Date.now() >= this.#configuredMs + LIMITS.moduleRefreshMs) await this.#configure();
    const link = this.#config?.link ?? null;
    if (link === null || !link.nodes.includes(this.#node)) {
      if (this.#running !== null) this.#store.forgetKeys();
      this.#running = null;
      return null;
    }
    this.#running = await this.#adopted(link);
    return this.#running;
  }

  async #adopted(link: Link): Promise<Running> {
    const role = link.nodes[0] === this.#node ? "sender" : "receiver";
    const before = this.#running;
    if (before?.link === link) return before;
    if (before !== null && before.link.nodes[0] === link.nodes[0]) {
      if (before.turn === null)
        this.#tell((await runWithPauses(before.core.configure(link.settings, Date.now()), pause)).news);
      else await before.turn.configure(link.settings);
      return { ...before, link };
    }
    this.#lives += 1;
    const life = this.#lives;
    const core = new Core({
      link: link.id,
      role,
      settings: link.settings,
      store: this.#store.while(() => this.#lives === life),
      random: randomBytes,
      // Objects are reached by their names, and by no others of this deployment: who answers there is the other end.
      peerPublicKey: "vouched-for",
    });
    return { link, core, turn: role === "sender" ? new SenderTurn(core, (news) => this.#tell(news)) : null };
  }

  /** Asks the Directory. What it says in other words than before is a new link; the same stays the same. */
  async #configure(): Promise<void> {
    const link = this.#name.slice(0, this.#name.indexOf("@"));
    const config = await this.env.DIRECTORY.getByName(DIRECTORY_NAME).moduleConfig(link);
    for (const epoch of [config.epoch, ...this.#store.epochs()]) await this.#keys.load(epoch);
    if (!this.#keys.has(config.epoch)) throw new Error(`the key of epoch ${config.epoch} is not there`);
    const isNewEpoch = this.#keys.current !== config.epoch;
    this.#keys.use(config.epoch);
    if (isNewEpoch) this.#store.renew();
    const isSame = JSON.stringify(this.#config?.link ?? null) === JSON.stringify(config.link);
    this.#config = isSame && this.#config !== null ? { ...config, link: this.#config.link } : config;
    this.#settings.put("config", JSON.stringify(this.#config));
    this.#configuredMs = Date.now();
  }

  #tell(news: readonly ModuleNews[]): void {
    tellNews(this.#store, this.#alarms, this.#node, news);
  }
}
